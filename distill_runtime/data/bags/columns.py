# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""What the messages of a chunk say: those that are alike at once, what is left one by one.

Quaternions are (w, x, y, z) from here on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from distill_runtime.core.arrays import IndexArray
import numpy as np
import numpy.typing as npt

from .bag import Bag, Topic
from .chunk import Chunk, StampArray
from .rows import (
    array_rows,
    Fixed,
    fixed_rows,
    IMU,
    joint_state_rows,
    LayoutGroup,
    ODOMETRY,
    POSE_STAMPED,
    TWIST,
    TWIST_STAMPED,
)

_ARRAYS = {'Float32MultiArray': '<f4', 'Float64MultiArray': '<f8', 'Int64MultiArray': '<i8'}


class Part(NamedTuple):
    """Messages of a chunk that are alike."""

    places: IndexArray
    """Which they are, shape (n,)."""
    stamp_ns: StampArray | None
    """From their headers, alike; None: they have none."""
    names: tuple[str, ...]
    """What the numbers are called."""
    counts: tuple[int, ...]
    """How many numbers there are of each kind."""
    numbers: Callable[..., npt.NDArray[Any]]
    """Returns those of one kind, see LayoutGroup.numbers."""


class Parts(NamedTuple):
    """All messages of a chunk."""

    alike: Sequence[Part]
    undecodable: IndexArray
    """Places of those that cannot be decoded."""


def joint_parts(bag: Bag, topic: Topic, chunk: Chunk) -> Parts:
    """Return positions, velocities and efforts: of a JointTrajectory those of its first point.

    Those of a Float64MultiArray are all positions; their names are its labels.
    """
    if topic.type.endswith('MultiArray'):
        found = array_parts(bag, topic, chunk)
        alike = [
            part._replace(counts=(*part.counts, 0, 0), numbers=_positions(part))
            for part in found.alike
        ]
        return found._replace(alike=alike)
    if topic.type.endswith('/JointTrajectory'):
        return _parts(bag, topic, chunk, (), _read_trajectory)
    return _parts(bag, topic, chunk, joint_state_rows(chunk) if bag.is_cdr else (), _read_joints)


def array_parts(bag: Bag, topic: Topic, chunk: Chunk) -> Parts:
    """Return the numbers of MultiArrays, named by the labels of their dimensions."""
    dtype = _ARRAYS[topic.type.rpartition('/')[2]]
    return _parts(bag, topic, chunk, array_rows(chunk, dtype) if bag.is_cdr else (), _read_array)


def fixed_parts(bag: Bag, topic: Topic, chunk: Chunk) -> Parts:
    """Return the numbers of messages that all have the same ones: Imu, Odometry, Twist, poses."""
    form, read = _FORMS[topic.type.rpartition('/')[2]]
    return _parts(bag, topic, chunk, fixed_rows(chunk, form) if bag.is_cdr else (), read)


def num_columns(topic: Topic) -> int:
    """Return how many numbers fixed_parts gives of each message."""
    return len(_FORMS[topic.type.rpartition('/')[2]][0].columns)


def has_header(topic: Topic) -> bool:
    """Return whether its messages have a header."""
    name = topic.type.rpartition('/')[2]
    return name != 'Twist' and not name.endswith('MultiArray')


_Numbers = tuple[Iterable[str], Sequence[npt.ArrayLike]]


def _parts(
    bag: Bag,
    topic: Topic,
    chunk: Chunk,
    alike: Iterable[LayoutGroup],
    read: Callable[[Any], _Numbers],
) -> Parts:
    """Collect what is alike, and read the rest.

    Args:
        bag: The recording.
        topic: The topic.
        chunk: Some messages of it.
        alike: Those that are.
        read: Returns the names and each kind of numbers of a message as an object.
    """
    found = [
        Part(entry.places, entry.stamp_ns, entry.names, entry.counts, entry.numbers)
        for entry in alike
    ]
    is_left = np.ones(len(chunk.sizes), np.bool_)
    for part in found:
        is_left[part.places] = False
    undecodable = []
    for place in np.flatnonzero(is_left).tolist():
        try:
            message = bag.deserialize(chunk.content(place), topic)
        except Exception:  # noqa: BLE001  rosbags raises many types, IndexError among them
            undecodable.append(place)
            continue
        names, kinds = read(message)
        arrays = tuple(np.asarray(values)[None] for values in kinds)
        found.append(
            Part(
                np.array([place]),
                np.array([_stamp_ns(message)]) if has_header(topic) else None,
                tuple(names),
                tuple(array.shape[1] for array in arrays),
                _picker(arrays),
            )
        )
    return Parts(found, np.array(undecodable, np.intp))


def _picker(arrays: Sequence[npt.NDArray[Any]]) -> Callable[..., npt.NDArray[Any]]:
    def numbers(kind: int = 0, chosen: Any = slice(None)) -> npt.NDArray[Any]:  # noqa: ANN401
        return arrays[kind][chosen]

    return numbers


def _positions(part: Part) -> Callable[..., npt.NDArray[Any]]:
    def numbers(kind: int = 0, chosen: Any = slice(None)) -> npt.NDArray[Any]:  # noqa: ANN401
        values = part.numbers(0, chosen)
        return values if kind == 0 else values[:, :0]

    return numbers


def _stamp_ns(message: Any) -> int:  # noqa: ANN401 - a class that rosbags makes when it runs
    stamp = message.header.stamp
    return int(stamp.sec) * 1_000_000_000 + int(stamp.nanosec)


def _read_joints(message: Any) -> _Numbers:  # noqa: ANN401
    return message.name, (message.position, message.velocity, message.effort)


def _read_trajectory(message: Any) -> _Numbers:  # noqa: ANN401
    none = np.zeros(0)
    point = message.points[0] if message.points else None
    kinds = (none,) * 3 if point is None else (point.positions, point.velocities, none)
    return message.joint_names, kinds


def _read_array(message: Any) -> _Numbers:  # noqa: ANN401
    return [part.label for part in message.layout.dim], (message.data,)


def _read_imu(message: Any) -> _Numbers:  # noqa: ANN401
    quat, rate = message.orientation, message.angular_velocity
    covariance = message.orientation_covariance[0]
    return (), ((quat.w, quat.x, quat.y, quat.z, covariance, rate.x, rate.y, rate.z),)


def _read_odometry(message: Any) -> _Numbers:  # noqa: ANN401
    speed, quat = message.twist.twist.linear, message.pose.pose.orientation
    return (), ((speed.x, speed.y, speed.z, quat.w, quat.x, quat.y, quat.z),)


def _read_twist(message: Any) -> _Numbers:  # noqa: ANN401
    twist = getattr(message, 'twist', message)
    return (), ((twist.linear.x, twist.linear.y, twist.angular.z),)


def _read_pose(message: Any) -> _Numbers:  # noqa: ANN401
    place, quat = message.pose.position, message.pose.orientation
    return (), ((place.x, place.y, place.z, quat.x, quat.y, quat.z, quat.w),)


_FORMS: dict[str, tuple[Fixed, Callable[[Any], _Numbers]]] = {
    'Imu': (IMU, _read_imu),
    'Odometry': (ODOMETRY, _read_odometry),
    'Twist': (TWIST, _read_twist),
    'TwistStamped': (TWIST_STAMPED, _read_twist),
    'PoseStamped': (POSE_STAMPED, _read_pose),
}
