# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from distill_runtime.core.checks.registry import checks_without
from distill_runtime.core.modes import Event, Mode
from distill_runtime.core.sensors import InputProblem
import numpy as np
import pytest
from support.rig import COMMAND_TERM, IMU_TERM, ODOMETRY_TERM, Rig, TICK_NS, walking
from support.specs import make_spec

SCAN = {'term': 'external', 'topic': '/scan', 'width': 2, 'max_age': 0.1}
POSITION = {'term': 'joint_position', 'relative': False}
VELOCITY = {'term': 'joint_velocity'}
GYRO = {'term': 'base_angular_velocity'}
EVERYTHING = (POSITION, VELOCITY, IMU_TERM, GYRO, COMMAND_TERM, ODOMETRY_TERM, SCAN)
TOPICS = {'joint': 'joint_states', 'imu': 'imu', 'odometry': 'odom', 'external': '/scan'}
LIMIT_NS = 100_000_000


def everything(**options):
    return walking(make_spec(*EVERYTHING), max_input_age=0.1, **options)


@pytest.mark.parametrize(('name', 'topic'), TOPICS.items())
def test_nothing_is_sent_until_every_input_has_come(name, topic):
    rig = Rig(make_spec(*EVERYTHING), start_in='policy')
    for _ in range(3):
        step = rig.tick(but={name})
        assert (step.sends, step.has_policy_step) == (False, False)
        assert step.reason == f'{topic}.missing: no sample yet, is its publisher running?'
    assert rig.tick().has_policy_step


@pytest.mark.parametrize(('name', 'topic'), TOPICS.items())
def test_input_as_old_as_allowed_is_used_and_one_tick_older_is_a_fault(name, topic):
    rig = everything()
    rig.tick(LIMIT_NS, but={name})
    assert rig.runner.mode is Mode.POLICY
    step = rig.tick(1, but={name})
    assert step.mode is Mode.FAULT
    assert step.reason.startswith(f'{topic}.stale: newest sample is 0.100 s old')


VIEWS = {
    'joint_position': 'joint_states.position',
    'joint_velocity': 'joint_states.velocity',
    'angular_velocity': 'imu.angular_velocity',
    'quat_base_to_world': 'imu.orientation',
    'base_linear_velocity': 'odom.twist',
    'external': '/scan',
}
DEBOUNCE_NS = 50_000_000


def spoil(rig, view, value):
    """Write an invalid value."""
    target = rig.sensors.externals[0] if view == 'external' else getattr(rig.sensors, view)
    target[0] = value


@pytest.mark.parametrize(('view', 'name'), VIEWS.items())
@pytest.mark.parametrize('value', [np.nan, np.inf, 1e300])
def test_invalid_sample_is_not_used_and_becomes_a_fault(view, name, value):
    rig = everything(output=1.0)
    valid = rig.tick().observation.copy()
    spoil(rig, view, value)
    step = rig.tick()
    assert (step.mode, step.has_policy_step) == (Mode.POLICY, True)
    assert step.reason.startswith(f'{name}.')
    assert 'element 0 is' in step.reason
    assert step.observation.tolist() == valid.tolist()
    assert rig.tick(DEBOUNCE_NS - 1).mode is Mode.POLICY
    step = rig.tick(1)
    assert step.mode is Mode.FAULT
    assert step.reason.startswith(f'{name}.')
    assert np.all(np.isfinite(step.command))


@pytest.mark.parametrize(('view', 'name'), VIEWS.items())
def test_last_valid_sample_ages_into_a_fault_of_its_input(view, name):
    rig = everything(checks=checks_without('input_sample'))
    spoil(rig, view, np.nan)
    assert rig.tick(LIMIT_NS).mode is Mode.POLICY
    step = rig.tick(1)
    assert step.mode is Mode.FAULT
    topic = name.partition('.')[0]
    assert step.reason.startswith(f'{topic}.stale: newest sample is 0.100 s old')
    assert f'({name}.not_finite: ' in step.reason


def test_damp_follows_the_measured_pose_while_the_imu_is_invalid():
    rig = everything(fault_action='damp')
    rig.sensors.angular_velocity[1] = np.nan
    rig.tick()
    assert rig.tick(DEBOUNCE_NS).mode is Mode.FAULT
    for pose in ([0.2, 0.5, -0.4], [0.3, 0.4, -0.3]):
        rig.place(pose)
        step = rig.tick(LIMIT_NS)
        assert (step.mode, step.has_feedback) == (Mode.FAULT, True)
        assert step.command.tolist() == pose


