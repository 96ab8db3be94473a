# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Rates of change of samples, over spans long enough for noise to average out."""

from __future__ import annotations

from typing import NamedTuple

from distill_runtime.core.arrays import FloatArray, IndexArray, StampArray
import numpy as np

SPAN = 0.02
"""Time between the samples of a difference, in [s]."""


class Spans(NamedTuple):
    """Pairs of rows about SPAN apart, without gaps between them."""

    first: IndexArray
    last: IndexArray
    dt: FloatArray
    """Time between the two, in [s]."""


def spans(stamp_ns: StampArray) -> Spans:
    """Return pairs of rows for differences; none if the stream is too short.

    Args:
        stamp_ns: Of the samples, in [ns], shape (N,); pairs across gaps and jumps are dropped.
    """
    if len(stamp_ns) < 3:
        none = np.zeros(0, np.intp)
        return Spans(none, none, np.zeros(0))
    typical = max(float(np.median(np.diff(stamp_ns))) / 1e9, 1e-6)
    rows = max(1, round(SPAN / typical))
    first = np.arange(len(stamp_ns) - rows)
    last = first + rows
    dt = (stamp_ns[last] - stamp_ns[first]) / 1e9
    usable = (dt > 0.5 * rows * typical) & (dt < 1.5 * rows * typical)
    return Spans(first[usable], last[usable], dt[usable])


def mean_over(values: FloatArray, pairs: Spans) -> FloatArray:
    """Return the mean of a signal over each span by the trapezoid rule.

    Args:
        values: Shape (N, width).
        pairs: Of its stamps.
    """
    between = np.concatenate((np.zeros((1, values.shape[1])), (values[1:] + values[:-1]) / 2.0))
    total = np.cumsum(between, axis=0)
    count = (pairs.last - pairs.first)[:, None]
    return (total[pairs.last] - total[pairs.first]) / count


def rates(values: FloatArray, pairs: Spans) -> FloatArray:
    """Return the rate of change over each span, per [s]."""
    return (values[pairs.last] - values[pairs.first]) / pairs.dt[:, None]


def body_rates(quats_base_to_world: FloatArray, pairs: Spans) -> FloatArray:
    """Return angular velocities of the base in the base frame, in [rad]/[s], shape (M, 3).

    Args:
        quats_base_to_world: Unit quaternions (w, x, y, z), shape (N, 4).
        pairs: Of their stamps.
    """
    w1, v1 = quats_base_to_world[pairs.first, 0], quats_base_to_world[pairs.first, 1:]
    w2, v2 = quats_base_to_world[pairs.last, 0], quats_base_to_world[pairs.last, 1:]
    real = w1 * w2 + np.einsum('ij,ij->i', v1, v2)
    vector = w1[:, None] * v2 - w2[:, None] * v1 - np.cross(v1, v2)
    vector *= np.where(real < 0.0, -1.0, 1.0)[:, None]
    size = np.linalg.norm(vector, axis=1)
    angle = 2.0 * np.arctan2(size, np.abs(real))
    scale = np.divide(angle, size, out=np.full_like(size, 2.0), where=size > 1e-12)
    return vector * (scale / pairs.dt)[:, None]
