# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Topics of a recording as numpy arrays, one row per message, in order of receipt.

Quaternions are (w, x, y, z) from here on. A message that cannot be used is left out and counted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from distill_runtime.core.arrays import FloatArray
from distill_runtime.errors import RecordingError
import numpy as np
import numpy.typing as npt

from .bags import Bag, Topic

StampArray = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Stream:
    """Numbers of one topic."""

    topic: Topic
    stamp_ns: StampArray | None
    """From the header, in [ns], shape (N,); None: the messages have no header."""
    receive_ns: StampArray
    """When the recorder got it, in [ns] of its own clock, shape (N,)."""
    values: FloatArray
    """Shape (N, width)."""
    num_skipped: int = 0
    """Messages that could not be used."""


@dataclass(frozen=True, kw_only=True, eq=False)
class JointStream:
    """Joint states, or commands to joints, by name."""

    topic: Topic
    joints: tuple[str, ...]
    stamp_ns: StampArray
    """From the header, in [ns], shape (N,); of messages without one: receive_ns."""
    receive_ns: StampArray
    position: FloatArray
    """In [rad], shape (N, num_joints)."""
    velocity: FloatArray | None
    """In [rad]/[s], alike; None: not every message has it."""
    effort: FloatArray | None
    """In [N m], alike."""
    num_skipped: int = 0


def read_imu(bag: Bag, topic: Topic) -> Stream:
    """Read orientations (w, x, y, z), then angular velocities in [rad]/[s]: width 7.

    The orientation of a driver that has none (covariance[0] is -1) is NaN.
    """
    return _read(bag, topic, _imu_row, 7)


def read_odometry(bag: Bag, topic: Topic) -> Stream:
    """Read linear velocities in the child frame in [m]/[s], then orientations: width 7."""
    return _read(bag, topic, _odometry_row, 7)


def read_command(bag: Bag, topic: Topic) -> Stream:
    """Read (vx, vy) in [m]/[s] and yaw rates in [rad]/[s] of Twist or TwistStamped: width 3.

    One that is not finite is left out, as on the robot.
    """
    stream = _read(bag, topic, _command_row, 3)
    is_finite = np.isfinite(stream.values).all(axis=1)
    return Stream(
        topic=topic,
        stamp_ns=None if stream.stamp_ns is None else stream.stamp_ns[is_finite],
        receive_ns=stream.receive_ns[is_finite],
        values=stream.values[is_finite],
        num_skipped=int(np.count_nonzero(~is_finite)),
    )


def read_joints(bag: Bag, topic: Topic, joints: tuple[str, ...] | None = None) -> JointStream:
    """Read joints by name, whatever their order in each message.

    Args:
        bag: The recording.
        topic: Of JointState, JointTrajectory (its first point) or Float64MultiArray.
        joints: Wanted names, in the wanted order; None: those of the message with the most. A
            Float64MultiArray has no names: it must have this many numbers, in this order.

    Raises:
        RecordingError: If no message has all of the joints.
    """
    rows = list(_joint_rows(bag, topic, joints))
    wanted = joints or max((row.names for row in rows), key=len, default=())
    orders: dict[tuple[str, ...], list[int] | None] = {}
    kept: list[_JointRow] = []
    for row in rows:
        if row.names not in orders:
            places = {name: place for place, name in enumerate(row.names)}
            known = all(name in places for name in wanted)
            orders[row.names] = [places[name] for name in wanted] if known else None
        order = orders[row.names]
        if order is not None and len(row.position) == len(row.names):
            kept.append(row.ordered(order))
    if not kept or not wanted:
        names = max((row.names for row in rows), key=len, default=())
        missing = [name for name in wanted if name not in names]
        raise RecordingError(
            f'{topic.name} has no message with joints {missing or list(wanted)} and their '
            f'positions, its names are {list(names)}'
        )
    return JointStream(
        topic=topic,
        joints=wanted,
        stamp_ns=np.array([row.stamp_ns for row in kept], np.int64),
        receive_ns=np.array([row.receive_ns for row in kept], np.int64),
        position=np.array([row.position for row in kept], np.float64),
        velocity=_matrix([row.velocity for row in kept], len(wanted)),
        effort=_matrix([row.effort for row in kept], len(wanted)),
        num_skipped=len(rows) - len(kept),
    )


