# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Why a topic is silent although somebody publishes on it: another type, or another reliability.

The middleware tells this by an event, which only an executor would see.
"""

from __future__ import annotations

from collections.abc import Iterable

from distill_runtime.core.sensors import NEVER
from rclpy.node import Node
from rclpy.qos import ReliabilityPolicy

from .raw_subscription import RawSubscription


def mismatches(node: Node, channels: Iterable[RawSubscription]) -> str:
    """Return what keeps the publishers of silent channels from being heard; '' if nothing does."""
    reasons = (_mismatch(node, channel) for channel in channels if channel.sample_ns == NEVER)
    return '; '.join(reason for reason in reasons if reason)


def _mismatch(node: Node, channel: RawSubscription) -> str:
    subscription = channel.subscription
    topic = subscription.topic_name
    wanted = type_name(channel.message_type)
    is_reliable = subscription.qos_profile.reliability == ReliabilityPolicy.RELIABLE
    reason = ''
    for publisher in node.get_publishers_info_by_topic(topic):
        if publisher.topic_type != wanted:
            hint = ': set enable_stamped_cmd_vel' if channel.is_command else ''
            reason = (
                f'{channel.topic}.type: {publisher.node_name} publishes {publisher.topic_type} '
                f'on {topic}, expected {wanted}{hint}'
            )
        elif is_reliable and publisher.qos_profile.reliability == ReliabilityPolicy.BEST_EFFORT:
            reason = (
                f'{channel.topic}.qos: {publisher.node_name} publishes {topic} BEST_EFFORT, '
                "expected RELIABLE with trigger 'joint_states': change the publisher, or set "
                f'qos_overrides.{topic}.subscription.reliability to best_effort'
            )
        else:
            return ''
    return reason


def type_name(message_type: type) -> str:
    """Return the name that ROS has for a type, such as sensor_msgs/msg/Imu."""
    package, kind, *_ = message_type.__module__.split('.')
    return f'{package}/{kind}/{message_type.__name__}'
