# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Messages of a robot, and their stamps."""

from __future__ import annotations

from geometry_msgs.msg import Twist
from sensor_msgs.msg import Imu, JointState

from .specs import DEFAULT, JOINTS


def nanoseconds(message):
    """Return the header stamp of a message."""
    return message.header.stamp.sec * 1_000_000_000 + message.header.stamp.nanosec


def stamped(message, stamp_ns):
    """Set the header stamp of a message."""
    message.header.stamp.sec, message.header.stamp.nanosec = divmod(stamp_ns, 1_000_000_000)
    return message


def imu_message(stamp_ns, quaternion=(0.0, 0.0, 0.0, 1.0), rate=(0.0, 0.0, 0.0)):
    """Return an Imu; its quaternion is x, y, z, w."""
    message = stamped(Imu(), stamp_ns)
    turn, speed = message.orientation, message.angular_velocity
    turn.x, turn.y, turn.z, turn.w = (float(value) for value in quaternion)
    speed.x, speed.y, speed.z = (float(value) for value in rate)
    return message


def joint_message(stamp_ns, position=DEFAULT, velocity=(0.0,) * 3, names=JOINTS):
    """Return a JointState."""
    message = JointState(name=list(names), position=position, velocity=velocity)
    return stamped(message, stamp_ns)


def twist_message(vx=0.0, vy=0.0, yaw=0.0):
    """Return a Twist."""
    message = Twist()
    message.linear.x, message.linear.y, message.angular.z = vx, vy, yaw
    return message
