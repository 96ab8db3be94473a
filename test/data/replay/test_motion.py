# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from distill_runtime.data.replay.motion import motion
import numpy as np
import pytest

PERIOD = 0.02


def motion_of(command, position, is_valid=None, **options):
    num_ticks, num_joints = command.shape
    is_valid = np.ones(num_ticks, np.bool_) if is_valid is None else is_valid
    none = np.zeros((0, num_joints), np.bool_)
    return motion(
        command,
        position,
        is_valid,
        PERIOD,
        options.get('bound', none),
        options.get('clipped', none),
    )


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
