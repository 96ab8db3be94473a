# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""The inputs of a policy: subscriptions that the control thread reads into the sensors."""

from __future__ import annotations

import math
from struct import Struct

from distill_runtime.core.compiled_spec import CompiledSpec
from distill_runtime.core.sensors import InputProblem, Sensors
from distill_runtime.errors import ConfigError
from distill_runtime.spec.compile import external_terms
from distill_runtime.spec.spec import PolicySpec
from distill_runtime.spec.terms import JointVelocity, ONLINE_MESSAGES
from distill_runtime.wire.cdr import (
    DecodeError,
    IMU,
    ODOMETRY_TWIST,
    POSE_STAMPED,
    read_floats,
    read_stamp_ns,
    TWIST,
    TWIST_STAMPED,
)
from distill_runtime.wire.joint_state import JointStateDecoder
from geometry_msgs.msg import PoseStamped, Twist, TwistStamped
from nav_msgs.msg import Odometry
from rclpy.node import Node
from rclpy.qos import HistoryPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Imu, JointState
from std_msgs.msg import Float32MultiArray

from .raw_subscription import overridden, RawSubscription, Store, subscribe_raw

_VECTOR = Struct('3d')
_QUATERNION = Struct('4d')


def refuse_offline(spec: PolicySpec) -> None:
    """Refuse a policy that reads messages of other types than the node does."""
    for term in external_terms(spec):
        if term.is_offline:
            raise ConfigError(
                f'external {term.topic!r} is offline only: message {term.message}; the node takes '
                f'{" and ".join(ONLINE_MESSAGES)}'
            )


