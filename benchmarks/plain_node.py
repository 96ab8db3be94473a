# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""A minimal node that echoes each JointState as a command and runs no policy."""

from __future__ import annotations

import signal
import threading

import rclpy
from rclpy.qos import qos_profile_sensor_data
from rclpy.signals import SignalHandlerOptions
from sensor_msgs.msg import JointState


def main() -> None:
    """Echo until SIGTERM."""
    is_ending = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: is_ending.set())
    rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
    node = rclpy.create_node('plain_node')
    publisher = node.create_publisher(JointState, 'joint_command', 10)
    node.create_subscription(
        JointState, 'joint_states', publisher.publish, qos_profile_sensor_data
    )
    while not is_ending.is_set():
        rclpy.spin_once(node, timeout_sec=0.1)
    node.destroy_node()
    rclpy.shutdown()


if __name__ == '__main__':
    main()
