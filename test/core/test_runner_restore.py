# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""State of a runner set from a log, as a replay does."""

from __future__ import annotations

from distill_runtime.core.modes import Event, Mode
import numpy as np
import pytest
from support.rig import COMMAND_TERM, Rig, TICK_NS, walking
from support.specs import DEFAULT, make_spec

LOGGED = np.array([0.3, 0.2, -0.1])


@pytest.mark.parametrize(
    ('mode', 'expected'),
    [*((mode, mode) for mode in Mode if mode is not Mode.FAULT), (Mode.FAULT, Mode.STANDBY)],
)
def test_runner_restarts_in_the_given_mode(mode, expected):
    rig = walking(make_spec(COMMAND_TERM))
    rig.ask(Event.ESTOP)
    rig.runner.restore(mode=mode)
    assert (rig.runner.fault, rig.runner.last_command) == ('', None)
    rig.now = 0  # another log may begin earlier
    assert rig.tick().mode is expected


def test_standby_starts_from_the_restored_command():
    rig = Rig(ramp_time=2.0)
    rig.runner.restore(mode=Mode.STANDBY, command=LOGGED)
    assert rig.runner.last_command.tolist() == LOGGED.tolist()
    assert rig.tick().command == pytest.approx(LOGGED)


def test_step_limit_counts_from_the_restored_command():
    rig = walking(max_joint_step=0.125)
    rig.runner.restore(command=LOGGED)
    assert rig.tick().command == pytest.approx(LOGGED + np.clip(DEFAULT - LOGGED, -0.125, 0.125))


def test_motion_starts_from_the_measured_pose_where_nothing_was_sent():
    rig = walking(output=1.0, stop_timeout=0.0, ramp_time=2.0)
    rig.place(LOGGED)
    rig.runner.restore(nothing_sent=True)
    assert rig.ask(Event.STOP).command == pytest.approx(LOGGED)


def test_restored_action_is_the_last_action_of_the_next_step():
    rig = walking(make_spec({'term': 'last_action'}, action={'clip': [-2.0, 2.0]}))
    rig.runner.restore(action=np.array([0.5, 9.0, -0.5], np.float32))
    assert rig.tick().observation.tolist() == [0.5, 2.0, -0.5]


def test_log_decides_when_a_stop_is_over():
    rig = walking(make_spec(COMMAND_TERM), stop_timeout=0.1)
    rig.runner.restore(stop_is_over=False)
    assert rig.ask(Event.STOP).mode is Mode.STOPPING
    for _ in range(round(0.3e9 / TICK_NS)):
        assert rig.tick().mode is Mode.STOPPING
    rig.runner.restore(stop_is_over=True)
    assert rig.tick().mode is Mode.STANDBY


def test_nothing_given_changes_nothing():
    rig, other = walking(output=1.0), walking(output=1.0)
    rig.runner.restore()
    assert rig.tick().command.tolist() == other.tick().command.tolist()
    assert rig.policy.num_resets == other.policy.num_resets