class Inputs:
    """All inputs that a policy needs, and no other."""

    def __init__(
        self,
        node: Node,
        spec: PolicySpec,
        compiled: CompiledSpec,
        sensors: Sensors,
        *,
        is_lockstep: bool,
        needs_velocity: bool,
        has_stamped_command: bool,
        uses_arrival: bool,
    ) -> None:
        """Subscribe.

        Args:
            node: Owner of the subscriptions.
            spec: Says which external topics are of which type.
            compiled: Says which inputs are needed.
            sensors: Receives the samples.
            is_lockstep: Whether each JointState gives a tick: then none may be lost.
            needs_velocity: Whether joint velocities are needed besides the policy's terms.
            has_stamped_command: Whether cmd_vel is a TwistStamped.
            uses_arrival: Whether samples age from the tick that reads them, not their stamp.

        Raises:
            ConfigError: If the policy reads what only recordings can supply.
        """
        refuse_offline(spec)
        self._node = node
        self._sensors = sensors
        self._uses_arrival = uses_arrival
        self._is_lockstep = is_lockstep
        self._now_ns = 0
        self._memory = sensors.values.data.cast('B')
        self.subscriptions: list[RawSubscription] = []
        """All of them, joint_states first, cmd_vel last: its problem must mask no other."""
        reads_velocity = any(
            isinstance(term, JointVelocity) for entry in spec.inputs for term in entry.terms
        )
        self._joints = JointStateDecoder(
            compiled.layout.joints,
            sensors.values[: compiled.layout.joint_velocity.stop],
            needs_velocity or reads_velocity,
        )
        self._quaternion_at = 8 * compiled.layout.quat_base_to_world.start
        self._angular_at = 8 * compiled.layout.angular_velocity.start
        self._command_at = 8 * compiled.layout.velocity_command.start
        self._linear_at = 8 * compiled.layout.base_linear_velocity.start
        self.joint_states = self._subscribe(
            JointState, 'joint_states', self._store_joints, depth=100 if is_lockstep else 4
        )
        self.imu = self._subscribe(Imu, 'imu', self._store_imu) if compiled.needs_imu else None
        self.odom = (
            self._subscribe(Odometry, 'odom', self._store_odometry)
            if compiled.needs_odometry
            else None
        )
        self.externals = self._subscribe_externals(spec, compiled)
        """Those of the external topics, in the order of the layout."""
        self.cmd_vel = (
            self._subscribe_command(has_stamped_command) if compiled.needs_command else None
        )
        self._others = tuple(self.subscriptions[1:])

    def refresh(self, stamp_ns: int) -> None:
        """Read the newest message of every input."""
        self._now_ns = stamp_ns
        self.joint_states.refresh(stamp_ns)
        for raw in self._others:
            raw.refresh(stamp_ns)
        self._sensors.problem = self.problem

    def next_joint_states(self, is_first: bool = False) -> int | None:
        """Read one JointState and the newest message of every other input.

        Args:
            is_first: Whether to skip those before the newest.

        Returns:
            The stamp that its tick has, in [ns]; None if no message waits, or one that is not even
            stamped: a tick without a time would make old samples look fresh.
        """
        taken = self.joint_states.take_one()
        if taken is None:
            return None
        while is_first and (following := self.joint_states.take_one()) is not None:
            taken = following
        stamp_ns = self._tick_stamp(taken[0])
        if stamp_ns is None:
            self.joint_states.accept(taken, self._now_ns)
            self._sensors.problem = self.problem
            return None
        self._now_ns = stamp_ns
        for raw in self._others:
            raw.refresh(stamp_ns)
        self.joint_states.accept(taken, stamp_ns)
        self._sensors.problem = self.problem
        return stamp_ns

    def restart(self) -> None:
        """Forget all samples, and drop waiting ones that have no stamp to show their age.

        In lock-step what waits may be the start of a simulation that waits for its command. An
        external goal counts from before the start, too.
        """
        for raw in self.subscriptions:
            raw.forget()
        self._sensors.clear()
        if not self._is_lockstep:
            for standard in (self.joint_states, self.imu, self.odom, self.cmd_vel):
                if standard is not None:
                    standard.drop()

    def destroy(self) -> None:
        """Unsubscribe."""
        while self.subscriptions:
            self._node.destroy_subscription(self.subscriptions.pop().subscription)

    def _tick_stamp(self, data: bytes) -> int | None:
        """Return the time of the tick that a JointState gives; None if it gives none."""
        if self._uses_arrival:
            return self._node.get_clock().now().nanoseconds
        try:
            return read_stamp_ns(data)
        except DecodeError:
            return None

    @property
    def problem(self) -> InputProblem | None:
        """Why the newest message of some input was refused; None if none was."""
        for raw in self.subscriptions:
            if raw.problem is not None:
                return raw.problem
        return None

    def _subscribe(
        self,
        message_type: type,
        topic: str,
        store: Store,
        depth: int = 1,
        is_command: bool = False,
    ) -> RawSubscription:
        qos = QoSProfile(
            history=HistoryPolicy.KEEP_LAST,
            depth=max(depth, 10) if self._is_lockstep else depth,
            reliability=(
                ReliabilityPolicy.RELIABLE if self._is_lockstep else ReliabilityPolicy.BEST_EFFORT
            ),
        )
        try:
            subscription = subscribe_raw(self._node, message_type, topic, qos)
        except ConfigError:
            self.destroy()
            raise
        is_single = qos.depth == 1 and not overridden(self._node, topic)
        self.subscriptions.append(
            RawSubscription(subscription, message_type, topic, store, is_single, is_command)
        )
        return self.subscriptions[-1]

    def _subscribe_command(self, is_stamped: bool) -> RawSubscription:
        kind = TwistStamped if is_stamped else Twist
        store = self._store_stamped_twist if is_stamped else self._store_twist
        return self._subscribe(kind, 'cmd_vel', store, is_command=True)

    def _subscribe_externals(
        self, spec: PolicySpec, compiled: CompiledSpec
    ) -> tuple[RawSubscription, ...]:
        messages = {term.topic: term.message for term in external_terms(spec)}
        subscriptions = []
        for index, entry in enumerate(compiled.layout.externals):
            is_pose = messages[entry.topic] == 'PoseStamped'
            kind = PoseStamped if is_pose else Float32MultiArray
            store = self._external_store(index, is_pose)
            subscriptions.append(self._subscribe(kind, entry.topic, store))
        return tuple(subscriptions)

    def _store_joints(self, data: bytes, info: dict[str, int], now_ns: int) -> int:
        sample_ns = read_stamp_ns(data)
        if not self._is_lockstep:
            self.joint_states.check_order(sample_ns)
        self._joints.decode(data)
        self._sensors.joint_stamp_ns = now_ns if self._uses_arrival else sample_ns
        return sample_ns

    def _store_imu(self, data: bytes, info: dict[str, int], now_ns: int) -> int:
        sample_ns = read_stamp_ns(data)
        if self.imu is not None:
            self.imu.check_order(sample_ns)
        x, y, z, w, covariance, *angular_velocity = IMU.read(data)
        if covariance == -1.0:
            raise DecodeError(
                'orientation: its covariance[0] is -1, the driver has no orientation'
            )
        _QUATERNION.pack_into(self._memory, self._quaternion_at, w, x, y, z)
        _VECTOR.pack_into(self._memory, self._angular_at, *angular_velocity)
        self._sensors.imu_stamp_ns = now_ns if self._uses_arrival else sample_ns
        return sample_ns

    def _store_odometry(self, data: bytes, info: dict[str, int], now_ns: int) -> int:
        sample_ns = read_stamp_ns(data)
        if self.odom is not None:
            self.odom.check_order(sample_ns)
        _VECTOR.pack_into(self._memory, self._linear_at, *ODOMETRY_TWIST.read(data))
        self._sensors.odometry_stamp_ns = now_ns if self._uses_arrival else sample_ns
        return sample_ns

    def _store_twist(self, data: bytes, info: dict[str, int], now_ns: int) -> int:
        self._store_command(TWIST.read(data))
        self._sensors.command_stamp_ns = now_ns
        return info['source_timestamp']

    def _store_stamped_twist(self, data: bytes, info: dict[str, int], now_ns: int) -> int:
        sample_ns = read_stamp_ns(data)
        self._store_command(TWIST_STAMPED.read(data))
        self._sensors.command_stamp_ns = now_ns if self._uses_arrival else sample_ns
        return sample_ns

    def _store_command(self, command: tuple[float, ...]) -> None:
        if not math.isfinite(sum(command)):
            raise DecodeError(f'not_finite: velocity command is {list(command)}')
        _VECTOR.pack_into(self._memory, self._command_at, *command)

    def _external_store(self, index: int, is_pose: bool) -> Store:
        view = self._sensors.externals[index]

        def store(data: bytes, info: dict[str, int], now_ns: int) -> int:
            sample_ns = read_stamp_ns(data) if is_pose else info['source_timestamp']
            values = POSE_STAMPED.read(data) if is_pose else read_floats(data)
            if len(values) != len(view):
                raise DecodeError(f'width: {len(values)} values, expected {len(view)}')
            view[:] = values
            is_stamped = is_pose and not self._uses_arrival
            self._sensors.external_stamps_ns[index] = sample_ns if is_stamped else now_ns
            return sample_ns

        return store
