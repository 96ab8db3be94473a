# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Downsample long series for plots; minimum and maximum of each interval are kept."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from distill_runtime.core.arrays import BoolArray, FloatArray
from distill_runtime.data.replay.compare import Rows
import numpy as np

INTERVALS = 800
"""Intervals of a long series: more than a plot has pixels."""


def downsampled(x: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the points to plot, in order; a short series is returned unchanged.

    An interval of NaN gives one NaN, so that a gap stays a gap.

    Args:
        x: Ascending, shape (T,).
        y: Shape (T,); NaN where there is no value.
    """
    is_known = np.ones(len(x), bool)
    return downsampled_columns(x, y[:, np.newaxis], (0,), is_known)[0]


def downsampled_columns(
    x: FloatArray, rows: Rows, columns: Sequence[int], is_known: BoolArray
) -> list[tuple[FloatArray, FloatArray]]:
    """Return the points of some columns, see downsampled; rows are read by intervals.

    Args:
        x: Ascending, shape (T,).
        rows: Shape (T, width).
        columns: Which of them.
        is_known: Rows to use, shape (T,); the others become NaN.
    """
    edges = _intervals(len(x)) if is_long(len(x)) else [(0, len(x))]
    times: list[list[FloatArray]] = [[] for _ in columns]
    points: list[list[FloatArray]] = [[] for _ in columns]
    for begin, end in edges:
        values = np.array(rows[begin:end], np.float64)[:, list(columns)]
        values[~is_known[begin:end]] = np.nan
        for index, column in enumerate(values.T):
            picked = _extremes(column) if len(edges) > 1 else slice(None)
            times[index].append(x[begin:end][picked])
            points[index].append(column[picked])
    return [
        (np.concatenate(time), np.concatenate(column))
        for time, column in zip(times, points, strict=True)
    ]


def maxima(values: FloatArray) -> FloatArray:
    """Return the maximum of each interval of rows, NaN where there is none.

    Args:
        values: Shape (T, columns).
    """
    if len(values) <= INTERVALS:
        return values
    return np.array([np.fmax.reduce(rows, axis=0) for rows in np.array_split(values, INTERVALS)])


def is_long(count: int) -> bool:
    """Whether a series with this number of points is downsampled."""
    return count > 2 * INTERVALS


def _intervals(count: int) -> list[tuple[int, int]]:
    edges = np.linspace(0, count, INTERVALS + 1).astype(np.intp).tolist()
    return list(pairwise(edges))


def _extremes(values: FloatArray) -> list[int]:
    """Return the indices of minimum and maximum, in order; one index if all are NaN."""
    known = np.flatnonzero(~np.isnan(values))
    if not len(known):
        return [0]
    low, high = known[values[known].argmin()], known[values[known].argmax()]
    return sorted({int(low), int(high)})
