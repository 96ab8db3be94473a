# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import math

from distill_runtime.core.checks.monitor import pose_problem, tilt_problem
from distill_runtime.core.config import RunnerConfig
from distill_runtime.core.modes import Event, Mode
from distill_runtime.core.sensors import InputProblem
from distill_runtime.spec.compile import compile_spec
import numpy as np
import pytest
from support.rig import IMU_TERM, Rig, walking
from support.specs import DEFAULT, make_spec


def pose(offset, joint=0):
    """Return the default pose with one joint moved."""
    position = np.array(DEFAULT)
    position[joint] += offset
    return position


def pose_reason(position, mode='position', **options):
    joints = compile_spec(make_spec(mode=mode)).joints
    return pose_problem(joints, position, RunnerConfig(**options))


def gravity(angle):
    return np.array([0.0, -math.sin(angle), -math.cos(angle)])


def test_start_from_the_default_pose_is_allowed():
    assert pose_reason(np.array(DEFAULT)) == ''


@pytest.mark.parametrize('sign', [-1.0, 1.0])
def test_pose_limit_binds_on_both_sides(sign):
    assert pose_reason(pose(sign * 0.2499), start_pose_limit=0.25) == ''
    assert pose_reason(pose(sign * 0.2501), start_pose_limit=0.25) != ''


def test_joint_that_is_furthest_off_is_named_with_what_to_check():
    position = pose(0.75, joint=1)
    position[2] -= 0.6
    assert pose_reason(position) == (
        'knee is at 1.350 rad, 0.750 rad from its default 0.600 rad, expected within 0.500 rad: '
        'is standby done, do the motors follow?'
    )


def test_zero_pose_limit_starts_from_anywhere():
    assert pose_reason(pose(99.0), start_pose_limit=0.0) == ''


def test_wheels_may_stand_anywhere():
    modes = ['position', 'velocity', 'effort']
    assert pose_reason(np.array([DEFAULT[0], 99.0, -99.0]), modes) == ''
    assert pose_reason(np.array([99.0, 0.0, 0.0]), modes).startswith('hip is at 99.000 rad')


def test_start_has_a_separate_tilt_limit():
    config = RunnerConfig(start_tilt_limit=0.3)
    assert tilt_problem(gravity(0.299), config) == ''
    assert tilt_problem(gravity(0.31), config) == (
        'base is tilted by 0.31 rad, expected within 0.30 rad: set the robot upright'
    )
    assert tilt_problem(gravity(3.0), RunnerConfig(start_tilt_limit=0.0)) == ''


def refused(rig):
    """Return why a start is refused; it must change nothing."""
    is_taken, why = rig.runner.request(Event.START)
    assert not is_taken
    assert rig.tick().mode is Mode.STANDBY
    return why


def test_start_is_refused_far_from_the_default_pose_and_taken_there():
    rig = Rig()
    rig.place(pose(0.6))
    rig.tick()
    assert refused(rig).startswith('start is refused: hip is at 0.700 rad, 0.600 rad from its ')
    rig.place(pose(0.4))
    rig.tick()
    assert rig.ask(Event.START).mode is Mode.POLICY


def test_start_after_a_stop_in_the_same_tick_is_checked_as_in_standby():
    rig = walking()
    rig.place(pose(0.6))
    rig.tick()
    assert rig.runner.request(Event.START) == (True, 'policy to policy')
    assert rig.runner.request(Event.STOP)[0]
    assert refused(rig).startswith('start is refused: hip is at 0.700 rad')
    rig.place(pose(0.4))
    rig.tick()
    assert rig.ask(Event.START).mode is Mode.POLICY
    for event in (Event.STOP, Event.START):
        assert rig.runner.request(event)[0]
    assert rig.tick().mode is Mode.POLICY


def test_start_is_refused_while_the_robot_is_tilted():
    rig = Rig(make_spec(IMU_TERM))
    rig.sensors.quat_base_to_world[:] = [math.cos(0.3), math.sin(0.3), 0.0, 0.0]
    rig.tick()
    assert refused(rig) == (
        'start is refused: base is tilted by 0.60 rad, expected within 0.50 rad: set the robot '
        'upright'
    )


def test_arm_without_an_imu_has_no_tilt():
    rig = Rig()
    rig.sensors.quat_base_to_world[:] = [0.0, 1.0, 0.0, 0.0]
    rig.tick()
    assert rig.ask(Event.START).mode is Mode.POLICY


def test_start_is_refused_while_a_sample_cannot_be_used():
    rig = Rig(make_spec(IMU_TERM))
    rig.tick()
    rig.sensors.quat_base_to_world[0] = 2.0
    rig.tick()
    assert rig.runner.request(Event.START)[1].startswith('start is refused: imu.norm: ')


def test_start_is_refused_until_every_input_has_come():
    rig = Rig(make_spec(IMU_TERM, {'term': 'base_linear_velocity'}))
    rig.tick(but={'imu', 'odometry'})
    is_accepted, reason = rig.runner.request(Event.START)
    assert not is_accepted
    assert reason == (
        'start is refused: inputs are still missing: '
        'imu.missing: no sample yet, is its publisher running?; '
        'odom.missing: no sample yet, is its publisher running?'
    )


def test_refused_start_names_the_problem_of_the_samples():
    rig = Rig(make_spec(IMU_TERM))
    rig.sensors.problem = InputProblem('imu.truncated: 3 bytes')
    rig.tick(but={'imu'})
    reason = rig.runner.request(Event.START)[1]
    assert reason.endswith('is its publisher running? (imu.truncated: 3 bytes)')


def test_start_while_the_policy_runs_is_accepted_in_any_pose():
    rig = Rig(start_in='policy')
    rig.place(pose(0.9))
    rig.tick()
    assert rig.runner.request(Event.START) == (True, 'policy to policy')


def test_start_in_policy_is_not_checked():
    rig = Rig(start_in='policy')
    rig.place(pose(0.9))
    assert rig.tick().has_policy_step
