# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""A recorder like `ros2 bag record`: raw subscriptions, receive times, an MCAP file at the end."""

from __future__ import annotations

from collections import Counter
import threading
import time

from geometry_msgs.msg import Twist
from nav_msgs.msg import Odometry
import rclpy
from rclpy.node import Node
from rclpy.qos import QoSProfile
from rclpy.serialization import deserialize_message
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
    'observation': Float32MultiArray,
    'action': Float32MultiArray,
    'tick': Int64MultiArray,
}
"""A node that is received on the last of them has matched all subscriptions."""
QUIET = 0.3
"""Time in s without a message after which none is under way any more."""


class DdsRecorder:
    """Keeps every message of some topics, taken in another thread."""

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
        self.counts = Counter()
        self._stops = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        while not self._stops.is_set():
            self.take()
            time.sleep(0.002)

    def has_received(self, *topics):
        """Return whether a message of each of some topics has come."""
        return all(self.counts[topic] for topic in topics)

    def newest(self, topic):
        """Return the newest message of a topic."""
        _, _, kind, content = next(m for m in reversed(self.messages) if m[1] == topic)
        return deserialize_message(content, kind)

    def is_quiet(self):
        """Return whether nothing has come for a while."""
        return time.time_ns() - self.messages[-1][0] > QUIET * 1e9

    def take(self):
        """Take what waits."""
        for topic, kind, subscription in self._subscriptions:
            while (taken := subscription.handle.take_message(kind, True)) is not None:
                self.messages.append((time.time_ns(), topic, kind, bytes(taken[0])))
                self.counts[topic] += 1

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
