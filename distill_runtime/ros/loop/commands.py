# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Joint commands as prepared messages: one writer per command_type."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

from distill_runtime.core.arrays import FloatArray
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


class CommandWriter(ABC):
    """Writes a step into a prepared message."""

    message_type: type = JointState

    def __init__(
        self, prepared: PreparedMessage, zero_at_end: tuple[FloatArray, ...] = ()
    ) -> None:
        """Write into a message; the one that ends a session has some arrays at zero."""
        self._prepared = prepared
        self._zero_at_end = zero_at_end

    @abstractmethod
    def write(self, step: Step, stamp_ns: int) -> bytes:
        """Return the message of a step."""

    def stop_message(self, stamp_ns: int) -> bytes | None:
        """Return the message that ends a session; None if the last command may hold."""
        if not self._zero_at_end:
            return None
        for values in self._zero_at_end:
            values.fill(0.0)
        return self._message(stamp_ns)

    def _message(self, stamp_ns: int) -> bytes:
        self._prepared.stamp(stamp_ns)
        return self._prepared.message()


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


class _JointStateWriter(CommandWriter):
    """sensor_msgs/JointState: position, and velocity and effort where a joint has that mode.

    In a policy of several modes a joint that is not position controlled carries its measured
    position, and 0 in the fields of the other modes.
    """

    def __init__(self, joints: JointTable, runner: PolicyRunner) -> None:
        prepared = PreparedMessage().header().strings(joints.names)
        num_joints = len(joints.names)
        modes = np.array(joints.modes)
        present = [mode for mode in ('velocity', 'effort') if np.any(modes == mode)]
        prepared.array('<f8', num_joints)
        for mode in ('velocity', 'effort'):
            prepared.array('<f8', num_joints if mode in present else 0)
        self._position, *others = prepared.views()
        super().__init__(prepared, tuple(others))
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
        return self._message(stamp_ns)


class _EffortWriter(CommandWriter):
    """sensor_msgs/JointState with PD torques in effort; zero while there is no fresh feedback."""

    def __init__(self, joints: JointTable, runner: PolicyRunner) -> None:
        prepared = PreparedMessage().header().strings(joints.names)
        prepared.array('<f8', 0).array('<f8', 0).array('<f8', len(joints.names))
        super().__init__(prepared, prepared.views())
        (self._effort,) = self._zero_at_end
        self._runner = runner
        self._pd = JointPD(joints)

    def write(self, step: Step, stamp_ns: int) -> bytes:
        if step.has_feedback:
            runner = self._runner
            self._pd.compute(step.command, runner.joint_position, runner.joint_velocity)
            self._effort[:] = self._pd.effort
        else:
            self._effort.fill(0.0)
        return self._message(stamp_ns)


class _ArrayWriter(CommandWriter):
    """std_msgs/Float64MultiArray in policy order, for forward_command_controller."""

    message_type = Float64MultiArray

    def __init__(self, joints: JointTable) -> None:
        num_joints = len(joints.names)
        prepared = PreparedMessage().segments(('joint', num_joints)).array('<f8', num_joints)
        (self._values,) = prepared.views()
        super().__init__(prepared, () if joints.modes[0] == 'position' else (self._values,))

    def write(self, step: Step, stamp_ns: int) -> bytes:
        self._values[:] = step.command
        return self._message(stamp_ns)

    def _message(self, stamp_ns: int) -> bytes:
        return self._prepared.message()  # it has no stamp


class _TrajectoryWriter(CommandWriter):
    """trajectory_msgs/JointTrajectory of one point, one control period ahead."""

    message_type = JointTrajectory

    def __init__(self, joints: JointTable, period_ns: int) -> None:
        prepared = PreparedMessage().header().strings(joints.names).uint(1)
        prepared.array('<f8', len(joints.names))
        for _ in ('velocities', 'accelerations', 'effort'):
            prepared.array('<f8', 0)
        seconds, nanoseconds = divmod(period_ns, 1_000_000_000)
        super().__init__(prepared.uint(seconds).uint(nanoseconds))
        (self._position,) = prepared.views()

    def write(self, step: Step, stamp_ns: int) -> bytes:
        self._position[:] = step.command
        return self._message(stamp_ns)


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
