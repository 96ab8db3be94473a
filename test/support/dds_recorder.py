# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""A recorder like `ros2 bag record`: raw subscriptions, receive times, an MCAP file at the end."""

from __future__ import annotations

import threading
import time

from geometry_msgs.msg import Twist
from nav_msgs.msg import Odometry
import rclpy
from rclpy.node import Node
from rclpy.qos import QoSProfile
from rosbags.rosbag2 import StoragePlugin, Writer
from sensor_msgs.msg import Imu, JointState
from std_msgs.msg import Float32MultiArray, Int64MultiArray

from .bags import STORE

TYPES = {
    'joint_states': JointState,
    'imu': Imu,
    'cmd_vel': Twist,
    'odom': Odometry,
    'joint_command': JointState,
}
INTERNALS = {
    'tick': Int64MultiArray,
    'observation': Float32MultiArray,
    'action': Float32MultiArray,
}


class DdsRecorder:
    """Keeps every message of some topics, taken in a thread of its own."""

    def __init__(self, context, students=('student_node',), namespace='', topics=TYPES):
        self.node = Node('recorder', context=context)
        names = {f'{namespace}/{name}': kind for name, kind in topics.items()}
        for student in students:
            names |= {f'{namespace}/{student}/{name}': kind for name, kind in INTERNALS.items()}
        qos = QoSProfile(depth=5000)
        self._subscriptions = [
            (topic, kind, self.node.create_subscription(kind, topic, print, qos, raw=True))
            for topic, kind in names.items()
        ]
        self.messages = []
        self._stops = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        while not self._stops.is_set():
            self.take()
            time.sleep(0.002)

    def has_heard(self, *topics):
        """Return whether a message of each of some topics has come."""
        heard = {topic for _, topic, _, _ in list(self.messages)}
        return heard >= set(topics)

    def take(self):
        """Take what waits."""
        for topic, kind, subscription in self._subscriptions:
            while (taken := subscription.handle.take_message(kind, True)) is not None:
                self.messages.append((time.time_ns(), topic, kind, bytes(taken[0])))

    def stop(self, path):
        """Write the bag; return its path."""
        self._stops.set()
        self._thread.join()
        self.take()
        self.node.destroy_node()
        self.messages.sort(key=lambda message: message[0])
        with Writer(path, version=8, storage_plugin=StoragePlugin.MCAP) as writer:
            connections = {}
            for receive_ns, topic, kind, content in self.messages:
                if topic not in connections:
                    package = kind.__module__.partition('.')[0]
                    name = f'{package}/msg/{kind.__name__}'
                    connections[topic] = writer.add_connection(topic, name, typestore=STORE)
                writer.write(connections[topic], receive_ns, content)
        return path


def recording_context():
    """Return a context for recorders."""
    context = rclpy.Context()
    rclpy.init(args=[], context=context)
    return context
