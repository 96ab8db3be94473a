# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Topics of a recording as numpy arrays, one row per message, in order of receipt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from distill_runtime.core.arrays import BoolArray, FloatArray, StampArray
from distill_runtime.data.bags.bag import Bag, Topic
from distill_runtime.data.bags.dropped import (
    Dropped,
    LACKS_JOINTS,
    NOT_FINITE,
    OTHER_JOINTS,
    OTHER_WIDTH,
    UNDECODABLE,
)
from distill_runtime.data.bags.topic_reader import Choose, Select, TopicReader
from distill_runtime.errors import RecordingError
from distill_runtime.wire.layouts import ARRAYS, FIXED, has_header, JOINT_KINDS
from distill_runtime.wire.rows import Columns
import numpy as np

from .row_store import RowStore


@dataclass(frozen=True, kw_only=True, eq=False)
class Series:
    """One row per usable message of a topic, in order of receipt."""

    topic: Topic
    receive_ns: StampArray
    """When the recorder received each message, in [ns] of its clock, shape (N,)."""
    dropped: Dropped = field(default_factory=dict)
    """Dropped messages."""

    @property
    def num_skipped(self) -> int:
        """How many messages were dropped."""
        return sum(map(len, self.dropped.values()))


@dataclass(frozen=True, kw_only=True, eq=False)
class Stream(Series):
    """Numbers of one topic."""

    stamp_ns: StampArray | None
    """From the header, in [ns], shape (N,); None: the messages have no header."""
    values: FloatArray
    """Shape (N, width)."""
    num_usable: int = 0
    """Usable messages, whether or not they are rows."""


@dataclass(frozen=True, kw_only=True, eq=False)
class VectorSeries(Series):
    """Vectors of one width, in order of receipt."""

    values: RowStore
    """Shape (N, width); a message that cannot be decoded is a row of NaN."""


@dataclass(frozen=True, kw_only=True, eq=False)
class JointStream(Series):
    """Numbers of joints, one row per message, in order of receipt."""

    joints: tuple[str, ...]
    stamp_ns: StampArray
    """From the header, in [ns], shape (N,); of messages without one: receive_ns."""
    position: FloatArray
    """In [rad], shape (N, num_joints)."""
    velocity: FloatArray | None
    """In [rad]/[s], shape (N, num_joints); None: not every message has it."""
    effort: FloatArray | None
    """In [N m], shape (N, num_joints); None: not every message has it."""
    before: tuple[StampArray, StampArray] | None = None
    """stamp_ns and receive_ns of the usable message before each row, 0 for none; None: every
    usable message is a row.
    """

    @property
    def previous(self) -> tuple[StampArray, StampArray]:
        """stamp_ns and receive_ns of the usable message before each row, 0 for none."""
        if self.before is not None:
            return self.before
        stamp_ns, receive_ns = np.pad((self.stamp_ns, self.receive_ns), ((0, 0), (1, 0)))[:, :-1]
        return stamp_ns, receive_ns


def read_imu(bag: Bag, topic: Topic, choose: Choose | None = None) -> Stream:
    """Read orientations (w, x, y, z), then angular velocities in [rad]/[s]: width 7.

    The orientation of a driver that has none (covariance[0] is -1) is NaN.
    """
    stream = read_stream(bag, topic, choose=choose)
    values = np.delete(stream.values, 4, axis=1)
    values[stream.values[:, 4] == -1.0, :4] = np.nan
    return replace(stream, values=values)


def read_velocity_command(bag: Bag, topic: Topic) -> Stream:
    """Read (vx, vy) in [m]/[s] and yaw rates in [rad]/[s] of Twist or TwistStamped: width 3.

    A command that is not finite is dropped, as the node does.
    """
    stream = read_stream(bag, topic)
    is_finite = np.isfinite(stream.values).all(axis=1)
    if is_finite.all():
        return stream
    return Stream(
        topic=topic,
        stamp_ns=None if stream.stamp_ns is None else stream.stamp_ns[is_finite],
        receive_ns=stream.receive_ns[is_finite],
        values=stream.values[is_finite],
        dropped={**stream.dropped, NOT_FINITE: stream.receive_ns[~is_finite]},
        num_usable=int(np.count_nonzero(is_finite)),
    )


def read_stream(
    bag: Bag, topic: Topic, width: int | None = None, choose: Choose | None = None
) -> Stream:
    """Read a topic of a fixed layout, or a MultiArray.

    The columns are those of ``wire.layouts``: of an Odometry linear velocities in the child frame
    in [m]/[s], then orientations (w, x, y, z); of a PoseStamped position x, y, z in [m], then the
    orientation as the message has it, x, y, z, w.

    A message with another width, by default that of the layout, is dropped.
    """
    width = len(FIXED[topic.type].columns) if width is None else width
    reader = TopicReader(bag, topic, _of_width(width), choose)
    values = [rows.gather(width) for rows in reader]
    return Stream(
        topic=topic,
        stamp_ns=reader.stamp_ns if has_header(topic.type) else None,
        receive_ns=reader.receive_ns,
        values=np.concatenate(values) if values else np.zeros((0, width)),
        dropped=reader.dropped,
        num_usable=reader.num_usable,
    )


