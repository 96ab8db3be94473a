# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Why a topic is silent although somebody publishes on it: another type, or another reliability.

The middleware reports this as an event, which only an executor would see.
"""

from __future__ import annotations

from collections.abc import Iterable

from distill_runtime.core.sensors import NEVER
from rclpy.node import Node
from rclpy.qos import ReliabilityPolicy

from .raw_subscription import RawSubscription


def mismatches(node: Node, subscriptions: Iterable[RawSubscription]) -> str:
    """Return why silent subscriptions do not match their publishers; '' if nothing is wrong."""
    reasons = (_mismatch(node, raw) for raw in subscriptions if raw.sample_ns == NEVER)
    return '; '.join(reason for reason in reasons if reason)


def _mismatch(node: Node, raw: RawSubscription) -> str:
    subscription = raw.subscription
    topic = subscription.topic_name
    wanted = type_name(raw.message_type)
    is_reliable = subscription.qos_profile.reliability == ReliabilityPolicy.RELIABLE
    reason = ''
    for publisher in node.get_publishers_info_by_topic(topic):
        if publisher.topic_type != wanted:
            hint = ': set enable_stamped_cmd_vel' if raw.is_command else ''
            reason = (
                f'{raw.topic}.type: {publisher.node_name} publishes {publisher.topic_type} '
                f'on {topic}, expected {wanted}{hint}'
            )
        elif is_reliable and publisher.qos_profile.reliability == ReliabilityPolicy.BEST_EFFORT:
            reason = (
                f'{raw.topic}.qos: {publisher.node_name} publishes {topic} BEST_EFFORT, '
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
