# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""The control loop of student_node without DDS: queues of serialized messages in its place."""

from __future__ import annotations

from collections import deque
from types import SimpleNamespace

from distill_runtime.ros.estop import Estop
from distill_runtime.ros.inputs import Inputs
from distill_runtime.ros.loop import ControlLoop
from distill_runtime.ros.loop_parts import LoopParts
from distill_runtime.ros.node_config import StudentNodeConfig
import numpy as np
from rclpy.clock import Clock
from rclpy.serialization import serialize_message


class Wire:
    """Stands for a node: its subscriptions are queues of bytes."""

    def __init__(self):
        self._parameter_overrides = {}
        self.queues = {}
        self.now_ns = 0
        self._clock = Clock()

    def resolve_topic_name(self, topic):
        """Return the topic."""
        return topic

    def get_clock(self):
        """Return a clock that only tells its kind."""
        return self._clock

    def create_subscription(self, message_type, topic, callback, qos, **options):
        """Return something to take messages from; it holds as many as the QoS says."""
        queue = self.queues[topic] = deque(maxlen=qos.depth)

        def take(message_type, is_raw):
            return queue.popleft() if queue else None

        return SimpleNamespace(handle=SimpleNamespace(take_message=take), topic_name=topic)

    def put(self, topic, message):
        """Deliver a message, or bytes that shall be one."""
        data = message if isinstance(message, bytes) else serialize_message(message)
        self.queues[topic].append((data, {'source_timestamp': self.now_ns}))


class Driver:
    """Takes the commands, and notes how far they are from what a driver may be sent."""

    def __init__(self, joints, max_step):
        self._joints, self._max_step = joints, max_step
        self.forget()
        self.excess = 0.0
        """Greatest distance of any command from the limits and from the step, in [rad]."""
        self.command = None
        """Of the last tick; None where nothing was sent."""

    def forget(self):
        """Let any command follow."""
        self._last = None

    def send(self, step, stamp_ns):
        """Note what is sent."""
        if not step.sends:
            self.command = self._last = None
            return
        command = self.command = step.command.copy()
        beyond = [self._joints.lower - command, command - self._joints.upper]
        if self._last is not None:
            beyond.append(np.abs(command - self._last) - self._max_step)
        worst = float(np.max(beyond))
        self.excess = max(self.excess, worst if np.isfinite(command).all() else np.inf)
        self._last = command


def wired_loop(wire, spec, runner, sensors, output, has_stamped_command=False):
    """Return a control loop; whoever calls its tick is its clock.

    Args:
        wire: Brings the messages.
        spec: Of the policy.
        runner: Runs it.
        sensors: Where the samples are put.
        output: Gets each step.
        has_stamped_command: Whether cmd_vel is a TwistStamped.
    """
    return ControlLoop(
        LoopParts(
            node=wire,
            config=StudentNodeConfig(),
            casting=None,
            cast=None,
            runner=runner,
            sensors=sensors,
            inputs=Inputs(
                wire,
                spec,
                runner.plan,
                sensors,
                is_lockstep=False,
                needs_velocity=False,
                has_stamped_command=has_stamped_command,
                uses_arrival=False,
            ),
            output=output,
            estop=Estop(wire),
            internals=SimpleNamespace(send=lambda *told: None),
        )
    )