def read_vectors(bag: Bag, name: str, width: int) -> VectorSeries | None:
    """Read the Float32MultiArrays of a topic; None: it has none of this width."""
    kind = 'std_msgs/msg/Float32MultiArray'
    topic = next((topic for topic in bag.topics if (topic.name, topic.type) == (name, kind)), None)
    if topic is None:
        return None
    reader = TopicReader(bag, topic, _of_width(width), nan_width=width)
    values = RowStore(width)
    for rows in reader:
        values.append(rows.gather(width, dtype=np.float32))
    dropped = reader.dropped
    if reader.num_usable == len(dropped.get(UNDECODABLE, ())):
        return None
    return VectorSeries(topic=topic, receive_ns=reader.receive_ns, values=values, dropped=dropped)


def _of_width(width: int) -> Select:
    """Return what selects messages of some numbers."""

    def select(group: Columns) -> Columns | str:
        return group if group.counts == (width,) else OTHER_WIDTH

    return select


def read_joints(
    bag: Bag,
    topic: Topic,
    joints: tuple[str, ...] | None = None,
    choose: Choose | None = None,
    kinds: Sequence[str] = JOINT_KINDS,
) -> JointStream:
    """Read joints by name, whatever their order in each message.

    Args:
        bag: The recording.
        topic: Of JointState, JointTrajectory (its first point) or Float64MultiArray.
        joints: Names to read, in this order; None: those of the message with the most. A
            Float64MultiArray has no names: it must have this many numbers, in this order.
        choose: Returns which rows are wanted; None: all.
        kinds: Of JOINT_KINDS; the others are None.

    Raises:
        RecordingError: If no message has all of the joints.
    """
    wanted = _longest_names(bag, topic) if joints is None else joints
    select = partial(_select_joints, wanted=wanted, is_array=topic.type in ARRAYS)
    reader = TopicReader(bag, topic, select, choose)
    numbers: dict[str, list[FloatArray] | None] = dict.fromkeys(JOINT_KINDS)
    numbers |= {kind: [] for kind in kinds}
    previous, last = [], np.zeros((2, 1), np.int64)
    for rows in reader:
        times = np.hstack((last, (rows.stamp_ns, rows.receive_ns)))
        previous.append(times[:, :-1][:, rows.is_wanted])
        last = times[:, -1:]
        for index, kind in enumerate(JOINT_KINDS):
            found = numbers[kind]
            if found is None or rows.lacks(index):
                numbers[kind] = None
                continue
            found.append(
                rows.gather(len(wanted), partial(_joint_numbers, kind=index, wanted=wanted))
            )
    if not reader.num_usable or not wanted:
        raise _no_such_joints(bag, topic, wanted)
    position, velocity, effort = (
        np.concatenate(found) if found else None for found in numbers.values()
    )
    assert position is not None, 'usable messages have positions'
    stamp_ns, before = reader.stamp_ns, np.hstack(previous)
    return JointStream(
        topic=topic,
        joints=wanted,
        stamp_ns=stamp_ns,
        receive_ns=reader.receive_ns,
        dropped=reader.dropped,
        before=None if len(stamp_ns) == reader.num_usable else (before[0], before[1]),
        position=position,
        velocity=velocity,
        effort=effort,
    )


def _select_joints(group: Columns, wanted: tuple[str, ...], is_array: bool) -> Columns | str:
    """Return the columns of messages that have all joints and their positions."""
    if is_array:
        group = replace(group, names=wanted, counts=(*group.counts, 0, 0))
    names = set(group.names)
    if set(wanted) <= names and group.counts[0] == len(group.names):
        # a kind that has not one number for each name counts as absent
        counts = tuple(count if count == len(group.names) else 0 for count in group.counts)
        return replace(group, counts=counts)
    return OTHER_JOINTS if names.isdisjoint(wanted) else LACKS_JOINTS


def _joint_numbers(
    group: Columns, chosen: BoolArray, kind: int, wanted: tuple[str, ...]
) -> FloatArray:
    """Return numbers of one kind in the wanted order."""
    values = group.numbers(kind, chosen)
    if group.names == wanted:
        return values
    return values[:, [group.names.index(name) for name in wanted]]


def _no_such_joints(bag: Bag, topic: Topic, wanted: tuple[str, ...]) -> RecordingError:
    longest = _longest_names(bag, topic)
    missing = [name for name in wanted if name not in longest]
    return RecordingError(
        f'{bag.path}: {topic.name} has no message with joints {missing or list(wanted)} and '
        f'their positions, its names are {list(longest)}'
        + ''.join(f'; {what}' for what in bag.damage)
    )


def _longest_names(bag: Bag, topic: Topic) -> tuple[str, ...]:
    """Return the names of the message with the most."""
    names = (group.names for rows in TopicReader(bag, topic) for group in rows.groups)
    return max(names, key=len, default=())
