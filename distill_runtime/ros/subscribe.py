# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""A subscription to raw bytes that no executor sees, with the QoS that the user overrides."""

from __future__ import annotations

from distill_runtime.errors import ConfigError
from rclpy.exceptions import NameValidationException
from rclpy.node import Node
from rclpy.qos import QoSPolicyKind, QoSProfile
from rclpy.qos_overriding_options import QoSOverridingOptions
from rclpy.subscription import Subscription

from .channel import never_called, Unattended
from .parameters import given_names

_KINDS = (QoSPolicyKind.HISTORY, QoSPolicyKind.DEPTH, QoSPolicyKind.RELIABILITY)


def subscribe_raw(node: Node, message_type: type, topic: str, qos: QoSProfile) -> Subscription:
    """Subscribe.

    Raises:
        ConfigError: If the topic cannot be subscribed to.
    """
    try:
        return node.create_subscription(
            message_type,
            topic,
            never_called,
            qos,
            callback_group=Unattended(),
            qos_overriding_options=QoSOverridingOptions(policy_kinds=overridden(node, topic)),
            raw=True,
        )
    except (NameValidationException, RuntimeError, ValueError) as error:
        what = ' '.join(str(error).partition(', at ')[0].split())
        raise ConfigError(f'topic {topic!r} cannot be subscribed to: {what}') from error


def overridden(node: Node, topic: str) -> list[QoSPolicyKind]:
    """Name the policies that the user overrides, and no other.

    A policy that is named becomes a parameter that cannot change, and would hold the QoS of the
    first configure against the next one's trigger.
    """
    prefix = f'qos_overrides.{node.resolve_topic_name(topic)}.subscription.'
    given = given_names(node)
    return [kind for kind in _KINDS if prefix + kind.name.lower() in given]