@dataclass(frozen=True, kw_only=True)
class _JointRow:
    """One message about joints."""

    stamp_ns: int
    receive_ns: int
    names: tuple[str, ...]
    position: FloatArray
    velocity: FloatArray
    effort: FloatArray

    def ordered(self, order: list[int]) -> _JointRow:
        """Return it with its numbers picked."""
        return _JointRow(
            stamp_ns=self.stamp_ns,
            receive_ns=self.receive_ns,
            names=self.names,
            position=self.position[order],
            velocity=_picked(self.velocity, order, len(self.names)),
            effort=_picked(self.effort, order, len(self.names)),
        )


def _picked(values: FloatArray, order: list[int], count: int) -> FloatArray:
    return values[order] if len(values) == count else values[:0]


def _matrix(rows: list[FloatArray], width: int) -> FloatArray | None:
    if any(len(row) != width for row in rows):
        return None
    return np.array(rows, np.float64)


def _joint_rows(bag: Bag, topic: Topic, joints: tuple[str, ...] | None) -> Iterator[_JointRow]:
    """Yield what each message says; of a trajectory, its first point."""
    none = np.zeros(0)
    for receive_ns, message in bag.messages(topic):
        names: Iterable[str]
        if topic.type == 'std_msgs/msg/Float64MultiArray':
            stamp_ns, names = receive_ns, joints or ()
            arrays = (message.data, none, none)
        elif topic.type == 'trajectory_msgs/msg/JointTrajectory':
            stamp_ns, names = message_stamp_ns(message), message.joint_names
            point = message.points[0] if message.points else None
            arrays = (none,) * 3 if point is None else (point.positions, point.velocities, none)
        else:
            stamp_ns, names = message_stamp_ns(message), message.name
            arrays = (message.position, message.velocity, message.effort)
        position, velocity, effort = (np.asarray(array, np.float64) for array in arrays)
        yield _JointRow(
            stamp_ns=stamp_ns,
            receive_ns=receive_ns,
            names=tuple(names),
            position=position,
            velocity=velocity,
            effort=effort,
        )


def _read(
    bag: Bag, topic: Topic, row_of: Callable[[Any], tuple[float, ...]], width: int
) -> Stream:
    """Read a topic whose messages all have the same numbers."""
    has_header = not topic.type.endswith('/Twist')
    stamps, received, rows = [], [], []
    for receive_ns, message in bag.messages(topic):
        received.append(receive_ns)
        rows.append(row_of(message))
        if has_header:
            stamps.append(message_stamp_ns(message))
    return Stream(
        topic=topic,
        stamp_ns=np.array(stamps, np.int64) if has_header else None,
        receive_ns=np.array(received, np.int64),
        values=np.array(rows, np.float64).reshape(-1, width),
    )


def message_stamp_ns(message: Any) -> int:  # noqa: ANN401 - a class that rosbags makes when it runs
    """Return the header stamp of a message in [ns]."""
    stamp = message.header.stamp
    return int(stamp.sec) * 1_000_000_000 + int(stamp.nanosec)


def _imu_row(message: Any) -> tuple[float, ...]:  # noqa: ANN401
    quat, rate = message.orientation, message.angular_velocity
    angular_velocity = (rate.x, rate.y, rate.z)
    if message.orientation_covariance[0] == -1.0:
        return (np.nan,) * 4 + angular_velocity
    return (quat.w, quat.x, quat.y, quat.z, *angular_velocity)


def _odometry_row(message: Any) -> tuple[float, ...]:  # noqa: ANN401
    speed, quat = message.twist.twist.linear, message.pose.pose.orientation
    return (speed.x, speed.y, speed.z, quat.w, quat.x, quat.y, quat.z)


def _command_row(message: Any) -> tuple[float, ...]:  # noqa: ANN401
    twist = getattr(message, 'twist', message)
    return (twist.linear.x, twist.linear.y, twist.angular.z)