@pytest.mark.parametrize('value', [np.nan, np.inf, 1e300])
def test_invalid_command_keeps_the_last_one_until_it_is_stale(value):
    rig = walking(make_spec(IMU_TERM, COMMAND_TERM), cmd_vel_timeout=0.5)
    rig.sensors.velocity_command[:] = [1.0, 0.5, 0.25]
    rig.tick()
    rig.sensors.velocity_command[1] = value
    step = rig.tick(500_000_000)
    assert step.observation[3:].tolist() == [1.0, 0.5, 0.25]
    assert step.reason.startswith('cmd_vel.')
    step = rig.tick(1)
    assert (step.mode, step.observation[3:].tolist()) == (Mode.POLICY, [0.0, 0.0, 0.0])
    assert step.reason.startswith('cmd_vel.stale: ')
    assert rig.tick(10 * DEBOUNCE_NS).mode is Mode.POLICY


def test_invalid_command_does_not_hide_another_problem():
    rig = everything()
    rig.sensors.velocity_command[0] = np.nan
    rig.sensors.base_linear_velocity[0] = np.nan
    assert rig.tick().reason.startswith('odom.twist.not_finite')
    rig.sensors.base_linear_velocity[0] = 0.0
    rig.sensors.problem = InputProblem('joint_states.names: hip is missing')
    assert rig.tick().reason.startswith('joint_states.names')
    assert rig.tick(DEBOUNCE_NS).mode is Mode.FAULT


@pytest.mark.parametrize('topic', ['cmd_vel', 'cmd_vel_limits', '/cmd_vel/raw'])
def test_external_topic_is_no_velocity_command_whatever_its_name(topic):
    rig = walking(make_spec(COMMAND_TERM, {**SCAN, 'topic': topic}))
    rig.sensors.externals[0][1] = np.nan
    reason = f'{topic}.not_finite: element 1 is nan, the last valid sample is kept'
    step = rig.tick()
    assert (step.mode, step.reason) == (Mode.POLICY, reason)
    step = rig.tick(DEBOUNCE_NS)
    assert (step.mode, step.reason) == (Mode.FAULT, reason)
    rig = walking(make_spec(COMMAND_TERM, {**SCAN, 'topic': topic}))
    rig.sensors.problem = InputProblem(f'{topic}.width: 3 values, expected 2')
    rig.tick()
    assert rig.tick(DEBOUNCE_NS).mode is Mode.FAULT


def test_refused_velocity_command_is_a_warning_and_refuses_a_start():
    rig = everything(stop_timeout=0.0)
    problem = InputProblem('cmd_vel.not_finite: velocity command is [nan]', check='')
    rig.sensors.problem = problem
    rig.tick()
    step = rig.tick(10 * DEBOUNCE_NS)
    assert (step.mode, step.reason) == (Mode.POLICY, problem.reason)
    rig.runner.request(Event.STOP)
    rig.tick()
    assert rig.runner.request(Event.START) == (False, f'start is refused: {problem.reason}')


def test_invalid_external_input_counts_beside_a_refused_velocity_command():
    rig = everything()
    rig.sensors.problem = InputProblem('cmd_vel.truncated: 3 bytes', check='')
    rig.sensors.externals[0][0] = np.nan
    assert rig.tick().reason.startswith('/scan.not_finite')
    assert rig.tick(DEBOUNCE_NS).mode is Mode.FAULT


def test_implausible_velocity_is_not_used_and_becomes_a_fault():
    rig = walking(make_spec({'term': 'joint_velocity'}))
    rig.sensors.joint_velocity[1] = 2.5
    before = rig.tick().observation.tolist()
    rig.sensors.joint_velocity[1] = 1e9
    rig.sensors.joint_position[1] += 0.25
    step = rig.tick()
    assert (step.mode, step.observation.tolist()) == (Mode.POLICY, before)
    assert step.reason.startswith('velocity.implausible: knee is at 1e+09 rad/s')
    assert rig.runner.joint_position[1] == rig.sensors.joint_position[1] - 0.25
    rig.sensors.joint_velocity[1] = 2.5
    assert rig.tick().reason == ''  # one message is no fault
    rig.sensors.joint_velocity[1] = -1e9
    rig.tick()
    step = rig.tick(DEBOUNCE_NS)
    assert step.mode is Mode.FAULT
    assert step.reason.startswith('velocity.implausible: ')


def test_implausible_velocity_is_named_before_other_invalid_inputs():
    rig = everything()
    rig.sensors.joint_velocity[0] = 1e9
    rig.sensors.angular_velocity[0] = np.nan
    assert rig.tick().reason.startswith('velocity.implausible: hip')


def test_clock_that_runs_backwards_while_waiting_for_inputs_is_no_fault():
    rig = Rig(start_in='policy')
    rig.tick(but={'joint'})
    step = rig.tick(-TICK_NS)
    assert (step.has_policy_step, step.reason) == (True, '')


def test_two_ticks_of_one_time_are_two_ticks():
    rig = walking()
    assert rig.tick(0).has_policy_step
