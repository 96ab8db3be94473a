# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Joint commands as prepared messages: one writer per command_type."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from distill_runtime.core.compiled_spec import JointTable
from distill_runtime.core.pd import JointPD
from distill_runtime.core.runner import PolicyRunner
from distill_runtime.core.step import Step
from distill_runtime.errors import ConfigError
from distill_runtime.wire.prepared_message import PreparedMessage
import numpy as np
from rclpy.duration import Duration
from rclpy.node import Node
from rclpy.qos import QoSProfile
from sensor_msgs.msg import JointState
from std_msgs.msg import Float64MultiArray
from trajectory_msgs.msg import JointTrajectory

COMMAND_TYPES = ('joint_state', 'position_array', 'trajectory', 'effort')
COMMAND_QOS = QoSProfile(depth=10)
_ARRIVAL_TIMEOUT = Duration(seconds=0.2)


class CommandWriter(Protocol):
    """Writes a step into a prepared message."""

    message_type: type

    def write(self, step: Step, stamp_ns: int) -> bytes:
        """Return the message of a step."""

    def stop_message(self, stamp_ns: int) -> bytes | None:
        """Return the message that ends a session; None if the last command may hold."""


def command_writer(command_type: str, runner: PolicyRunner) -> CommandWriter:
    """Make the writer of a command type.

    Raises:
        ConfigError: If the type is unknown, or cannot carry this policy's commands.
    """
    joints = runner.compiled.joints
    if command_type == 'joint_state':
        return _JointStateWriter(joints, runner)
    if command_type == 'effort':
        return _EffortWriter(joints, runner)
    if command_type not in COMMAND_TYPES:
        raise ConfigError(
            f'command_type is {command_type!r}, expected one of {list(COMMAND_TYPES)}'
        )
    if set(joints.modes) != {'position'} and command_type == 'trajectory':
        raise ConfigError(
            f"command_type is 'trajectory' with joint modes {sorted(set(joints.modes))}, expected "
            'position joints only'
        )
    if len(set(joints.modes)) != 1:
        raise ConfigError(
            f"command_type is 'position_array' with joint modes {sorted(set(joints.modes))}, "
            'expected one mode for all joints: the array does not say which is which'
        )
    if command_type == 'trajectory':
        return _TrajectoryWriter(joints, runner.control_period_ns)
    return _ArrayWriter(joints)


class _JointStateWriter:
    """sensor_msgs/JointState: position, and velocity and effort where a joint has that mode.

    In a policy of several modes a joint that is not position controlled carries its measured
    position, and 0 in the fields of the other modes.
    """

    message_type = JointState

    def __init__(self, joints: JointTable, runner: PolicyRunner) -> None:
        prepared = PreparedMessage().header().strings(joints.names)
        modes = np.array(joints.modes)
        num_joints = len(joints.names)
        prepared.array('<f8', num_joints)
        for mode in ('velocity', 'effort'):
            prepared.array('<f8', num_joints if np.any(modes == mode) else 0)
        self._prepared = prepared
        self._position, *others = prepared.views()
        present = [mode for mode in ('velocity', 'effort') if np.any(modes == mode)]
        self._others = tuple(
            (view, np.flatnonzero(modes == mode))
            for view, mode in zip(others, present, strict=True)
        )
        self._not_position = np.flatnonzero(modes != 'position')
        self._measured = runner.joint_position

    def write(self, step: Step, stamp_ns: int) -> bytes:
        self._position[:] = step.command
        if self._others:
            self._position[self._not_position] = self._measured[self._not_position]
            for view, joints in self._others:
                view[joints] = step.command[joints]
        self._prepared.stamp(stamp_ns)
        return self._prepared.message()

    def stop_message(self, stamp_ns: int) -> bytes | None:
        if not self._others:
            return None
        for view, _ in self._others:
            view.fill(0.0)
        self._prepared.stamp(stamp_ns)
        return self._prepared.message()


class _EffortWriter:
    """sensor_msgs/JointState with PD torques in effort; zero while there is no fresh feedback."""

    message_type = JointState

    def __init__(self, joints: JointTable, runner: PolicyRunner) -> None:
        self._prepared = PreparedMessage().header().strings(joints.names)
        self._prepared.array('<f8', 0).array('<f8', 0).array('<f8', len(joints.names))
        (self._effort,) = self._prepared.views()
        self._runner = runner
        self._pd = JointPD(joints)

    def write(self, step: Step, stamp_ns: int) -> bytes:
        if step.has_feedback:
            runner = self._runner
            self._pd.compute(step.command, runner.joint_position, runner.joint_velocity)
            self._effort[:] = self._pd.effort
        else:
            self._effort.fill(0.0)
        self._prepared.stamp(stamp_ns)
        return self._prepared.message()

    def stop_message(self, stamp_ns: int) -> bytes | None:
        self._effort.fill(0.0)
        self._prepared.stamp(stamp_ns)
        return self._prepared.message()


