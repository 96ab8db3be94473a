# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""The parameter robot_description: a URDF as a file, as XML text, or on a topic that has it."""

from __future__ import annotations

from pathlib import Path
import time

from distill_runtime.errors import ConfigError
from distill_runtime.ros.loop.raw_subscription import subscribe_raw
from distill_runtime.spec.robots import is_urdf_text, profile_names
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile
from rclpy.serialization import deserialize_message
from std_msgs.msg import String

from .process import is_ending

_QOS = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
_PATIENCE = 10.0  # s; robot_state_publisher may start with us
_POLL = 0.02  # s


def read_description(node: Node, value: str) -> str:
    """Return a value of robot_description that needs no topic: a path, or XML text.

    Args:
        node: Subscribes if the value is a topic, until its first message.
        value: Of the parameter.

    Raises:
        ConfigError: If nothing comes on the topic, or something else than XML.
    """
    if not is_topic(value):
        return value
    subscription = subscribe_raw(node, String, value, _QOS)
    try:
        node.get_logger().info(f'waiting for the URDF on {subscription.topic_name}')
        end = time.monotonic() + _PATIENCE
        while (taken := subscription.handle.take_message(String, True)) is None:
            if is_ending():
                raise ConfigError(f'robot_description: ended while waiting for topic {value}')
            if time.monotonic() > end:
                raise ConfigError(
                    f'robot_description is {value!r}: no such file, and no std_msgs/String '
                    f'(transient local) on topic {subscription.topic_name} within '
                    f'{_PATIENCE:g} s, expected a URDF file, XML text, or a topic that has it: '
                    'is robot_state_publisher running?'
                )
            time.sleep(_POLL)
    finally:
        node.destroy_subscription(subscription)
    text: str = deserialize_message(taken[0], String).data
    if not is_urdf_text(text):
        raise ConfigError(f'robot_description on topic {value} is {text[:40]!r}, expected XML')
    return text


def is_topic(value: str) -> bool:
    """Whether a value is the name of a topic: it has no dot, and no file has that name."""
    return bool(value) and not (
        is_urdf_text(value)
        or '.' in value
        or value in profile_names()
        or Path(value).expanduser().exists()
    )
