# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest
from std_msgs.msg import Float64MultiArray
from support.ros_harness import LOCKSTEP, student, T0, wait_for
from support.ros_messages import nanoseconds
from support.ros_policies import GAINS, joint_target, JOINT_TERM, write_policy
from support.specs import JOINTS
from trajectory_msgs.msg import JointTrajectory

POSE = (0.3, 0.2, -0.1)
SPEED = (0.5, -0.5, 1.0)
FREE = {**LOCKSTEP, 'max_joint_step': 0.0}
MIXED = ['position', 'velocity', 'effort']


@pytest.fixture(scope='module')
def joint_model(models):
    return write_policy(models, JOINT_TERM, name='joints.onnx')


@pytest.fixture(scope='module')
def velocity_model(models):
    return write_policy(models, JOINT_TERM, name='velocity.onnx', mode='velocity')


@pytest.fixture(scope='module')
def mixed_model(models):
    return write_policy(models, JOINT_TERM, name='mixed.onnx', mode=MIXED)


def first_command(rig):
    """Return the command of a first tick in POSE, of whatever type."""
    rig.robot.publish(T0, position=POSE, velocity=SPEED)
    return wait_for(lambda: rig.robot.commands.messages)[0]


def last_command(rig):
    """Deactivate; return the last message."""
    rig.robot.commands.messages.clear()
    rig.node.trigger_deactivate()
    wait_for(lambda: rig.robot.commands.messages)
    rig.robot.call('stop')  # what was sent before its answer has arrived
    return rig.robot.commands.messages[-1]


def action():
    """Return scale times action, of what joint_target is the sum with the default pose."""
    return joint_target(POSE) - (0.1, 0.6, -0.5)


def test_joint_state_carries_positions_and_nothing_else(ros, joint_model):
    with student(ros, joint_model, **FREE) as rig:
        command = first_command(rig)
        assert nanoseconds(command) == T0
        assert command.name == list(JOINTS)
        np.testing.assert_allclose(command.position, joint_target(POSE), atol=1e-6)
        assert len(command.velocity) == len(command.effort) == 0
        assert last_command(rig).position.tolist() == list(POSE)


def test_position_array_is_in_policy_order(ros, joint_model):
    with student(
        ros, joint_model, Float64MultiArray, command_type='position_array', **FREE
    ) as rig:
        command = first_command(rig)
        np.testing.assert_allclose(command.data, joint_target(POSE), atol=1e-6)
        (dimension,) = command.layout.dim
        assert (dimension.label, dimension.size, dimension.stride) == ('joint', 3, 3)
        assert last_command(rig).data.tolist() == list(POSE)


@pytest.mark.parametrize(('rate', 'nanosec'), [(0.0, 20_000_000), (200.0, 5_000_000)])
def test_trajectory_has_one_point_a_control_period_ahead(ros, joint_model, rate, nanosec):
    options = {**FREE, 'command_type': 'trajectory', 'control_rate': rate}
    with student(ros, joint_model, JointTrajectory, **options) as rig:
        command = first_command(rig)
        assert nanoseconds(command) == T0
        assert command.joint_names == list(JOINTS)
        (point,) = command.points
        np.testing.assert_allclose(point.positions, joint_target(POSE), atol=1e-6)
        assert len(point.velocities) == len(point.accelerations) == len(point.effort) == 0
        assert (point.time_from_start.sec, point.time_from_start.nanosec) == (0, nanosec)
        assert last_command(rig).points[0].positions.tolist() == list(POSE)


def test_effort_is_the_clipped_pd_torque_and_zero_at_the_end(ros, joint_model):
    with student(ros, joint_model, command_type='effort', **FREE) as rig:
        command = first_command(rig)
        torque = np.array(GAINS['stiffness']) * (joint_target(POSE) - POSE)
        torque -= np.array(GAINS['damping']) * SPEED
        np.testing.assert_allclose(command.effort, np.clip(torque, -4.0, 4.0), atol=1e-5)
        assert command.name == list(JOINTS)
        assert len(command.position) == len(command.velocity) == 0
        assert last_command(rig).effort.tolist() == [0.0, 0.0, 0.0]


def test_effort_without_velocities_is_refused_at_the_tick(ros, joint_model):
    with student(ros, joint_model, command_type='effort', **FREE) as rig:
        rig.robot.publish(T0, position=POSE, velocity=[])
        rig.until_reason('joint_states.velocity: none, expected 3 values')
        assert not rig.robot.commands.messages


def test_velocity_joints_get_velocities_and_rest_at_zero(ros, velocity_model):
    with student(ros, velocity_model, **FREE) as rig:
        command = first_command(rig)
        np.testing.assert_allclose(command.velocity, action(), atol=1e-6)
        assert command.position.tolist() == list(POSE)
        assert len(command.effort) == 0
        assert last_command(rig).velocity.tolist() == [0.0, 0.0, 0.0]


def test_array_of_velocities_stops_at_zero(ros, velocity_model):
    options = {**FREE, 'command_type': 'position_array'}
    with student(ros, velocity_model, Float64MultiArray, **options) as rig:
        np.testing.assert_allclose(first_command(rig).data, action(), atol=1e-6)
        assert last_command(rig).data.tolist() == [0.0, 0.0, 0.0]


def test_each_joint_mode_has_its_field(ros, mixed_model):
    with student(ros, mixed_model, **FREE) as rig:
        command = first_command(rig)
        expected = [joint_target(POSE)[0], POSE[1], POSE[2]]
        np.testing.assert_allclose(command.position, expected, atol=1e-6)
        np.testing.assert_allclose(command.velocity, [0.0, action()[1], 0.0], atol=1e-6)
        np.testing.assert_allclose(command.effort, [0.0, 0.0, action()[2]], atol=1e-6)
        last = last_command(rig)
        assert last.velocity.tolist() == last.effort.tolist() == [0.0, 0.0, 0.0]
        assert last.position[0] == POSE[0]


def test_efforts_of_several_modes_follow_the_law_of_each(ros, mixed_model):
    with student(ros, mixed_model, command_type='effort', **FREE) as rig:
        effort = first_command(rig).effort
        position = 20.0 * (joint_target(POSE)[0] - POSE[0]) - 0.5 * SPEED[0]
        velocity = 0.6 * (action()[1] - SPEED[1])
        expected = np.clip([position, velocity, action()[2]], -4.0, 4.0)
        np.testing.assert_allclose(effort, expected, atol=1e-5)


@pytest.mark.parametrize('command_type', ['joint_state', 'effort'])
def test_shadow_computes_everything_and_sends_nothing(ros, joint_model, command_type):
    with student(ros, joint_model, command_type=command_type, shadow=True, **FREE) as rig:
        rig.robot.publish(T0, position=POSE, velocity=SPEED)
        wait_for(lambda: rig.robot.ticks.messages)
        np.testing.assert_allclose(rig.node._loop.step.command, joint_target(POSE), atol=1e-6)
        rig.node.trigger_deactivate()
        rig.robot.call('stop')
        assert not rig.robot.commands.messages
