# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""trigger timer: ticks on a grid, standby and its services."""

from __future__ import annotations

import itertools
import time

from distill_runtime.policy.session import PolicySession
from distill_runtime.wire.tick_fields import TICK_FIELDS
import numpy as np
import pytest
from support.ros_harness import student, values, wait_for
from support.ros_messages import nanoseconds, twist_message
from support.specs import DEFAULT

POSE = (0.3, 0.2, -0.1)
PATIENT = {'max_input_age': 5.0}  # other jobs of the machine may hold up the robot


def mode(rig):
    return values(rig.diagnose())['mode']


def until(rig, pose):
    """Wait for a command; return it."""
    return wait_for(
        lambda: next(
            (m for m in rig.robot.commands.messages[-3:] if np.allclose(m.position, pose)), None
        ),
        f'command {pose}',
    )


def test_ticks_lie_on_the_grid_of_the_policys_rate(ros, model):
    with student(ros, model, **PATIENT) as rig, rig.robot.feeding():
        wait_for(lambda: len(rig.robot.ticks.messages) >= 50)
        rows = np.array([message.data for message in rig.robot.ticks.messages])
    tick, stamp, lateness = (rows[:, TICK_FIELDS.index(n)] for n in TICK_FIELDS if n in (
        'tick', 'stamp_ns', 'lateness_ns'))  # fmt: skip
    np.testing.assert_array_equal(np.diff(tick), 1)
    assert (lateness >= 0).all()
    # less its lateness every tick lies on the grid, whatever the machine did
    grid = (stamp - lateness - (stamp - lateness)[0]) / 20e6
    assert np.median(np.abs(grid - np.round(grid))) < 0.05
    assert (np.round(np.diff(grid)) >= 1).all()
    assert np.median(np.diff(stamp)) == pytest.approx(20e6, rel=0.2)


def test_standby_ramps_from_the_measured_to_the_default_pose_and_holds(ros, model):
    with student(ros, model, ramp_time=0.3, **PATIENT) as rig, rig.robot.feeding(position=POSE):
        until(rig, DEFAULT)
        commands = rig.robot.commands.messages
        reached = len(commands)
        wait_for(lambda: len(commands) >= reached + 5, 'commands that hold')
        stamps = np.array([nanoseconds(message) for message in commands])
        positions = np.array([message.position for message in commands])
        share = np.clip((stamps - stamps[0]) / 0.3e9, 0.0, 1.0)
        share = (share**2 * (3.0 - 2.0 * share))[:, np.newaxis]
        expected = np.array(POSE) + share * (np.array(DEFAULT) - POSE)
        np.testing.assert_allclose(positions, expected, atol=1e-9)
        assert positions[-1].tolist() == list(DEFAULT)
        assert mode(rig) == 'standby'


def test_services_change_the_mode_and_answer_with_a_reason(ros, model):
    options = {'ramp_time': 0.0, 'stop_timeout': 1000.0, 'stop_deceleration': 0.001, **PATIENT}
    with student(ros, model, **options) as rig, rig.robot.feeding():
        until(rig, DEFAULT)
        for service, answer, following in (
            ('reset_fault', (False, 'mode is standby, reset_fault is refused'), 'standby'),
            ('stop', (True, 'standby to standby'), 'standby'),
            ('start', (True, 'standby to policy'), 'policy'),
            ('start', (True, 'policy to policy'), 'policy'),
            ('stop', (True, 'policy to stopping'), 'stopping'),
            ('stop', (True, 'stopping to stopping'), 'stopping'),
            ('start', (True, 'stopping to policy'), 'policy'),
            ('estop', (True, 'policy to fault'), 'fault'),
            ('estop', (True, 'fault to fault'), 'fault'),
            ('start', (False, 'mode is fault (estop.requested: estop was called), start is '
                              'refused; call reset_fault first'), 'fault'),
            ('stop', (False, 'mode is fault (estop.requested: estop was called), stop is '
                             'refused; call reset_fault first'), 'fault'),
            ('reset_fault', (True, 'fault to standby'), 'standby'),
        ):  # fmt: skip
            count = len(rig.robot.ticks.messages)
            assert rig.robot.call(service) == answer
            wait_for(lambda start=count: len(rig.robot.ticks.messages) > start + 2)
            assert mode(rig) == following
        assert rig.diagnose_settled().level == b'\x00'


def test_start_is_refused_while_inputs_are_missing(ros, model):
    with student(ros, model) as rig:
        wait_for(lambda: rig.robot.ticks.messages)
        missing = 'no sample yet, is its publisher running?'
        answer = (
            'start is refused: inputs are still missing: '
            f'joint_states.missing: {missing}; imu.missing: {missing}'
        )
        assert rig.robot.call('start') == (False, answer)
        status = rig.diagnose()
        assert status.message.startswith('joint_states.missing: no sample yet')
        assert status.level == b'\x02'
        assert not rig.robot.commands.messages