class _ArrayWriter:
    """std_msgs/Float64MultiArray in policy order, for forward_command_controller."""

    message_type = Float64MultiArray

    def __init__(self, joints: JointTable) -> None:
        num_joints = len(joints.names)
        self._prepared = PreparedMessage().segments(('joint', num_joints)).array('<f8', num_joints)
        (self._values,) = self._prepared.views()
        self._stops_at_zero = joints.modes[0] != 'position'

    def write(self, step: Step, stamp_ns: int) -> bytes:
        self._values[:] = step.command
        return self._prepared.message()

    def stop_message(self, stamp_ns: int) -> bytes | None:
        if not self._stops_at_zero:
            return None
        self._values.fill(0.0)
        return self._prepared.message()


class _TrajectoryWriter:
    """trajectory_msgs/JointTrajectory of one point, one control period ahead."""

    message_type = JointTrajectory

    def __init__(self, joints: JointTable, period_ns: int) -> None:
        self._prepared = PreparedMessage().header().strings(joints.names).uint(1)
        self._prepared.array('<f8', len(joints.names))
        for _ in ('velocities', 'accelerations', 'effort'):
            self._prepared.array('<f8', 0)
        seconds, nanoseconds = divmod(period_ns, 1_000_000_000)
        self._prepared.uint(seconds).uint(nanoseconds)
        (self._position,) = self._prepared.views()

    def write(self, step: Step, stamp_ns: int) -> bytes:
        self._position[:] = step.command
        self._prepared.stamp(stamp_ns)
        return self._prepared.message()

    def stop_message(self, stamp_ns: int) -> bytes | None:
        return None


class CommandOutput:
    """Publishes commands on joint_command; in shadow it computes them and sends nothing.

    Attributes:
        message_type: Type of the messages.
        topic: Resolved name.
        on_message: Gets every message that was published, and its stamp in [ns].
    """

    def __init__(self, node: Node, writer: CommandWriter, is_shadow: bool) -> None:
        """Advertise the topic."""
        self._node = node
        self._writer = writer
        self.message_type = writer.message_type
        self.topic = node.resolve_topic_name('joint_command')
        self.on_message: Callable[[bytes, int], None] | None = None
        self._publisher = (
            None
            if is_shadow
            else node.create_publisher(writer.message_type, 'joint_command', COMMAND_QOS)
        )

    def send(self, step: Step, stamp_ns: int) -> None:
        """Publish the command of a step, if it is to be sent."""
        message = self._writer.write(step, stamp_ns)
        if step.sends and self._publisher is not None:
            self._publish(message, stamp_ns)

    def send_stop_message(self, stamp_ns: int) -> None:
        """Publish the message that ends a session, where the last command must not hold.

        Waits until it has arrived: a message in flight is lost when the publisher is destroyed.
        """
        message = self._writer.stop_message(stamp_ns)
        if self._publisher is None:
            return
        if message is not None:
            self._publish(message, stamp_ns)
        self._publisher.wait_for_all_acked(_ARRIVAL_TIMEOUT)

    def _publish(self, message: bytes, stamp_ns: int) -> None:
        assert self._publisher is not None
        self._publisher.handle.publish_raw(message)
        if self.on_message is not None:
            self.on_message(message, stamp_ns)

    def other_publisher(self) -> str:
        """Return the names of other nodes that publish on the topic; '' if there is none."""
        if self._publisher is None or self._node.count_publishers(self._publisher.topic_name) < 2:
            return ''
        this_node = self._node.get_fully_qualified_name()
        infos = self._node.get_publishers_info_by_topic(self._publisher.topic_name)
        names = [f'{info.node_namespace.rstrip("/")}/{info.node_name}' for info in infos]
        if this_node in names:
            names.remove(this_node)
        return ' and '.join(sorted(set(names))) or 'another node'

    def destroy(self) -> None:
        """Withdraw the topic."""
        if self._publisher is not None:
            self._node.destroy_publisher(self._publisher)
