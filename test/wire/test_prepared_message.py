# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from distill_runtime.wire.prepared_message import PreparedMessage
import numpy as np
import pytest
from rclpy.serialization import deserialize_message
from sensor_msgs.msg import JointState
from std_msgs.msg import Float32MultiArray, Float64MultiArray, Int64MultiArray, MultiArrayDimension
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint


@pytest.mark.parametrize('length', range(9))
@pytest.mark.parametrize('fields', [(3, 0, 0), (3, 3, 3), (0, 0, 3), (0, 3, 0)])
def test_joint_state_equals_that_of_rclpy(length, fields):
    names = ('n' * length, 'ö', 'x' * length)
    template = PreparedMessage().header().strings(names)
    for count in fields:
        template.array('<f8', count)
    expected = JointState(name=list(names))
    expected.header.stamp.sec, expected.header.stamp.nanosec = 7, 8
    views = iter(template.views())
    for number, field in enumerate(('position', 'velocity', 'effort')):
        if fields[number]:
            next(views)[:] = setattr_array(expected, field, number)
    template.stamp(7_000_000_008)
    assert deserialize_message(template.message(), JointState) == expected


def setattr_array(message, field, number):
    values = np.arange(3.0) + 10.0 * number
    setattr(message, field, values)
    return values


def test_numbers_and_stamp_can_change_repeatedly():
    template = (
        PreparedMessage().header().strings(('a',)).array('<f8', 1).array('<f8', 0).array('<f8', 0)
    )
    (position,) = template.views()
    for stamp_ns in (0, 1, 10**18, (2**31 - 1) * 10**9):
        position[0] = stamp_ns / 3
        template.stamp(stamp_ns)
        message = deserialize_message(template.message(), JointState)
        assert message.position.tolist() == [stamp_ns / 3]
        stamp = message.header.stamp
        assert stamp.sec * 10**9 + stamp.nanosec == stamp_ns


def test_message_made_before_a_change_keeps_its_numbers():
    template = PreparedMessage().segments(('a', 1)).array('<f8', 1)
    (values,) = template.views()
    before = template.message()
    values[0] = 5.0
    assert deserialize_message(before, Float64MultiArray).data.tolist() == [0.0]


@pytest.mark.parametrize(
    ('dtype', 'message_type'),
    [('<f8', Float64MultiArray), ('<f4', Float32MultiArray), ('<i8', Int64MultiArray)],
)
@pytest.mark.parametrize('label', ['', 'x', 'joint', 'ten letters'])
def test_multi_array_equals_that_of_rclpy(dtype, message_type, label):
    template = PreparedMessage().segments((label, 2), ('second', 3)).array(dtype, 5)
    (values,) = template.views()
    values[:] = range(-3, 2)
    expected = message_type(data=values.tolist())
    expected.layout.dim = [
        MultiArrayDimension(label=label, size=2, stride=2),
        MultiArrayDimension(label='second', size=3, stride=3),
    ]
    assert deserialize_message(template.message(), message_type) == expected


def test_trajectory_equals_that_of_rclpy():
    template = PreparedMessage().header().strings(('hip', 'knee')).uint(1).array('<f8', 2)
    template.array('<f8', 0).array('<f8', 0).array('<f8', 0).uint(3).uint(4)
    template.views()[0][:] = 1.0, 2.0
    point = JointTrajectoryPoint(positions=[1.0, 2.0])
    point.time_from_start.sec, point.time_from_start.nanosec = 3, 4
    expected = JointTrajectory(joint_names=['hip', 'knee'], points=[point])
    assert deserialize_message(template.message(), JointTrajectory) == expected
