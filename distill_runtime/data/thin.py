# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Long series made short enough to draw: the least and the greatest of each stretch stay."""

from __future__ import annotations

from distill_runtime.core.arrays import FloatArray
import numpy as np

STRETCHES = 800
"""Stretches into which a long series is cut: more than a plot has pixels."""


def thinned(x: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the points to draw, in order; a short series is returned as it is.

    A stretch without numbers gives one NaN, so that a gap stays a gap.

    Args:
        x: Ascending, shape (T,).
        y: Alike; NaN where there is nothing.
    """
    if len(x) <= 2 * STRETCHES:
        return x, y
    picked: list[int] = []
    for part in np.array_split(np.arange(len(x)), STRETCHES):
        values = y[part]
        known = np.flatnonzero(~np.isnan(values))
        if not len(known):
            picked.append(int(part[0]))
            continue
        least, greatest = known[values[known].argmin()], known[values[known].argmax()]
        picked += sorted({int(part[least]), int(part[greatest])})
    return x[picked], y[picked]


def greatest(values: FloatArray, stretches: int = STRETCHES) -> FloatArray:
    """Return the greatest of each stretch of rows, NaN where there is none.

    Args:
        values: Shape (T, columns).
        stretches: How many at most.
    """
    if len(values) <= stretches:
        return values
    parts = np.array_split(values, stretches)
    return np.array([np.fmax.reduce(part, axis=0) for part in parts])
