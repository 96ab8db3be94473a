# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""The one table of message layouts: which numbers are read from each message type.

``cdr`` reads them from one message (the tick), ``rows`` from thousands at once (recordings), and
``data.bags.topic_reader`` from message objects (rosbag1, and whatever the other two reject).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple


class FixedLayout(NamedTuple):
    """A message that is a Header or none, further strings, then float64 values only."""

    num_strings: int
    """The frame_id included; 0: there is no header."""
    columns: tuple[int, ...]
    """Which of the float64 values are read, in the order of a row."""


IMU = FixedLayout(1, (3, 0, 1, 2, 4, 13, 14, 15))
"""Orientation w, x, y, z, first element of its covariance, angular velocity."""
ODOMETRY = FixedLayout(2, (43, 44, 45, 6, 3, 4, 5))
"""Linear velocity in the child frame, orientation w, x, y, z."""
ODOMETRY_TWIST = FixedLayout(2, ODOMETRY.columns[:3])
TWIST = FixedLayout(0, (0, 1, 5))
"""Linear x and y, angular z."""
TWIST_STAMPED = FixedLayout(1, TWIST.columns)
POSE_STAMPED = FixedLayout(1, (0, 1, 2, 3, 4, 5, 6))
"""Position x, y, z, orientation x, y, z, w."""

FIXED: Mapping[str, FixedLayout] = MappingProxyType(
    {
        'sensor_msgs/msg/Imu': IMU,
        'nav_msgs/msg/Odometry': ODOMETRY,
        'geometry_msgs/msg/Twist': TWIST,
        'geometry_msgs/msg/TwistStamped': TWIST_STAMPED,
        'geometry_msgs/msg/PoseStamped': POSE_STAMPED,
    }
)
ARRAYS: Mapping[str, str] = MappingProxyType(
    {
        'std_msgs/msg/Float32MultiArray': '<f4',
        'std_msgs/msg/Float64MultiArray': '<f8',
        'std_msgs/msg/Int64MultiArray': '<i8',
    }
)
"""dtype of their numbers."""
JOINT_STATE = 'sensor_msgs/msg/JointState'
JOINT_TRAJECTORY = 'trajectory_msgs/msg/JointTrajectory'
JOINT_KINDS = ('position', 'velocity', 'effort')
"""Sequences of float64 in a JointState, in its order."""
TYPES = frozenset((*FIXED, *ARRAYS, JOINT_STATE, JOINT_TRAJECTORY))
"""All types of this table."""


def has_header(message_type: str) -> bool:
    """Return whether messages of a type of this table begin with a Header."""
    if message_type in FIXED:
        return FIXED[message_type].num_strings > 0
    return message_type not in ARRAYS
