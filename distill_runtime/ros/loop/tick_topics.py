# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""What a tick consumed and computed, for recordings: ~/tick, ~/observation, ~/action."""

from __future__ import annotations

import threading

from distill_runtime.core.sensors import NEVER
from distill_runtime.core.step import Step
from distill_runtime.spec.spec import PolicySpec
from distill_runtime.wire.prepared_message import PreparedMessage
from distill_runtime.wire.tick_fields import ACTION_NUMBERS, model_number, tick_labels
from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.qos import QoSProfile
from std_msgs.msg import Float32MultiArray, Int64MultiArray

from .inputs import Inputs
from .raw_subscription import RawSubscription

_QOS = QoSProfile(depth=100)


class PolicyMessages:
    """What a policy's observation and action look like as messages.

    Attributes:
        model: Its number in ~/tick.
        observation, action: Elements of the next messages.
    """

    def __init__(self, spec: PolicySpec, model_sha256: str) -> None:
        """Prepare the messages."""
        self.model = model_number(model_sha256)
        self._observation = _vector(observation_labels(spec))
        self._action = _vector(action_labels(spec))
        (self.observation,) = self._observation.views()
        (self.action,) = self._action.views()

    def messages(self) -> tuple[bytes, bytes]:
        """Return observation and action."""
        return self._observation.message(), self._action.message()


class Internals:
    """Publishers of ~/tick, always, and of ~/observation and ~/action, while they are wanted."""

    def __init__(self, node: Node, inputs: Inputs, policy: PolicyMessages) -> None:
        """Advertise ~/tick."""
        self._node = node
        self._inputs = inputs
        self.policy = policy
        """Messages of the active policy; the control thread changes it."""
        self._tick = 0
        self.labels = tick_labels(raw.topic for raw in inputs.externals)
        """Of ~/tick."""
        self._tick_prepared = (
            PreparedMessage()
            .segments(*((name, 1) for name in self.labels))
            .array('<i8', len(self.labels))
        )
        (self.tick,) = self._tick_prepared.views()
        """Elements of the newest ~/tick."""
        self._publisher = node.create_publisher(Int64MultiArray, '~/tick', _QOS)
        self._send_tick = self._publisher.handle.publish_raw
        self._details_lock = threading.Lock()
        """Held while the publishers below are used or changed."""
        self._details: list[Publisher] = []

    def publish_details(self, is_wanted: bool) -> None:
        """Advertise or withdraw ~/observation and ~/action; any thread but the control thread may.

        The control thread never waits for this: a tick that comes meanwhile publishes neither.
        """
        with self._details_lock:
            if is_wanted and not self._details:
                self._details = [
                    self._node.create_publisher(Float32MultiArray, topic, _QOS)
                    for topic in ('~/observation', '~/action')
                ]
            elif not is_wanted:
                while self._details:
                    self._node.destroy_publisher(self._details.pop())

    def send(self, step: Step, stamp_ns: int, lateness_ns: int, fault_action: str) -> None:
        """Publish what a tick did.

        Args:
            step: What the runner gave.
            stamp_ns: Time of the tick.
            lateness_ns: Time from its deadline to its start.
            fault_action: The active fault action; '' if there is none.
        """
        inputs = self._inputs
        self.tick[:] = (
            self._tick,
            stamp_ns,
            inputs.joint_states.sample_ns,
            _sample(inputs.imu),
            _sample(inputs.cmd_vel),
            _sample(inputs.odom),
            step.mode,
            self.policy.model,
            lateness_ns,
            ACTION_NUMBERS[fault_action],
            *[raw.sample_ns for raw in inputs.externals],
        )
        self._tick += 1
        self._send_tick(self._tick_prepared.message())
        if self._details and step.has_policy_step and self._details_lock.acquire(False):
            try:
                self._send_details(step)
            finally:
                self._details_lock.release()

    def _send_details(self, step: Step) -> None:
        """Publish observation and action, unless they were just withdrawn; the lock is held."""
        policy = self.policy
        policy.observation[:] = step.observation
        policy.action[:] = step.action
        for publisher, message in zip(self._details, policy.messages(), strict=False):
            publisher.handle.publish_raw(message)

    def destroy(self) -> None:
        """Withdraw the topics."""
        self.publish_details(False)
        self._node.destroy_publisher(self._publisher)


def _sample(raw: RawSubscription | None) -> int:
    return NEVER if raw is None else raw.sample_ns


def _vector(groups: tuple[tuple[str, int], ...]) -> PreparedMessage:
    """Prepare a vector with one label per group."""
    return PreparedMessage().segments(*groups).array('<f4', sum(size for _, size in groups))


def observation_labels(spec: PolicySpec) -> tuple[tuple[str, int], ...]:
    """Return term and number of elements for each group of the observation, in order."""
    groups: list[tuple[str, int]] = []
    for entry in spec.inputs:
        sizes = [(term.kind, term.dim(spec)) for term in entry.terms]
        if entry.history.major == 'frame':
            groups += sizes * len(entry.lags(entry.terms[0]))
        else:
            groups += [
                (kind, size * len(entry.lags(term)))
                for (kind, size), term in zip(sizes, entry.terms, strict=True)
            ]
    return tuple(groups)


def action_labels(spec: PolicySpec) -> tuple[tuple[str, int], ...]:
    """Return the name of each action element: its joint, or its choice."""
    if spec.outputs.action.choices is not None:
        return tuple((f'choice_{index}', 1) for index in range(spec.act_dim))
    return tuple((name, 1) for name in spec.action_joints)