def test_policy_starts_at_the_first_tick_with_all_inputs(ros, model):
    with student(ros, model, start_in='policy', publish_internals=True, **PATIENT) as rig:
        wait_for(lambda: len(rig.robot.ticks.messages) > 3)
        with rig.robot.feeding():
            wait_for(lambda: rig.robot.observations.messages)
        last_action = rig.robot.observations.messages[0].data[-3:]
        assert last_action.tolist() == [0.0, 0.0, 0.0]
        modes = [message.data[TICK_FIELDS.index('mode')] for message in rig.robot.ticks.messages]
        assert set(modes) == {2}


@pytest.mark.parametrize(
    ('action', 'pose'),
    [('damp', POSE), ('hold', DEFAULT), ('default_pose', DEFAULT), ('stop', None)],
)
def test_estop_carries_out_the_fault_action(ros, model, action, pose):
    options = {**PATIENT, 'ramp_time': 0.0, 'fault_action': action, 'max_joint_step': 0.0}
    with student(ros, model, **options) as rig, rig.robot.feeding(position=POSE):
        until(rig, DEFAULT)
        assert rig.robot.call('estop')[0]
        wait_for(lambda: mode(rig) == 'fault')
        rig.robot.commands.messages.clear()
        count = len(rig.robot.ticks.messages)
        wait_for(lambda: len(rig.robot.ticks.messages) > count + 3)
        if pose is None:
            assert not rig.robot.commands.messages
        else:
            assert rig.robot.commands.messages[-1].position.tolist() == list(pose)


def test_sensors_that_stop_are_a_fault_and_damping_needs_none(ros, model):
    with student(ros, model, ramp_time=0.0, max_input_age=0.3) as rig:
        with rig.robot.feeding(position=POSE):
            until(rig, DEFAULT)
        status = rig.until_reason('joint_states.stale: newest sample is 0.')
        assert (status.level, values(status)['mode']) == (b'\x02', 'fault')
        held = rig.robot.commands.messages[-1].position.tolist()
        assert held in (list(DEFAULT), list(POSE))
        with rig.robot.feeding(position=POSE):
            wait_for(lambda: rig.robot.call('reset_fault')[0], 'fresh data')


def test_velocity_command_from_before_the_activation_is_dropped(ros, model):
    """Bug: it has no stamp, so it counted as new however old it was."""
    with student(ros, model, is_active=False, **PATIENT) as rig, rig.robot.feeding():
        rig.configure()
        rig.robot.cmd_vel.publish(twist_message(1.0))
        rig.activate()
        until_ticks = len(rig.robot.ticks.messages) + 3
        wait_for(lambda: len(rig.robot.ticks.messages) >= until_ticks)
        assert rig.node.loop_context.inputs.cmd_vel.sample_ns == -1
        rig.robot.cmd_vel.publish(twist_message(0.5))
        wait_for(lambda: rig.node.loop_context.sensors.velocity_command[0] == 0.5)


def test_late_ticks_are_skipped_and_counted_from_each_activation(ros, model, monkeypatch):
    """Bug: after a second activation the count of the first one was subtracted."""
    with student(ros, model, **PATIENT) as rig, rig.robot.feeding():
        wait_for(lambda: len(rig.robot.ticks.messages) > 3)
        rig.diagnose()
        output = rig.node.loop_context.output
        send = output.send

        def slow(step, stamp_ns):
            monkeypatch.undo()
            time.sleep(0.11)
            send(step, stamp_ns)

        monkeypatch.setattr(output, 'send', slow)
        wait_for(lambda: rig.node._loop.timing.missed >= 5)
        status = rig.diagnose()
        assert int(values(status)['missed_deadlines']) >= 5
        assert status.level == b'\x01'
        assert status.message.endswith('deadlines missed')
        rig.node.trigger_deactivate()
        rig.activate()
        wait_for(lambda: mode(rig) == 'standby')
        assert not rig.diagnose().message.startswith('-')


def test_network_is_warm_before_each_step_of_the_policy_and_in_no_other_mode(
    ros, model, monkeypatch
):
    calls = []
    run, warm_up = PolicySession.run, PolicySession.warm_up
    monkeypatch.setattr(PolicySession, 'run', lambda self: (calls.append('run'), run(self)))
    monkeypatch.setattr(
        PolicySession, 'warm_up', lambda self: (calls.append('warm_up'), warm_up(self))
    )
    options = {**PATIENT, 'start_pose_limit': 0.0, 'stop_timeout': 0.0}
    with student(ros, model, **options) as rig, rig.robot.feeding():
        wait_for(lambda: rig.node._loop.timing.ticks > 5)
        del calls[:]
        before = rig.node._loop.timing.ticks
        wait_for(lambda: rig.node._loop.timing.ticks > before + 5)
        assert calls == []  # in standby
        wait_for(lambda: rig.robot.call('start')[0])
        wait_for(lambda: calls.count('run') > 10)
        rig.node.trigger_deactivate()
    # a tick that came late has had no time for it
    assert calls.count('warm_up') > calls.count('run') // 2
    assert all(pair != ('warm_up', 'warm_up') for pair in itertools.pairwise(calls))
