# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from distill_runtime.data.replay.compare import compare, Exceeded, Group, single
from distill_runtime.data.replay.motion import motion
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


def test_ticks_without_a_reference_and_masked_ticks_are_not_compared():
    found = compared([[1], [2], [3]], [[NAN], [5], [3]], 'a', mask=[True, False, True])
    assert (found.num_ticks, found.num_equal) == (1, 1)
    np.testing.assert_array_equal(found.error, [[NAN], [NAN], [0]])


def test_nan_of_the_reference_is_not_compared_and_one_of_ours_is_an_infinite_difference():
    assert compared([[1.0]], [[NAN]], 'a') is None
    a, b = compared([[1, 2]], [[1, NAN]]).columns
    assert (a.max, b.max) == (0.0, 0.0)
    assert compared([[NAN], [1.0]], [[1.0], [1.0]], 'a').columns[0].max == np.inf
    equal = compared([[1.25]], [[1.0]], 'a', tolerance=0.25)
    assert equal.columns[0].first_exceeded is None


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


PERIOD = 0.02


def motion_of(command, position, is_valid=True, bound=None, clipped=None):
    none = np.zeros((0, command.shape[1]), np.bool_)
    is_valid = np.full(len(command), True) & is_valid
    flags = (none if given is None else given for given in (bound, clipped))
    return motion(command, position, is_valid, PERIOD, *flags)


def swing(ticks=400, shift=0.0):
    time = np.arange(ticks) - shift
    return np.sin(0.11 * time)[:, None] + 0.3 * np.sin(0.37 * time)[:, None]


@pytest.mark.parametrize('shift', [0.0, 1.0, 3.0, 3.5])
def test_lag_between_command_and_joint_is_found(shift):
    lag = motion_of(swing(), 0.8 * swing(shift=shift)).lag[0]
    assert lag == pytest.approx(shift * PERIOD, abs=0.15 * PERIOD)


def test_joint_that_stands_or_ignores_its_command_has_no_lag():
    other = np.random.default_rng(0).normal(size=(400, 1))
    for position in (np.zeros((400, 1)), other):
        assert np.isnan(motion_of(swing(), position).lag[0])


def test_steps_are_measured_between_consecutive_ticks_only():
    command = np.array([[0.0], [0.1], [9.0], [5.0], [5.3]])
    is_valid = np.array([True, True, False, True, True])
    found = motion_of(command, command - 0.2, is_valid)
    assert found.step_max[0] == pytest.approx(0.3)
    assert found.step_rms[0] == pytest.approx(np.sqrt((0.01 + 0.09) / 2))
    assert found.apart[0] == pytest.approx(0.2)


def test_ticks_without_a_command_are_ignored():
    found = motion_of(np.full((3, 1), np.nan), np.zeros((3, 1)))
    assert np.isnan(found.step_max[0])
    assert np.isnan(found.apart[0])
    assert np.isnan(found.bound[0])


def test_shares_of_limited_and_clipped_ticks():
    flags = np.array([[True], [False], [False], [True]])
    found = motion_of(swing(4), swing(4), bound=flags, clipped=flags[:2])
    assert (found.bound[0], found.saturated[0]) == (0.5, 0.5)
