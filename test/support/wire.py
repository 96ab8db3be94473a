# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""The control loop of student_node with queues of serialized messages in place of DDS."""

from __future__ import annotations

from collections import deque
from types import SimpleNamespace

from distill_runtime.core.limits import MAX_MARGIN
from distill_runtime.ros.loop.control_loop import ControlLoop
from distill_runtime.ros.loop.inputs import Inputs
from distill_runtime.ros.loop.loop_context import LoopContext
from distill_runtime.ros.loop.raw_subscription import Estop
from distill_runtime.ros.node_config import StudentNodeConfig
import numpy as np
from rclpy.clock import Clock
from rclpy.serialization import serialize_message


class Wire:
    """A fake node: its subscriptions are queues of bytes."""

    def __init__(self):
        self._parameter_overrides = {}
        self.queues = {}
        self.now_ns = 0
        self._clock = Clock()

    def resolve_topic_name(self, topic):
        """Return the topic."""
        return topic

    def get_clock(self):
        """Return a clock of which only the type is read."""
        return self._clock

    def create_subscription(self, message_type, topic, callback, qos, **options):
        """Return a fake subscription with the queue depth of the QoS."""
        queue = self.queues[topic] = deque(maxlen=qos.depth)

        def take(message_type, is_raw):
            return queue.popleft() if queue else None

        return SimpleNamespace(handle=SimpleNamespace(take_message=take), topic_name=topic)

    def put(self, topic, message):
        """Deliver a message, or bytes in place of one."""
        data = message if isinstance(message, bytes) else serialize_message(message)
        self.queues[topic].append((data, {'source_timestamp': self.now_ns}))


class Driver:
    """Receives the commands, and records how far they are beyond the limits."""

    def __init__(self, runner, max_step):
        joints = runner.compiled.joints
        self._runner, self._joints, self._max_step = runner, joints, max_step
        per_tick = joints.velocity * runner.control_period_ns / 1e9
        self._reach = joints.effort / joints.stiffness + per_tick
        self._lead = joints.damping / joints.stiffness
        self.forget()
        self.excess = 0.0
        """Greatest excess of any command over soft limits and step limit, in [rad]."""
        self.command = None
        """Command of the last tick; None where nothing was sent."""

    def forget(self):
        """Forget the last command."""
        self._last = None

    def send(self, step, stamp_ns):
        """Record a command."""
        if not step.sends:
            self.command = self._last = None
            return
        command = self.command = step.command.copy()
        lower, upper = self._range(step)
        beyond = [lower - command, command - upper]
        if self._last is not None:
            # a soft limit may call back a target that lies outside the range
            kept = np.clip(self._last, self._joints.lower, self._joints.upper) == self._last
            beyond.append(np.where(kept, np.abs(command - self._last) - self._max_step, 0.0))
        worst = float(np.max(beyond))
        self.excess = max(self.excess, worst if np.isfinite(command).all() else np.inf)
        self._last = command

    def _range(self, step):
        """Return the bounds of a command: wider while a joint is well inside."""
        lower, upper = self._joints.lower, self._joints.upper
        if not (step.mode.runs_policy and step.has_feedback):
            return lower, upper
        measured = self._runner.joint_position
        moved = measured + self._lead * self._runner.joint_velocity
        return (
            np.where(
                measured > lower,
                np.minimum(lower, np.minimum(moved, measured) - self._reach),
                np.maximum(measured, lower - MAX_MARGIN),
            ),
            np.where(
                measured < upper,
                np.maximum(upper, np.maximum(moved, measured) + self._reach),
                np.minimum(measured, upper + MAX_MARGIN),
            ),
        )


def wired_loop(wire, spec, runner, sensors, output, has_stamped_command=False):
    """Return a control loop whose ticks the caller makes.

    Args:
        wire: Brings the messages.
        spec: Of the policy.
        runner: Runs it.
        sensors: Where the samples are put.
        output: Gets each step.
        has_stamped_command: Whether cmd_vel is a TwistStamped.
    """
    return ControlLoop(
        LoopContext(
            node=wire,
            config=StudentNodeConfig(),
            model_factory=None,
            registry=None,
            runner=runner,
            sensors=sensors,
            inputs=Inputs(
                wire,
                spec,
                runner.compiled,
                sensors,
                is_lockstep=False,
                needs_velocity=False,
                has_stamped_command=has_stamped_command,
                uses_arrival=False,
            ),
            output=output,
            estop=Estop(wire),
            internals=SimpleNamespace(send=lambda *values: None),
        )
    )
