# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Joint commands of a recording, in the order of the policy, and the tick that sent each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from types import MappingProxyType
from typing import Literal

from distill_runtime.core.arrays import BoolArray, FloatArray, IndexArray, StampArray
from distill_runtime.core.compiled_spec import JointTable
from distill_runtime.data.bags.bag import Bag, Topic
from distill_runtime.data.bags.dropped import OTHER_JOINTS
from distill_runtime.data.bags.topic_reader import TopicReader
from distill_runtime.data.ticks.by_stamp import NONE, Ticks
from distill_runtime.errors import RecordingError
from distill_runtime.wire.layouts import ARRAYS, has_header
from distill_runtime.wire.rows import Columns
import numpy as np

from .series import Stream
from .tick_log import TickLog

_POSITION, _EFFORT = 0, 2
_KINDS: Mapping[str, int] = MappingProxyType({'velocity': 1, 'effort': _EFFORT})
"""Numbers that are the command of a joint of this mode."""
_MAX_LATE = 0.05
"""Fraction of the messages that a recorder may receive late."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Commands(Stream):
    """Messages of joint_command, in order of receipt.

    The values are in [rad], [rad]/[s] or [N m] by mode, NaN for a joint that is not in the
    message; shape (N, num_joints).
    """

    kind: Literal['commands', 'efforts']
    """Whether they hold the runner's commands, or the efforts of its PD law."""


def read_joint_commands(bag: Bag, topic: Topic, joints: JointTable) -> Commands:
    """Read commands by joint name; a Float64MultiArray has one number for each, in policy order.

    Raises:
        RecordingError: If no message can be used.
    """
    is_effort = False

    def select(group: Columns) -> Columns | str:
        nonlocal is_effort
        if topic.type in ARRAYS:
            group = replace(group, names=joints.names, counts=(*group.counts, 0, 0))
        is_position, is_only_effort = _has(group, _POSITION), _has(group, _EFFORT)
        if set(joints.names).isdisjoint(group.names) or not (is_position or is_only_effort):
            return OTHER_JOINTS
        is_effort = is_effort or not group.counts[_POSITION]
        return group

    reader = TopicReader(bag, topic, select)
    read = partial(_read_numbers, joints=joints)
    values = [rows.gather(len(joints.names), read) for rows in reader]
    if not reader.num_usable:
        raise RecordingError(
            f'{topic.name} ({topic.type}) has no command for the joints {list(joints.names)}'
        )
    return Commands(
        topic=topic,
        kind='efforts' if is_effort else 'commands',
        stamp_ns=reader.stamp_ns if has_header(topic.type) else None,
        receive_ns=reader.receive_ns,
        values=np.concatenate(values),
        dropped=reader.dropped,
        num_usable=reader.num_usable,
    )


def _has(group: Columns, kind: int) -> bool:
    """Return whether messages have one number of a kind for each name."""
    return 0 < group.counts[kind] == len(group.names)


def _read_numbers(group: Columns, chosen: BoolArray, joints: JointTable) -> FloatArray:
    """Return the commands of messages, NaN for a joint that is not in them.

    They are positions, but of joints of another mode the numbers of that mode; without any
    positions they are efforts.
    """
    columns = {name: column for column, name in enumerate(group.names)}
    known = [joint for joint, name in enumerate(joints.names) if name in columns]
    found = np.full((np.count_nonzero(chosen), len(joints.names)), np.nan)

    def fill(kind: int, of_kind: list[int]) -> None:
        order = [columns[joints.names[joint]] for joint in of_kind]
        found[:, of_kind] = group.numbers(kind, chosen)[:, order]

    if not _has(group, _POSITION):
        fill(_EFFORT, known)
        return found
    fill(_POSITION, known)
    for mode, kind in _KINDS.items():
        of_mode = [joint for joint in known if joints.modes[joint] == mode]
        if of_mode and _has(group, kind):
            fill(kind, of_mode)
    return found


def command_rows(
    commands: Commands, ticks: Ticks, joint_receive_ns: StampArray, period_ns: int
) -> IndexArray:
    """Return the command of each tick, NONE where there is none, for ticks without a log.

    It is the first one in the period that begins with the JointState of the tick, or where the
    commands have no stamps, with its receipt.
    """
    begins = ticks.stamp_ns
    times = commands.stamp_ns
    if times is None:
        begins, times = joint_receive_ns[ticks.joints], commands.receive_ns
    rows = _first_rows(times, begins)
    late_ns = times[rows] - begins
    return np.where((late_ns >= 0) & (late_ns < period_ns), rows, NONE)


def logged_command_rows(commands: Commands, log: TickLog, period_ns: int) -> IndexArray:
    """Return the command of each tick that a node logged, NONE where there is none.

    It has the stamp of the tick; of several, as a node sends when it shuts down, it is the first.
    Without stamps it is the command received closest to the log of the tick.
    """
    if commands.stamp_ns is None:
        return nearest_rows(commands.receive_ns, log.receive_ns, period_ns)
    rows = _first_rows(commands.stamp_ns, log.stamp_ns)
    return np.where(commands.stamp_ns[rows] == log.stamp_ns, rows, NONE)


def _first_rows(times: StampArray, begins: StampArray) -> IndexArray:
    """Return the first of some times that is not before each begin; the last one if none is."""
    order = np.argsort(times, kind='stable')
    found = np.searchsorted(times[order], begins, side='left')
    return order[np.minimum(found, len(order) - 1)]


def nearest_rows(received: StampArray, ticks: StampArray, period_ns: int) -> IndexArray:
    """Return the message received closest to each tick, NONE where there is none.

    A message belongs to one tick. If there are as many messages as ticks, or only the first are
    missing, they are assigned in order: a late recorder then swaps none. Both times are ascending
    times of receipt.
    """
    if len(received) == len(ticks):
        return np.arange(len(ticks))
    if 0 < len(received) < len(ticks):
        late = np.abs(received - ticks[-len(received) :]) > period_ns / 2
        if late.mean() < _MAX_LATE:
            first = len(ticks) - len(received)
            return np.where(np.arange(len(ticks)) < first, NONE, np.arange(len(ticks)) - first)
    middle = (ticks[1:] + ticks[:-1]) // 2
    owner = np.searchsorted(middle, received, side='right')
    is_near = np.abs(received - ticks[owner]) < period_ns
    rows = np.full(len(ticks), NONE, np.intp)
    # the first message of a tick counts
    rows[owner[is_near][::-1]] = np.flatnonzero(is_near)[::-1]
    return rows
