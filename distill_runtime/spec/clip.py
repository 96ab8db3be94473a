# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Bounds of the elements of a tensor: one pair for all, or one pair each."""

from __future__ import annotations

from distill_runtime.errors import ConfigError

ClipPair = tuple[float | None, float | None]
"""Lower and upper bound; None: no bound on that side."""
Clip = tuple[ClipPair, ...] | ClipPair | None


def check_clip(clip: Clip, width: int, name: str = 'clip') -> None:
    """Refuse an empty clip, one of another width, and bounds in the wrong order."""
    if clip == ():
        raise ConfigError(
            f'{name} is empty, expected [lower, upper], or one such pair per element'
        )
    pairs = clip_pairs(clip, width)
    if len(pairs) not in (0, width):
        raise ConfigError(f'{name} has {len(pairs)} pairs, expected {width}')
    for lower, upper in pairs:
        if lower is not None and upper is not None and not lower < upper:
            raise ConfigError(f'{name} is [{lower}, {upper}], expected the lower bound first')


def clip_pairs(clip: Clip, width: int) -> tuple[ClipPair, ...]:
    """Return one pair per element; none if nothing is clipped."""
    if not clip:
        return ()
    return clip if isinstance(clip[0], tuple) else (clip,) * width
