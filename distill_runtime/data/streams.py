# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Topics of a recording as numpy arrays, one row per message, in order of receipt.

Quaternions are (w, x, y, z) from here on. A message that cannot be used is left out and counted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, TypeVar

from distill_runtime.core.arrays import FloatArray, IndexArray
from distill_runtime.errors import RecordingError
import numpy as np
import numpy.typing as npt

from .bags import Bag, Topic
from .blocks import Block
from .cdr_rows import Fixed, fixed_rows, IMU, joint_state_rows, ODOMETRY, TWIST, TWIST_STAMPED

StampArray = npt.NDArray[np.int64]
Number = TypeVar('Number', np.int64, np.float64)


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
    stream = _read(bag, topic, IMU, _imu_row)
    values = np.delete(stream.values, 4, axis=1)
    values[stream.values[:, 4] == -1.0, :4] = np.nan
    return replace(stream, values=values)


def read_odometry(bag: Bag, topic: Topic) -> Stream:
    """Read linear velocities in the child frame in [m]/[s], then orientations: width 7."""
    return _read(bag, topic, ODOMETRY, _odometry_row)


def read_command(bag: Bag, topic: Topic) -> Stream:
    """Read (vx, vy) in [m]/[s] and yaw rates in [rad]/[s] of Twist or TwistStamped: width 3.

    One that is not finite is left out, as on the robot.
    """
    form = TWIST if topic.type.endswith('/Twist') else TWIST_STAMPED
    stream = _read(bag, topic, form, _command_row)
    is_finite = np.isfinite(stream.values).all(axis=1)
    return Stream(
        topic=topic,
        stamp_ns=None if stream.stamp_ns is None else stream.stamp_ns[is_finite],
        receive_ns=stream.receive_ns[is_finite],
        values=stream.values[is_finite],
        num_skipped=stream.num_skipped + int(np.count_nonzero(~is_finite)),
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
    parts = list(_joint_parts(bag, topic, joints))
    longest = max((part.names for part in parts), key=len, default=())
    wanted = joints or longest
    kept = [part.of(wanted) for part in parts if set(wanted) <= set(part.names)]
    kept = [part for part in kept if part.position.shape[1]]
    if not kept or not wanted:
        missing = [name for name in wanted if name not in longest]
        raise RecordingError(
            f'{topic.name} has no message with joints {missing or list(wanted)} and their '
            f'positions, its names are {list(longest)}'
        )
    number = np.concatenate([part.number for part in kept])
    order = None if (np.diff(number) > 0).all() else np.argsort(number)
    return JointStream(
        topic=topic,
        joints=wanted,
        stamp_ns=_joined([part.stamp_ns for part in kept], order),
        receive_ns=_joined([part.receive_ns for part in kept], order),
        position=_joined([part.position for part in kept], order),
        velocity=_whole([part.velocity for part in kept], order),
        effort=_whole([part.effort for part in kept], order),
        num_skipped=topic.num_messages - len(number),
    )


class _JointPart(NamedTuple):
    """Messages about joints that have the same names; numbers have a row for each."""

    number: IndexArray
    """Which messages of the topic they are."""
    names: tuple[str, ...]
    stamp_ns: StampArray
    receive_ns: StampArray
    position: FloatArray
    velocity: FloatArray
    effort: FloatArray

    def of(self, wanted: tuple[str, ...]) -> _JointPart:
        """Return it with the wanted joints; numbers that are not one per name are left out."""
        if wanted == self.names:
            order: slice | list[int] = slice(None)
        else:
            order = [self.names.index(name) for name in wanted]
        position, velocity, effort = (
            values[:, order] if values.shape[1] == len(self.names) else values[:, :0]
            for values in self[-3:]
        )
        return self._replace(names=wanted, position=position, velocity=velocity, effort=effort)


def _joined(parts: list[npt.NDArray[Number]], order: IndexArray | None) -> npt.NDArray[Number]:
    whole = np.concatenate(parts)
    return whole if order is None else whole[order]


def _whole(parts: list[FloatArray], order: IndexArray | None) -> FloatArray | None:
    """Join the parts; None: not every message has the numbers."""
    if any(not part.shape[1] for part in parts):
        return None
    return _joined(parts, order)


def _joint_parts(bag: Bag, topic: Topic, joints: tuple[str, ...] | None) -> Iterator[_JointPart]:
    """Yield what the messages say; of a trajectory, its first point."""
    before = 0
    for block in bag.blocks(topic):
        rest = np.ones(len(block.sizes), np.bool_)
        if bag.is_cdr and topic.type == 'sensor_msgs/msg/JointState':
            for alike in joint_state_rows(block):
                rest[alike.places] = False
                assert alike.stamp_ns is not None, 'a JointState has a header'
                yield _JointPart(
                    before + alike.places,
                    alike.names,
                    alike.stamp_ns,
                    block.receive_ns[alike.places],
                    *alike.numbers,
                )
        for place in np.flatnonzero(rest).tolist():
            part = _joint_part(bag, topic, block, place, joints)
            if part is not None:
                yield part._replace(number=part.number + before)
        before += len(rest)


def _joint_part(
    bag: Bag, topic: Topic, block: Block, place: int, joints: tuple[str, ...] | None
) -> _JointPart | None:
    """Return what one message says; None if it cannot be read."""
    message = _message(bag, topic, block, place)
    if message is None:
        return None
    none = np.zeros(0)
    receive_ns = int(block.receive_ns[place])
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
    position, velocity, effort = (np.asarray(array, np.float64)[None] for array in arrays)
    return _JointPart(
        np.array([place]),
        tuple(names),
        np.array([stamp_ns]),
        np.array([receive_ns]),
        position,
        velocity,
        effort,
    )


def _read(
    bag: Bag,
    topic: Topic,
    form: Fixed,
    row_of: Callable[[Any], tuple[float, ...]],
) -> Stream:
    """Read a topic whose messages all have the same numbers.

    Args:
        bag: The recording.
        topic: The topic.
        form: Where serialized messages have the numbers.
        row_of: Returns them of a message.
    """
    has_header = form.strings > 0
    received, stamps, values = [], [], []
    num_messages = 0
    for block in bag.blocks(topic):
        count = len(block.sizes)
        num_messages += count
        rows, stamp_ns = np.zeros((count, len(form.columns))), np.zeros(count, np.int64)
        rest, is_read = np.ones(count, np.bool_), np.ones(count, np.bool_)
        for alike in fixed_rows(block, form) if bag.is_cdr else ():
            rest[alike.places] = False
            rows[alike.places] = alike.numbers[0]
            if alike.stamp_ns is not None:
                stamp_ns[alike.places] = alike.stamp_ns
        for place in np.flatnonzero(rest).tolist():
            message = _message(bag, topic, block, place)
            is_read[place] = message is not None
            if message is not None:
                rows[place] = row_of(message)
                stamp_ns[place] = message_stamp_ns(message) if has_header else 0
        received.append(block.receive_ns[is_read])
        stamps.append(stamp_ns[is_read])
        values.append(rows[is_read])
    receive_ns = np.concatenate(received) if received else np.zeros(0, np.int64)
    return Stream(
        topic=topic,
        stamp_ns=(np.concatenate(stamps) if stamps else receive_ns) if has_header else None,
        receive_ns=receive_ns,
        values=np.concatenate(values) if values else np.zeros((0, len(form.columns))),
        num_skipped=num_messages - len(receive_ns),
    )


def _message(bag: Bag, topic: Topic, block: Block, place: int) -> Any:  # noqa: ANN401
    """Return one message as an object; None if it is damaged."""
    try:
        return bag.deserialize(block.content(place), topic)
    except Exception:  # noqa: BLE001  rosbags raises many types, IndexError among them
        return None


def message_stamp_ns(message: Any) -> int:  # noqa: ANN401 - a class that rosbags makes when it runs
    """Return the header stamp of a message in [ns]."""
    stamp = message.header.stamp
    return int(stamp.sec) * 1_000_000_000 + int(stamp.nanosec)


def _imu_row(message: Any) -> tuple[float, ...]:  # noqa: ANN401
    quat, rate = message.orientation, message.angular_velocity
    covariance = message.orientation_covariance[0]
    return (quat.w, quat.x, quat.y, quat.z, covariance, rate.x, rate.y, rate.z)


def _odometry_row(message: Any) -> tuple[float, ...]:  # noqa: ANN401
    speed, quat = message.twist.twist.linear, message.pose.pose.orientation
    return (speed.x, speed.y, speed.z, quat.w, quat.x, quat.y, quat.z)


def _command_row(message: Any) -> tuple[float, ...]:  # noqa: ANN401
    twist = getattr(message, 'twist', message)
    return (twist.linear.x, twist.linear.y, twist.angular.z)
