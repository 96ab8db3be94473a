# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Joint states, or commands to joints, of a recording as numpy arrays, by name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from distill_runtime.core.arrays import FloatArray
from distill_runtime.data.bags.bag import Bag, Topic
from distill_runtime.data.bags.chunk import BoolArray, StampArray
from distill_runtime.data.bags.dropped import LACKS_JOINTS, OTHER_JOINTS
from distill_runtime.data.bags.topic_reader import Choose, TopicReader
from distill_runtime.errors import RecordingError
from distill_runtime.wire.layouts import ARRAYS, JOINT_KINDS
from distill_runtime.wire.rows import Columns
import numpy as np

from .series import Series


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
    select = partial(_select, wanted=wanted, is_array=topic.type in ARRAYS)
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
            found.append(rows.gather(len(wanted), partial(_numbers, kind=index, wanted=wanted)))
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


def _select(group: Columns, wanted: tuple[str, ...], is_array: bool) -> Columns | str:
    """Return the columns of messages that have all joints and their positions."""
    if is_array:
        group = replace(group, names=wanted, counts=(*group.counts, 0, 0))
    names = set(group.names)
    if set(wanted) <= names and group.counts[0] == len(group.names):
        # a kind that has not one number for each name counts as absent
        counts = tuple(count if count == len(group.names) else 0 for count in group.counts)
        return replace(group, counts=counts)
    return OTHER_JOINTS if names.isdisjoint(wanted) else LACKS_JOINTS


def _numbers(group: Columns, chosen: BoolArray, kind: int, wanted: tuple[str, ...]) -> FloatArray:
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
