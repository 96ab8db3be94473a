# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import math

from distill_runtime.core.config import RunnerConfig
from distill_runtime.core.modes import Event, Mode
import numpy as np
import pytest
from support.rig import COMMAND_TERM, IMU_TERM, Rig, walking
from support.specs import DEFAULT, make_spec

SECOND = 1_000_000_000


def test_standby_ramps_from_the_measured_pose_to_the_default_pose():
    rig = Rig(ramp_time=2.0)
    rig.place([0.5, 0.6, -0.5])
    step = rig.tick()
    assert (step.mode, step.sends, step.reason) == (Mode.STANDBY, True, '')
    assert step.command.tolist() == [0.5, 0.6, -0.5]
    assert rig.tick(SECOND).command == pytest.approx([0.3, 0.6, -0.5])
    assert rig.tick(SECOND).command.tolist() == list(DEFAULT)
    assert rig.tick(100 * SECOND).command.tolist() == list(DEFAULT)


def test_start_runs_the_policy_from_the_next_tick_on():
    rig = Rig(output=[1.0, -1.0, 0.0], max_joint_step=0.0)
    rig.tick()
    step = rig.ask(Event.START)
    assert (step.mode, step.has_policy_step, step.reason) == (Mode.POLICY, True, '')
    assert step.action.tolist() == [1.0, -1.0, 0.0]
    assert step.target.tolist() == [0.1 + 0.5, 0.6 - 0.5, -0.5]
    assert step.command.tolist() == step.target.tolist()


def test_stop_ramps_back_from_the_last_command():
    rig = walking(output=1.0, ramp_time=1.0)
    last = rig.tick().command.tolist()
    step = rig.ask(Event.STOP)
    assert step.mode is Mode.STANDBY
    assert step.command == pytest.approx(last)
    assert rig.tick(SECOND).command.tolist() == list(DEFAULT)


def test_start_in_policy_makes_the_first_complete_tick_its_tick_zero():
    rig = Rig(make_spec(IMU_TERM), start_in='policy', max_joint_step=0.01, output=1.0)
    assert not rig.tick(but={'imu'}).sends
    step = rig.tick()
    assert (step.mode, step.has_policy_step) == (Mode.POLICY, True)
    # the first command is not limited in its step
    assert step.command.tolist() == [value + 0.5 for value in DEFAULT]


def test_step_limit_spans_the_change_of_mode():
    rig = Rig(output=2.0, max_joint_step=0.25)
    rig.tick()
    assert rig.ask(Event.START).command.tolist() == [value + 0.25 for value in DEFAULT]


def test_first_policy_step_sees_last_action_zero_and_then_the_clipped_output():
    spec = make_spec({'term': 'last_action'}, action={'clip': [-2.0, 2.0], 'scale': 0.1})
    rig = Rig(spec, output=5.0, start_in='policy')
    assert rig.tick().observation.tolist() == [0.0, 0.0, 0.0]
    step = rig.tick()
    assert step.observation.tolist() == [2.0, 2.0, 2.0]
    assert step.action.tolist() == [5.0, 5.0, 5.0]


def test_return_to_the_policy_restarts_all_state():
    phase = {'term': 'gait_phase', 'frequency': 1.0, 'offsets': [0.0], 'components': ['cos']}
    spec = make_spec(
        {'term': 'last_action'},
        {'term': 'joint_position', 'relative': False, 'joints': ['hip']},
        {**phase, 'advance': 'after'},
        history={'length': 2, 'major': 'frame', 'order': 'oldest_first', 'fill': 'zeros'},
    )
    rig = Rig(spec, output=1.0)
    rig.tick()
    rig.place([0.25, *DEFAULT[1:]])
    first = rig.ask(Event.START).observation.tolist()
    assert first == [0.0] * 5 + [0.0, 0.0, 0.0, 0.25, 1.0]
    for _ in range(3):
        rig.tick()
    assert rig.policy.observation.tolist() != first
    rig.ask(Event.STOP)
    resets = rig.policy.num_resets
    assert rig.ask(Event.START).observation.tolist() == first
    assert rig.policy.num_resets == resets + 1


def test_start_while_the_policy_runs_changes_nothing():
    rig = walking(output=1.0)
    resets = rig.policy.num_resets
    assert rig.ask(Event.START).mode is Mode.POLICY
    assert rig.policy.num_resets == resets


def test_step_reports_whether_joints_are_fresh():
    rig = walking()
    assert rig.tick().has_feedback
    assert not rig.tick(SECOND, but={'joint'}).has_feedback


def test_reset_is_the_state_after_construction():
    rig = walking(output=0.0, max_joint_step=0.01)
    rig.runner.reset()
    rig.policy.output = 1.0  # far from the last command, which is forgotten
    assert (rig.runner.mode, rig.runner.fault) == (Mode.POLICY, '')
    rig.now = 0  # a clock that starts over is none that jumps
    step = rig.tick()
    assert (step.mode, step.reason) == (Mode.POLICY, '')
    assert step.command.tolist() == [value + 0.5 for value in DEFAULT]


@pytest.mark.parametrize('mode', [Mode.STANDBY, Mode.POLICY])
def test_reset_starts_in_the_given_mode_or_that_of_the_config(mode):
    rig = Rig(start_in='policy' if mode is Mode.STANDBY else 'standby')
    other = rig.runner.mode
    for asked, expected in ((mode, mode), (None, other)):
        rig.runner.reset(asked)
        assert rig.tick().mode is expected


def test_config_cannot_be_replaced_where_it_would_have_no_effect():
    runner = Rig().runner
    with pytest.raises(AttributeError):
        runner.config = RunnerConfig(tilt_limit=0.1)
    with pytest.raises(AttributeError):
        runner.config.tilt_limit = 0.1


def test_zero_tilt_limit_allows_any_tilt():
    rig = walking(make_spec(IMU_TERM), tilt_limit=0.0)
    rig.sensors.quat_base_to_world[:] = [0, 1, 0, 0]
    assert rig.tick().mode is Mode.POLICY


def test_same_sensors_give_the_same_bits():
    spec = make_spec(COMMAND_TERM, {'term': 'joint_velocity', 'scale': 0.05})
    streams = []
    for _ in range(2):
        rng = np.random.default_rng(0)
        rig = Rig(spec, output=lambda run: math.sin(run), start_in='policy')
        stream = b''
        for _ in range(50):
            rig.sensors.velocity_command[:] = rng.normal(size=3)
            rig.sensors.joint_velocity[:] = rng.normal(size=3)
            step = rig.tick()
            stream += step.observation.tobytes() + step.command.tobytes()
        streams.append(stream)
    assert streams[0] == streams[1]
