# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from distill_runtime.core.arrays import (
    is_valid,
    locked_floats,
    locked_indices,
    write_excess,
)
import numpy as np
import pytest


def test_locked_arrays_cannot_be_written():
    for array, dtype in ((locked_floats([1, 2.5]), np.float64), (locked_indices([1, 2]), np.intp)):
        assert array.dtype == dtype
        with pytest.raises(ValueError, match='read-only'):
            array[0] = 0


@pytest.mark.parametrize(
    ('values', 'expected'),
    [
        ([], True),
        ([0.0, -3.0, 1e12], True),
        ([np.nan, 0.0], False),
        ([np.inf, 0.0], False),
        ([np.inf, -np.inf], False),
        ([1e39, 0.0], False),
        ([1e300, -1e300], False),
    ],
)
def test_valid_values_are_finite_and_not_huge(values, expected):
    assert is_valid(np.array(values)) is expected


def test_float32_values_are_judged_without_a_warning():
    assert is_valid(np.array([3.0, -4.0], np.float32)) is True
    assert is_valid(np.array([3e38, 3e38], np.float32)) is False
    assert is_valid(np.array([np.nan], np.float32)) is False


def test_excess_is_what_lies_beyond_the_nearer_bound():
    excess = np.zeros(3)
    lower, upper = np.array([-1.0, -np.inf, 0.0]), np.array([1.0, 2.0, np.inf])
    assert write_excess(np.array([-1.5, 5.0, 7.0]), lower, upper, excess)
    assert excess.tolist() == [-0.5, 3.0, 0.0]
    assert not write_excess(np.array([1.0, 2.0, 0.0]), lower, upper, excess)
