# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Array types, read-only arrays, and validity of values."""

from __future__ import annotations

from collections.abc import Iterable
import math
from typing import TypeVar

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
Float32Array = npt.NDArray[np.float32]
IndexArray = npt.NDArray[np.intp]
BoolArray = npt.NDArray[np.bool_]
StampArray = npt.NDArray[np.int64]
"""Times in [ns], shape (N,)."""
Floats = TypeVar('Floats', FloatArray, Float32Array)

MAX_SQUARED_NORM = 1e30
"""Bound of a valid vector; below it float32 holds every element."""


def squared_norm(values: FloatArray | Float32Array) -> float:
    """Return the sum of squares of valid values, shape (n,); a dot of others would warn."""
    return values.dot(values)


def is_valid(values: FloatArray | Float32Array) -> bool:
    """Whether all elements are finite and not huge; a vdot neither copies nor warns."""
    return bool(np.vdot(values, values) < MAX_SQUARED_NORM)


def worst_element(values: FloatArray | Float32Array) -> tuple[int, str]:
    """Return the first element that is not finite, else the largest, and the code of its error."""
    magnitude = np.nan_to_num(np.abs(values), nan=np.inf, posinf=np.inf)
    element = int(magnitude.argmax())
    return element, 'too_large' if math.isfinite(magnitude[element]) else 'not_finite'


def as_float32(
    bounds: tuple[FloatArray, FloatArray] | None,
) -> tuple[Float32Array, Float32Array] | None:
    """Round a pair of bounds to float32."""
    return None if bounds is None else (bounds[0].astype(np.float32), bounds[1].astype(np.float32))


def write_excess(values: Floats, lower: Floats, upper: Floats, excess: Floats) -> bool:
    """Return whether any value is out of bounds; if so, write the signed excess of each.

    All arrays have the same shape and type.
    """
    np.maximum(values, lower, out=excess)
    np.minimum(excess, upper, out=excess)
    if excess.data == values.data:
        return False
    np.subtract(values, excess, excess)
    return bool(squared_norm(excess) != 0.0)


def locked_floats(values: Iterable[float]) -> FloatArray:
    """Return a read-only float64 array of shape (n,)."""
    array = np.array(tuple(values), dtype=np.float64)
    array.setflags(write=False)
    return array


def writable_indices(indices: IndexArray) -> IndexArray:
    """Return a writable copy to gather with: take copies a read-only index at every call."""
    return np.array(indices)


def segment(values: FloatArray, indices: IndexArray) -> FloatArray | None:
    """Return a view of the elements if the indices are consecutive, else None."""
    start = int(indices[0])
    is_run = bool(np.array_equal(indices, np.arange(start, start + len(indices))))
    return values[start : start + len(indices)] if is_run else None


def locked_indices(values: Iterable[int]) -> IndexArray:
    """Return a read-only index array of shape (n,)."""
    array = np.array(tuple(values), dtype=np.intp)
    array.setflags(write=False)
    return array
