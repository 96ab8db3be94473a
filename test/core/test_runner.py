# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import math

from distill_runtime.core.modes import Event, Mode
import numpy as np
import pytest
from support.rig import COMMAND_TERM, IMU_TERM, Rig, TICK_NS, walking
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


PHASE = {
    'term': 'gait_phase',
    'frequency': 12.5,
    'offsets': [0.0],
    'components': ['sin'],
    'advance': 'after',
}


def steps(rig, count):
    return [rig.tick(rig.runner.control_period_ns) for _ in range(count)]


def rig_of_four(interpolation, output, **options):
    return Rig(
        output=output,
        ticks_per_step=4,
        interpolation=interpolation,
        start_in='policy',
        max_joint_step=0.0,
        **options,
    )


def hips(rig, count):
    return [rig.tick(rig.runner.control_period_ns).command[0] for _ in range(count)]


def test_hold_keeps_the_target_between_steps():
    rig = rig_of_four('hold', lambda run: 2.0 * run)
    base = DEFAULT[0]
    assert hips(rig, 9) == [base] * 4 + [base + 1.0] * 4 + [base + 2.0]


def test_linear_reaches_each_target_with_the_last_tick_of_its_period():
    rig = rig_of_four('linear', lambda run: 2.0 * (run + 1))
    base = DEFAULT[0]
    expected = [base + 0.25 * k for k in range(1, 9)]
    assert hips(rig, 8) == pytest.approx(expected)


def test_linear_starts_from_the_measured_pose():
    rig = rig_of_four('linear', 0.0)
    rig.place([0.5, 0.6, -0.5])
    assert hips(rig, 4) == pytest.approx([0.4, 0.3, 0.2, 0.1])


def test_linear_starts_from_the_last_command_after_standby():
    rig = Rig(output=2.0, ticks_per_step=2, interpolation='linear', max_joint_step=0.0)
    rig.tick()
    rig.place([9.0, 9.0, 9.0])
    rig.runner.request(Event.START)
    base = DEFAULT[0]
    assert hips(rig, 2) == pytest.approx([base + 0.5, base + 1.0])


def test_linear_at_the_rate_of_the_policy_is_its_target():
    rig = Rig(output=2.0, interpolation='linear', start_in='policy')
    assert rig.tick().command.tolist() == [value + 1.0 for value in DEFAULT]


def test_history_and_phase_advance_with_the_policy_alone():
    spec = make_spec({**PHASE, 'clip': [-2, 2]})
    rig = Rig(spec, ticks_per_step=3, start_in='policy')
    seen = [float(steps(rig, 1)[0].observation[0]) for _ in range(7)]
    assert seen == pytest.approx([0, 0, 0, 1, 1, 1, 0], abs=1e-6)


def test_inputs_are_checked_at_every_tick():
    rig = rig_of_four('hold', 0.0, max_input_age=0.1)
    steps(rig, 2)
    step = rig.tick(100_000_001, but={'joint'})
    assert (step.mode, step.has_policy_step) == (Mode.FAULT, False)


def test_step_limit_counts_per_tick():
    rig = Rig(
        output=lambda run: 2.0 * run, ticks_per_step=4, start_in='policy', max_joint_step=0.25
    )
    hips(rig, 4)
    assert hips(rig, 4) == pytest.approx([DEFAULT[0] + 0.25 * k for k in range(1, 5)])


def test_start_makes_its_own_tick_the_policy_tick():
    rig = Rig(ticks_per_step=4)
    steps(rig, 3)
    rig.runner.request(Event.START)
    assert [step.has_policy_step for step in steps(rig, 5)] == [True, False, False, False, True]


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
