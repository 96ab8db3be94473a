# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Rates of change out of samples, over spans long enough that noise does not drown them."""

from __future__ import annotations

from typing import NamedTuple

from distill_runtime.core.arrays import FloatArray, IndexArray
from distill_runtime.data.bags.chunk import StampArray
import numpy as np

SPAN = 0.02
"""Time over which a difference is taken, in [s]."""


class Spans(NamedTuple):
    """Pairs of rows about SPAN apart, without gaps between them."""

    first: IndexArray
    last: IndexArray
    dt: FloatArray
    """Between the two, in [s]."""


def spans(stamp_ns: StampArray) -> Spans:
    """Return the pairs of rows of a stream to take differences between; none if too short.

    Args:
        stamp_ns: Of the samples, in [ns], shape (N,); rows that go back in time are left out.
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


def mean_over(values: FloatArray, parts: Spans) -> FloatArray:
    """Return the mean of a signal over each span by the trapezoid rule.

    Args:
        values: Shape (N, width).
        parts: Of its stamps.
    """
    between = np.concatenate((np.zeros((1, values.shape[1])), (values[1:] + values[:-1]) / 2.0))
    total = np.cumsum(between, axis=0)
    count = (parts.last - parts.first)[:, None]
    return (total[parts.last] - total[parts.first]) / count


def rates(values: FloatArray, parts: Spans) -> FloatArray:
    """Return the rate of change over each span, per [s]."""
    return (values[parts.last] - values[parts.first]) / parts.dt[:, None]


def body_rates(quats_base_to_world: FloatArray, parts: Spans) -> FloatArray:
    """Return angular velocities of the base in the base frame, in [rad]/[s], shape (M, 3).

    Args:
        quats_base_to_world: Unit quaternions (w, x, y, z), shape (N, 4).
        parts: Of their stamps.
    """
    w1, v1 = quats_base_to_world[parts.first, 0], quats_base_to_world[parts.first, 1:]
    w2, v2 = quats_base_to_world[parts.last, 0], quats_base_to_world[parts.last, 1:]
    real = w1 * w2 + np.einsum('ij,ij->i', v1, v2)
    vector = w1[:, None] * v2 - w2[:, None] * v1 - np.cross(v1, v2)
    vector *= np.where(real < 0.0, -1.0, 1.0)[:, None]
    size = np.linalg.norm(vector, axis=1)
    angle = 2.0 * np.arctan2(size, np.abs(real))
    scale = np.divide(angle, size, out=np.full_like(size, 2.0), where=size > 1e-12)
    return vector * (scale / parts.dt)[:, None]
