# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from distill_runtime.data.replay.compare import compare, Exceeded, Group, single
import numpy as np
import pytest

NAN = np.nan


def compared(values, reference, names='ab', tolerance=0.1, groups=None, mask=None):
    values, reference = np.array(values, np.float64), np.array(reference, np.float64)
    mask = np.ones(len(values), np.bool_) if mask is None else np.array(mask)
    return compare('commands', 'rad', values, reference, mask, groups or single(names), tolerance)


def test_each_column_has_its_largest_difference_and_where_it_first_exceeds():
    found = compared([[1, 5], [2, 5], [3, 5.5]], [[1, 5], [2.05, 5], [2.5, 5]])
    a, b = found.columns
    assert (a.max, b.max) == (0.5, 0.5)
    assert a.rms == pytest.approx(np.sqrt((0.05**2 + 0.25) / 3))
    assert (a.num_exceeded, a.first_exceeded) == (1, Exceeded(2, 'a', 3.0, 2.5))
    assert found.first_exceeded == a.first_exceeded
    assert (found.num_ticks, found.num_equal) == (3, 1)
    np.testing.assert_allclose(found.error, [[0, 0], [0.05, 0], [0.5, 0.5]], rtol=1e-6)


def test_difference_equal_to_the_tolerance_is_accepted():
    assert compared([[1.25]], [[1.0]], 'a', tolerance=0.25).columns[0].first_exceeded is None


def test_ticks_without_a_reference_and_masked_ticks_are_not_compared():
    found = compared([[1], [2], [3]], [[NAN], [5], [3]], 'a', mask=[True, False, True])
    assert (found.num_ticks, found.num_equal) == (1, 1)
    np.testing.assert_array_equal(found.error, [[NAN], [NAN], [0]])


def test_series_without_common_ticks_have_no_difference():
    assert compared([[1.0]], [[NAN]], 'a') is None


def test_joint_that_was_not_commanded_is_not_compared():
    a, b = compared([[1, 2]], [[1, NAN]]).columns
    assert (a.max, b.max) == (0.0, 0.0)


def test_nan_counts_as_an_infinite_difference():
    assert compared([[NAN], [1.0]], [[1.0], [1.0]], 'a').columns[0].max == np.inf


def test_elements_of_a_group_are_reported_together():
    groups = [Group('term', (0, 2), ('x', 'z')), Group('rest', (1,), ('y',))]
    found = compared([[0, 0, 0], [0, 0, 2]], [[0, 0, 0], [1, 0, 0]], groups=groups)
    assert [column.name for column in found.columns] == ['term', 'rest']
    assert found.columns[0].first_exceeded == Exceeded(1, 'z', 2.0, 0.0)
    assert found.worst.name == 'term'


def test_percentiles_are_values_that_occur():
    column = compared([[value] for value in range(100)], [[0]] * 100, 'a').columns[0]
    assert column.percentiles == (50.0, 95.0, 99.0)


def test_result_does_not_depend_on_the_chunks(monkeypatch):
    rng = np.random.default_rng(0)
    values = rng.normal(size=(50, 2))
    reference = values + np.where(rng.random((50, 2)) < 0.3, rng.normal(size=(50, 2)), 0.0)
    reference[20:31] = NAN
    mask = rng.random(50) < 0.9
    whole = compared(values, reference, mask=mask)
    monkeypatch.setitem(compare.__globals__, '_CHUNK', 7)
    chunked = compared(values, reference, mask=mask)
    np.testing.assert_array_equal(chunked.error, whole.error)
    assert (chunked.num_ticks, chunked.num_equal) == (whole.num_ticks, whole.num_equal)
    for one, other in zip(chunked.columns, whole.columns, strict=True):
        assert one.rms == pytest.approx(other.rms, rel=1e-12)
        assert (one.max, one.percentiles) == (other.max, other.percentiles)
        assert (one.num_exceeded, one.first_exceeded) == (other.num_exceeded, other.first_exceeded)
