# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Long series made short enough to draw: the least and the greatest of each stretch stay."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from distill_runtime.core.arrays import FloatArray
from distill_runtime.data.bags.chunk import BoolArray
from distill_runtime.data.replay.compare import Rows
import numpy as np

STRETCHES = 800
"""Stretches into which a long series is cut: more than a plot has pixels."""


def downsampled(x: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the points to draw, in order; a short series is returned as it is.

    A stretch without numbers gives one NaN, so that a gap stays a gap.

    Args:
        x: Ascending, shape (T,).
        y: LayoutGroup; NaN where there is nothing.
    """
    if not is_long(len(x)):
        return x, y
    picked: list[int] = []
    for begin, end in _stretches(len(x)):
        picked += [begin + place for place in _extremes(y[begin:end])]
    return x[picked], y[picked]


def downsampled_columns(
    x: FloatArray, rows: Rows, columns: Sequence[int], is_known: BoolArray
) -> list[tuple[FloatArray, FloatArray]]:
    """Return the points to draw of some columns, each as thinned does; rows are read by stretches.

    Args:
        x: Ascending, shape (T,).
        rows: Shape (T, width).
        columns: Which of them.
        is_known: Rows that count, shape (T,); the others are NaN.
    """
    edges = _stretches(len(x)) if is_long(len(x)) else [(0, len(x))]
    times: list[list[FloatArray]] = [[] for _ in columns]
    points: list[list[FloatArray]] = [[] for _ in columns]
    for begin, end in edges:
        values = np.array(rows[begin:end], np.float64)[:, list(columns)]
        values[~is_known[begin:end]] = np.nan
        for place, column in enumerate(values.T):
            picked = _extremes(column) if len(edges) > 1 else slice(None)
            times[place].append(x[begin:end][picked])
            points[place].append(column[picked])
    return [
        (np.concatenate(part), np.concatenate(column))
        for part, column in zip(times, points, strict=True)
    ]


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


def is_long(count: int) -> bool:
    """Whether a series of so many points is thinned."""
    return count > 2 * STRETCHES


def _stretches(count: int) -> list[tuple[int, int]]:
    edges = np.linspace(0, count, STRETCHES + 1).astype(np.intp).tolist()
    return list(pairwise(edges))


def _extremes(values: FloatArray) -> list[int]:
    """Return where the least and the greatest are, in order; one place where all are NaN."""
    known = np.flatnonzero(~np.isnan(values))
    if not len(known):
        return [0]
    least, greatest = known[values[known].argmin()], known[values[known].argmax()]
    return sorted({int(least), int(greatest)})
