# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from builtin_interfaces.msg import Time
from distill_runtime.ros.demo.messages import CommandReader
import numpy as np
import pytest
from sensor_msgs.msg import JointState
from std_msgs.msg import Float64MultiArray
from support.sim import driven
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

JOINTS = driven(['hip', 'wheel', 'grip'], ['position', 'velocity', 'effort'])
HIP_KNEE = driven(['hip', 'knee'])


def joint_state(**fields):
    message = JointState(**fields)
    message.header.stamp = Time(sec=3, nanosec=5)
    return message


def test_each_joint_is_found_by_name_in_the_field_of_its_mode():
    reader = CommandReader(JOINTS, 'joint_state')
    message = joint_state(
        name=['grip', 'tail', 'hip', 'wheel'],
        position=[0.1, 0.2, 0.3, np.nan],
        velocity=[1.0, 2.0, 3.0, 4.0],
        effort=[5.0, 6.0, 7.0, 8.0],
    )
    assert reader.read(message) == ''
    assert reader.command.tolist() == [0.3, 4.0, 5.0]
    assert reader.stamp_ns == 3_000_000_005


def test_order_of_names_may_change_between_messages():
    reader = CommandReader(HIP_KNEE, 'joint_state')
    reader.read(joint_state(name=['hip', 'knee'], position=[1.0, 2.0]))
    reader.read(joint_state(name=['knee', 'hip'], position=[3.0, 4.0]))
    assert reader.command.tolist() == [4.0, 3.0]


def test_array_is_in_policy_order():
    reader = CommandReader(HIP_KNEE, 'position_array')
    assert reader.read(Float64MultiArray(data=[0.5, -0.5])) == ''
    assert reader.command.tolist() == [0.5, -0.5]
    assert reader.stamp_ns == -1


def test_first_point_of_a_trajectory_counts():
    reader = CommandReader(HIP_KNEE, 'trajectory')
    points = [JointTrajectoryPoint(positions=[1.0, 2.0]), JointTrajectoryPoint()]
    assert reader.read(JointTrajectory(joint_names=['knee', 'hip'], points=points)) == ''
    assert reader.command.tolist() == [2.0, 1.0]


@pytest.mark.parametrize(
    ('command_type', 'message', 'problem'),
    [
        (
            'joint_state',
            JointState(name=['hip'], position=[1.0]),
            "joints ['knee'] are not in it, which has ['hip']",
        ),
        (
            'joint_state',
            JointState(name=['hip', 'knee'], velocity=[1.0, 2.0]),
            'position has 0 values, expected 2, one per name',
        ),
        (
            'joint_state',
            JointState(name=['hip', 'knee'], position=[1.0, np.nan]),
            'it holds [1.0, nan], expected finite values',
        ),
        (
            'position_array',
            Float64MultiArray(data=[1.0]),
            'position has 1 values, expected 2, one per name',
        ),
        ('trajectory', JointTrajectory(joint_names=['hip']), 'it has no points, expected one'),
    ],
)
def test_unusable_message_changes_nothing_and_is_explained(command_type, message, problem):
    reader = CommandReader(HIP_KNEE, command_type)
    reader.command[:] = [7.0, 8.0]
    assert reader.read(message) == problem
    assert reader.command.tolist() == [7.0, 8.0]
