# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Numbers of a spec as short text for people."""

from __future__ import annotations

from collections.abc import Sequence
import math

from distill_runtime.spec.clip import Clip, clip_pairs


def number_range(values: Sequence[float]) -> str:
    """Show one number if all are equal, up to four in full, more by their range."""
    if len(set(values)) == 1:
        return f'{values[0]:g}'
    if len(values) <= 4:
        return ' '.join(f'{value:g}' for value in values)
    return f'{min(values):g} .. {max(values):g}'


def bounds_text(lower: float | None, upper: float | None) -> str:
    """Show a range; a side without a bound is infinite."""
    low, high = (
        unbounded if bound is None else bound
        for bound, unbounded in ((lower, -math.inf), (upper, math.inf))
    )
    return f'{low:.4g} .. {high:.4g}'


def clip_text(clip: Clip) -> str:
    """Show a clip, or the outermost of several."""
    pairs = clip_pairs(clip, 1)
    if not pairs:
        return '-'
    text = bounds_text(
        min(-math.inf if low is None else low for low, _ in pairs),
        max(math.inf if high is None else high for _, high in pairs),
    )
    return text if len(set(pairs)) == 1 else f'{text} (by element)'
