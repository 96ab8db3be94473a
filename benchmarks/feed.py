# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Sensor messages of a robot that stands: samples, their messages, their publishers."""

from __future__ import annotations

import math
from struct import Struct

from distill_runtime.spec.spec import PolicySpec
from distill_runtime.wire.prepared_message import PreparedMessage
from geometry_msgs.msg import Quaternion, Twist, Vector3
import numpy as np
from rclpy.node import Node
from rclpy.qos import QoSProfile
from rclpy.serialization import serialize_message
from sensor_msgs.msg import Imu, JointState

QOS = QoSProfile(depth=10)
NUM_SAMPLES = 64
_STAMP = Struct('<iI')
_STAMP_AT = 4
"""Where a serialized message with a header has its stamp: behind the encapsulation."""


class SensorFeed:
    """Publishes JointState (all joints of the policy, in alphabetical order), Imu and Twist.

    The messages are made and serialized beforehand and sent in turn, so that publishing leaves
    the caches as they were.
    """

    def __init__(self, node: Node, spec: PolicySpec, seed: int = 0) -> None:
        """Create the publishers below the namespace of the node."""
        rng = np.random.default_rng(seed)
        self._clock = node.get_clock()
        self._joint_states = node.create_publisher(JointState, 'joint_states', QOS)
        self._imu = node.create_publisher(Imu, 'imu', QOS)
        self._cmd_vel = node.create_publisher(Twist, 'cmd_vel', QOS)
        self._twist = serialize_message(Twist(linear=Vector3(x=0.5)))
        self._samples = [
            (bytearray(_joints(spec, rng)), bytearray(serialize_message(_imu(rng))))
            for _ in range(NUM_SAMPLES)
        ]
        self._next = 0

    def publish(self) -> int:
        """Publish one sample of each, joint_states last; return their stamp in [ns]."""
        joints, imu = self._samples[self._next]
        self._next = (self._next + 1) % NUM_SAMPLES
        stamp_ns = self._clock.now().nanoseconds
        for message in (joints, imu):
            _STAMP.pack_into(message, _STAMP_AT, *divmod(stamp_ns, 1_000_000_000))
        self._cmd_vel.publish(self._twist)
        self._imu.publish(bytes(imu))
        self._joint_states.publish(bytes(joints))
        return stamp_ns


def _joints(spec: PolicySpec, rng: np.random.Generator) -> bytes:
    """Return a sample near the default pose, serialized."""
    pose = dict(sorted(zip(spec.joints, spec.default_position, strict=True)))
    size = len(pose)
    # serialize_message would leave the padding between the names undefined
    message = PreparedMessage().header().strings(tuple(pose))
    for _ in ('position', 'velocity', 'effort'):
        message.array('<f8', size)
    position, velocity, _ = message.views()
    position[:] = list(pose.values()) + rng.uniform(-0.02, 0.02, size)
    velocity[:] = rng.uniform(-0.1, 0.1, size)
    return message.message()


def _imu(rng: np.random.Generator) -> Imu:
    """Return a sample near upright."""
    half_angle = rng.uniform(-0.05, 0.05)
    x, y, z = rng.uniform(-0.1, 0.1, 3).tolist()
    message = Imu(
        orientation=Quaternion(y=math.sin(half_angle), w=math.cos(half_angle)),
        angular_velocity=Vector3(x=x, y=y, z=z),
    )
    message.header.frame_id = 'imu_link'
    return message
