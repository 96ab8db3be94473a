# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Publish prepared sensor messages of a standing robot; as a script, at a fixed rate.

The script plays the part of a robot's driver: it prints ``ready``, then publishes until the time
is over, SIGTERM arrives or its parent is gone.
"""

from __future__ import annotations

import argparse
import math
import os
import signal
from struct import Struct
import threading
import time

from distill_runtime.ros.loop.timing import Grid
from distill_runtime.spec.spec import PolicySpec
from distill_runtime.wire.prepared_message import PreparedMessage
from geometry_msgs.msg import Quaternion, Twist, Vector3
import numpy as np
import rclpy
from rclpy.node import Node
from rclpy.qos import QoSProfile
from rclpy.serialization import serialize_message
from rclpy.signals import SignalHandlerOptions
from sensor_msgs.msg import Imu, JointState
from subjects import add_arguments, first_present

QOS = QoSProfile(depth=10)
NUM_SAMPLES = 64
_STAMP = Struct('<iI')
_STAMP_AT = 4
"""Byte offset of the header stamp in a serialized message: after the encapsulation header."""


class SensorFeed:
    """Publishes JointState (all joints of the policy, in alphabetical order), Imu and Twist.

    Messages are serialized beforehand and sent in turn, so that publishing hardly touches caches.
    """

    def __init__(self, node: Node, spec: PolicySpec, seed: int = 0) -> None:
        """Create the publishers in the namespace of the node."""
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


def main() -> None:
    """Publish at a rate until the time is over or the parent is gone."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    add_arguments(parser)
    parser.add_argument('--rate', type=int, required=True)
    parser.add_argument('--seconds', type=float, required=True)
    parser.add_argument('--namespace', required=True)
    args = parser.parse_args()
    parent = os.getppid()
    is_ending = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: is_ending.set())
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of a terminal: the parent sends SIGTERM
    rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
    node = rclpy.create_node('feeder', namespace=args.namespace)
    feed = SensorFeed(node, first_present(args).load().spec)
    if not is_ending.is_set():  # otherwise the pipe has no reader
        print('ready', flush=True)
    grid = Grid(time.monotonic_ns(), 1_000_000_000, args.rate)
    end_ns = time.monotonic_ns() + round(args.seconds * 1e9)
    while time.monotonic_ns() < end_ns and os.getppid() == parent and not is_ending.is_set():
        time.sleep(max(0, grid.deadline_ns - time.monotonic_ns()) / 1e9)
        feed.publish()
        grid.advance(time.monotonic_ns())
    node.destroy_node()
    rclpy.shutdown()


if __name__ == '__main__':
    main()
