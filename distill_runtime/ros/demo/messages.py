# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Messages of a simulated robot: sensors out, commands in."""

from __future__ import annotations

from collections.abc import Sequence

from builtin_interfaces.msg import Time
from distill_runtime.core.arrays import FloatArray, locked_indices
from distill_runtime.core.sensors import Sensors
from distill_runtime.sim.disturb import NoiseConfig
from distill_runtime.sim.robot import SimRobot
from distill_runtime.spec.spec import PolicySpec
from geometry_msgs.msg import Twist
from nav_msgs.msg import Odometry
import numpy as np
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import Imu, JointState
from std_msgs.msg import Float64MultiArray
from trajectory_msgs.msg import JointTrajectory

QOS = QoSProfile(depth=10, reliability=ReliabilityPolicy.RELIABLE)
"""Of every topic: in lock-step no message may be lost."""

MESSAGE_TYPES = {
    'joint_state': JointState,
    'effort': JointState,
    'position_array': Float64MultiArray,
    'trajectory': JointTrajectory,
}
"""Message of each command_type."""


class SensorPublishers:
    """Publishes the samples of a tick; joint_states comes last and completes them."""

    def __init__(
        self,
        node: Node,
        noise: NoiseConfig,
        velocity_command: Sequence[float] = (),
        publish_clock: bool = False,
    ) -> None:
        """Create the publishers.

        Args:
            node: Their node.
            noise: What is added to the samples, for the covariances.
            velocity_command: What to send on cmd_vel: vx, vy in [m]/[s], yaw rate in [rad]/[s];
                empty: nothing.
            publish_clock: Whether time is sent on /clock.
        """
        self.joint_states = node.create_publisher(JointState, 'joint_states', QOS)
        self.imu = node.create_publisher(Imu, 'imu', QOS)
        self._odom = node.create_publisher(Odometry, 'odom', QOS)
        self._clock = node.create_publisher(Clock, '/clock', QOS) if publish_clock else None
        self._cmd_vel = None
        self._twist = Twist()
        if velocity_command:
            self._cmd_vel = node.create_publisher(Twist, 'cmd_vel', QOS)
            vx, vy, yaw_rate = map(float, velocity_command)
            self._twist.linear.x, self._twist.linear.y, self._twist.angular.z = vx, vy, yaw_rate
        self._imu_message = Imu()
        self._imu_message.header.frame_id = 'imu_link'
        self._odometry = Odometry(child_frame_id='base_link')
        self._odometry.header.frame_id = 'odom'
        # the variances of the noise; zeros, where there is none, mean unknown
        share = 3.0 if noise.kind == 'uniform' else 1.0
        for field, level in (
            (self._imu_message.orientation_covariance, noise.orientation),
            (self._imu_message.angular_velocity_covariance, noise.angular_velocity),
        ):
            field[[0, 4, 8]] = level**2 / share
        self._odometry.twist.covariance[[0, 7, 14]] = noise.linear_velocity**2 / share

    def publish(
        self, robot: SimRobot, sensors: Sensors, stamp_ns: int, lost: tuple[bool, bool, bool]
    ) -> None:
        """Publish one tick.

        Args:
            robot: The robot, for what no policy reads: pose, acceleration, torques.
            sensors: The samples.
            stamp_ns: Stamp of every header.
            lost: Whether joints, Imu and odometry get lost on the way.
        """
        lost_joints, lost_imu, lost_odometry = lost
        seconds, nanoseconds = divmod(stamp_ns, 1_000_000_000)
        stamp = Time(sec=seconds, nanosec=nanoseconds)
        if self._clock is not None:
            self._clock.publish(Clock(clock=stamp))
        if self._cmd_vel is not None:
            self._cmd_vel.publish(self._twist)
        if not lost_imu:
            imu = self._imu_message
            imu.header.stamp = stamp
            _set_quaternion(imu.orientation, sensors.quat_base_to_world)
            _set_vector(imu.angular_velocity, sensors.angular_velocity)
            _set_vector(imu.linear_acceleration, robot.linear_acceleration())
            self.imu.publish(imu)
        if not lost_odometry:
            odometry = self._odometry
            odometry.header.stamp = stamp
            _set_vector(odometry.pose.pose.position, robot.position)
            _set_quaternion(odometry.pose.pose.orientation, sensors.quat_base_to_world)
            _set_vector(odometry.twist.twist.linear, sensors.base_linear_velocity)
            _set_vector(odometry.twist.twist.angular, sensors.angular_velocity)
            self._odom.publish(odometry)
        if not lost_joints:
            joints = JointState(name=list(robot.layout.joints), position=sensors.joint_position)
            joints.header.stamp = stamp
            joints.velocity, joints.effort = sensors.joint_velocity, robot.joint_torque
            self.joint_states.publish(joints)


class CommandReader:
    """Takes the command of each joint out of a message, by name.

    Attributes:
        command: Newest command, policy order, shape (num_joints,).
        stamp_ns: Its header stamp in [ns]; -1 where the message has none.
    """

    def __init__(self, spec: PolicySpec, command_type: str) -> None:
        """Prepare for one type of command.

        Args:
            spec: Of the policy; its modes choose the field that is read.
            command_type: Key of MESSAGE_TYPES.
        """
        self._joints = spec.joints
        self._type = command_type
        self._fields = {
            mode: locked_indices(np.flatnonzero([m == mode for m in spec.modes]).tolist())
            for mode in dict.fromkeys(spec.modes)
        }
        self._names: list[str] = []
        self._indices = locked_indices([])
        self.command = np.zeros(len(spec.joints))
        self.stamp_ns = -1

    def read(self, message: JointState | JointTrajectory | Float64MultiArray) -> str:
        """Take over a message; return why it cannot be used, or ''."""
        if self._type == 'position_array':
            return self._take(dict.fromkeys(self._fields, message.data), self._joints, -1)
        if self._type == 'trajectory':
            if not message.points:
                return 'it has no points, expected one'
            point, names = message.points[0], message.joint_names
            values = (point.positions, point.velocities, point.effort)
        else:
            names, values = message.name, (message.position, message.velocity, message.effort)
        stamp = message.header.stamp
        fields = dict(zip(('position', 'velocity', 'effort'), values, strict=True))
        return self._take(fields, names, stamp.sec * 1_000_000_000 + stamp.nanosec)

    def _take(
        self, fields: dict[str, Sequence[float]], names: Sequence[str], stamp_ns: int
    ) -> str:
        if list(names) != self._names:
            missing = [name for name in self._joints if name not in names]
            if missing:
                return f'joints {missing} are not in it, which has {list(names)}'
            self._names = list(names)
            self._indices = locked_indices(self._names.index(name) for name in self._joints)
        command = np.empty(len(self.command))
        for mode, joints in self._fields.items():
            values = np.asarray(fields[mode], dtype=np.float64)
            if len(values) != len(names):
                return f'{mode} has {len(values)} values, expected {len(names)}, one per name'
            command[joints] = values[self._indices[joints]]
        if not np.isfinite(command).all():
            return f'it holds {command.tolist()}, expected finite values'
        self.command[:] = command
        self.stamp_ns = stamp_ns
        return ''


def _set_vector(field: object, values: FloatArray) -> None:
    field.x, field.y, field.z = values.tolist()  # type: ignore[attr-defined]  # Vector3 or Point


def _set_quaternion(field: object, quat: FloatArray) -> None:
    """Set x, y, z, w from (w, x, y, z)."""
    w, x, y, z = quat.tolist()
    field.x, field.y, field.z, field.w = x, y, z, w  # type: ignore[attr-defined]  # Quaternion
