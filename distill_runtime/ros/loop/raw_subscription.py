# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Subscriptions to raw bytes that the control thread reads: newest sample, no executor.

The topic estop is one, too. A topic that is silent although somebody publishes on it has another
type or reliability; the middleware reports this as an event, which only an executor would see.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from distill_runtime.core.sensors import InputProblem, NEVER
from distill_runtime.errors import ConfigError
from distill_runtime.ros.parameters import given_names
from distill_runtime.wire.cdr import DecodeError
from rclpy.callback_groups import CallbackGroup
from rclpy.exceptions import NameValidationException
from rclpy.node import Node
from rclpy.qos import QoSPolicyKind, QoSProfile, ReliabilityPolicy
from rclpy.qos_overriding_options import QoSOverridingOptions
from rclpy.subscription import Subscription
from std_msgs.msg import Bool

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


_LONGEST_REORDER_NS = 1_000_000_000

Store = Callable[[bytes, dict[str, int], int], int]
"""Decodes a message with its info at a time in [ns], and returns which sample it is."""

OnMessage = Callable[[tuple[bytes, dict[str, int]], int], None]
"""Sees a message with its info that is taken at a time in [ns]."""


class Unattended(CallbackGroup):
    """Keeps subscriptions out of every executor's wait set."""

    def can_execute(self, entity: object) -> bool:
        """Return False, always."""
        return False

    def beginning_execution(self, entity: object) -> bool:
        """Return False, always."""
        return False

    def ending_execution(self, entity: object) -> None:
        """Do nothing."""


class RawSubscription:
    """One subscription and how its messages get into the sensors.

    Attributes:
        subscription: The subscription.
        message_type: Type of its messages.
        topic: Name of the topic in messages to the user.
        is_command: Whether it is the velocity command.
        sample_ns: Which sample is in use: its header stamp, or where the message has none, its
            source timestamp; NEVER before the first. Together with the topic this identifies the
            message.
        problem: Why the newest message was invalid; None if it was valid.
        on_message: Gets every message that is taken, valid or not, before it is decoded.
    """

    def __init__(
        self,
        subscription: Subscription,
        message_type: type,
        topic: str,
        store: Store,
        is_single: bool = False,
        is_command: bool = False,
    ) -> None:
        """Wrap a subscription.

        Args:
            subscription: Of an Unattended callback group.
            message_type: Its type.
            topic: Name for messages.
            store: Decodes a message, or raises DecodeError.
            is_single: Whether at most one message waits, the newest.
            is_command: See the attributes.
        """
        self.subscription = subscription
        self.message_type = message_type
        self.topic = topic
        self.is_command = is_command
        self.sample_ns = NEVER
        self.problem: InputProblem | None = None
        self.on_message: OnMessage | None = None
        self._take = subscription.handle.take_message
        self._store = store
        self._is_single = is_single

    def check_order(self, sample_ns: int) -> None:
        """Reject a sample that is a little older than the one in use: messages were reordered.

        One that is much older comes from a clock that was set back; the check of its age finds it.

        Raises:
            DecodeError: If it is.
        """
        back_ns = self.sample_ns - sample_ns
        if 0 < back_ns <= _LONGEST_REORDER_NS:
            raise DecodeError(
                f'backwards: newest sample is stamped {back_ns / 1e9:.3f} s before the one in use'
            )

    def take_one(self) -> tuple[bytes, dict[str, int]] | None:
        """Return the oldest waiting message with its info; None if none waits."""
        return self._take(self.message_type, True)

    def forget(self) -> None:
        """Return to the state before the first message; those that wait still count."""
        self.sample_ns = NEVER
        self.problem = None

    def drop(self) -> None:
        """Throw away what waits."""
        while self._take(self.message_type, True) is not None:
            pass

    def refresh(self, stamp_ns: int) -> None:
        """Decode the newest valid message of those that wait.

        Args:
            stamp_ns: Time of the tick: the stamp of a message without a header.
        """
        taken = self._take(self.message_type, True)
        if taken is None:
            return
        if self._is_single:
            self.accept(taken, stamp_ns)
            return
        following = self._take(self.message_type, True)
        if following is None:
            self.accept(taken, stamp_ns)
            return
        waiting = [taken]
        while following is not None:
            waiting.append(following)
            following = self._take(self.message_type, True)
        while waiting and not self.accept(waiting.pop(), stamp_ns):
            pass

    def accept(self, taken: tuple[bytes, dict[str, int]], stamp_ns: int) -> bool:
        """Decode one message; return whether it was valid."""
        if self.on_message is not None:
            self.on_message(taken, stamp_ns)
        try:
            self.sample_ns = self._store(taken[0], taken[1], stamp_ns)
        except DecodeError as error:
            check = '' if self.is_command else 'input_sample'
            self.problem = InputProblem(f'{self.topic}.{error}', check)
            return False
        self.problem = None
        return True


def never_called(message: object) -> None:
    """Stand in for the callback that rclpy demands; no executor sees the subscription."""


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


_VALUE_AT = 4  # after the encapsulation header
_QOS = QoSProfile(depth=10)  # reliable: one message may be all that comes


class Estop:
    """Subscription to std_msgs/Bool.

    Attributes:
        is_set: Whether the newest message is true; it holds until one is false, also while the
            node is not active.
        on_message: Gets every message.
    """

    message_type = Bool

    def __init__(self, node: Node) -> None:
        """Subscribe."""
        self._node = node
        self.is_set = False
        self.on_message: Callable[[bytes], None] | None = None
        self.subscription = subscribe_raw(node, Bool, 'estop', _QOS)
        self._take = self.subscription.handle.take_message

    def refresh(self) -> bool:
        """Read what waits; return whether a stop is requested, or was since the last call.

        A truncated message counts as true: nobody sends one by accident.
        """
        taken = self._take(Bool, True)
        if taken is None:
            return self.is_set
        was_set = False
        while taken is not None:
            data = taken[0]
            self.is_set = len(data) <= _VALUE_AT or data[_VALUE_AT] != 0
            was_set = was_set or self.is_set
            if self.on_message is not None:
                self.on_message(data)
            taken = self._take(Bool, True)
        return was_set

    def destroy(self) -> None:
        """Unsubscribe."""
        self._node.destroy_subscription(self.subscription)
