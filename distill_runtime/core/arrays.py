# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Array types, and arrays that nobody can change by accident."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
Float32Array = npt.NDArray[np.float32]
IndexArray = npt.NDArray[np.intp]

MAX_SQUARED_NORM = 1e30
"""No sensor and no network gives such numbers; below it float32 holds every element."""


def is_sound(values: FloatArray | Float32Array) -> bool:
    """Whether all elements are finite and of sane size; a vdot neither copies nor warns."""
    return bool(np.vdot(values, values) < MAX_SQUARED_NORM)


def locked_floats(values: Iterable[float]) -> FloatArray:
    """Return a read-only float64 array of shape (n,)."""
    array = np.array(tuple(values), dtype=np.float64)
    array.setflags(write=False)
    return array


def own_indices(indices: IndexArray) -> IndexArray:
    """Return a writable copy to gather with: take copies a read-only index at every call."""
    return np.array(indices)


def segment(values: FloatArray, indices: IndexArray) -> FloatArray | None:
    """Return a view of the elements if they lie behind one another in order, else None."""
    start = int(indices[0])
    is_run = bool(np.array_equal(indices, np.arange(start, start + len(indices))))
    return values[start : start + len(indices)] if is_run else None


def locked_indices(values: Iterable[int]) -> IndexArray:
    """Return a read-only index array of shape (n,)."""
    array = np.array(tuple(values), dtype=np.intp)
    array.setflags(write=False)
    return array
