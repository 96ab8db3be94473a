# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""What was sent to the joints, in the order of the policy, and the tick that sent it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from distill_runtime.core.arrays import FloatArray, IndexArray
from distill_runtime.core.compiled_spec import JointTable
from distill_runtime.data.bags.bag import Bag, Topic
from distill_runtime.data.bags.chunk import StampArray
from distill_runtime.data.bags.columns import has_header, joint_parts, Part
from distill_runtime.data.bags.dropped import (
    count,
    DroppedCounter,
    LeftOut,
    OTHER_JOINTS,
    UNDECODABLE,
)
from distill_runtime.data.ticks.by_stamp import NONE, Ticks
from distill_runtime.errors import RecordingError
import numpy as np

from .tick_log import TickLog

_POSITION, _VELOCITY, _EFFORT = range(3)
_LATE = 0.05
"""Share of messages that a recorder may get late."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Commands:
    """Messages of joint_command, in order of receipt."""

    topic: Topic
    kind: Literal['commands', 'efforts']
    """Whether they hold what the runner gives, or the efforts of its PD law."""
    stamp_ns: StampArray | None
    """From the header, shape (N,); None: they have none."""
    receive_ns: StampArray
    values: FloatArray
    """[rad], [rad]/[s] or [N m] by mode, NaN for a joint that is not in the message, shape
    (N, num_joints).
    """
    left_out: LeftOut = field(default_factory=dict)
    """Messages that could not be used."""

    @property
    def num_skipped(self) -> int:
        """How many messages could not be used."""
        return count(self.left_out)


def read_commands(bag: Bag, topic: Topic, joints: JointTable) -> Commands:
    """Read commands by joint name; a Float64MultiArray has one number for each, in policy order.

    Raises:
        RecordingError: If no message can be used.
    """
    is_array = topic.type.endswith('/Float64MultiArray')
    leaving_out = DroppedCounter()
    received, stamps, rows = [], [], []
    is_effort = False
    for chunk in bag.chunks(topic):
        alike, undecodable = joint_parts(bag, topic, chunk)
        leaving_out.add(UNDECODABLE, chunk.receive_ns[undecodable])
        stamp_ns, is_read = chunk.receive_ns.copy(), np.zeros(len(chunk.sizes), np.bool_)
        values = np.zeros((len(is_read), len(joints.names)))
        for part in alike:
            found = _values(part._replace(names=joints.names) if is_array else part, joints)
            if found is None:
                leaving_out.add(OTHER_JOINTS, chunk.receive_ns[part.places])
                continue
            is_read[part.places] = True
            values[part.places] = found
            is_effort = is_effort or not part.counts[_POSITION]
            if part.stamp_ns is not None:
                stamp_ns[part.places] = part.stamp_ns
        received.append(chunk.receive_ns[is_read])
        stamps.append(stamp_ns[is_read])
        rows.append(values[is_read])
    if not any(map(len, rows)):
        raise RecordingError(
            f'{topic.name} ({topic.type}) has no command for the joints {list(joints.names)}'
        )
    return Commands(
        topic=topic,
        kind='efforts' if is_effort else 'commands',
        stamp_ns=np.concatenate(stamps) if has_header(topic) else None,
        receive_ns=np.concatenate(received),
        values=np.concatenate(rows),
        left_out=leaving_out.found(),
    )


def _values(part: Part, joints: JointTable) -> FloatArray | None:
    """Return the commands of messages, NaN for a joint that is not in them; None: they have none.

    They are positions, but of joints of another mode what that mode says; without any positions
    they are efforts.
    """
    places = {name: place for place, name in enumerate(part.names)}
    known = [joint for joint, name in enumerate(joints.names) if name in places]
    has = [count > 0 and count == len(part.names) for count in part.counts]
    if not known or not (has[_POSITION] or has[_EFFORT]):
        return None
    columns = [places[joints.names[joint]] for joint in known]
    found = np.full((len(part.places), len(joints.names)), np.nan)
    found[:, known] = part.numbers(_POSITION if has[_POSITION] else _EFFORT)[:, columns]
    if not has[_POSITION]:
        return found
    for mode, kind in (('velocity', _VELOCITY), ('effort', _EFFORT)):
        of_mode = [joint for joint in known if joints.modes[joint] == mode]
        if has[kind] and of_mode:
            columns = [places[joints.names[joint]] for joint in of_mode]
            found[:, of_mode] = part.numbers(kind)[:, columns]
    return found


def command_rows(
    commands: Commands, ticks: Ticks, joint_receive_ns: StampArray, period_ns: int
) -> IndexArray:
    """Return the command of each tick, NONE where there is none, for ticks that nobody logged.

    It is the first one in the period that begins with the JointState of the tick.

    Args:
        commands: What was sent.
        ticks: The ticks.
        joint_receive_ns: When the JointStates of the recording were received.
        period_ns: Between ticks.
    """
    begins = ticks.stamp_ns
    times = commands.stamp_ns
    if times is None:
        begins, times = joint_receive_ns[ticks.joints], commands.receive_ns
    order = np.argsort(times, kind='stable')
    places = np.searchsorted(times[order], begins, side='left')
    rows = order[np.minimum(places, len(order) - 1)]
    late_ns = times[rows] - begins
    return np.where((late_ns >= 0) & (late_ns < period_ns), rows, NONE)


def logged_command_rows(commands: Commands, log: TickLog, period_ns: int) -> IndexArray:
    """Return the command of each tick that a node logged, NONE where there is none.

    It has the stamp of the tick; of several, as a node sends them at its end, it is the first.
    One without a stamp is the one received next to the log of the tick.
    """
    if commands.stamp_ns is None:
        return nearest_rows(commands.receive_ns, log.receive_ns, period_ns)
    order = np.argsort(commands.stamp_ns, kind='stable')
    places = np.searchsorted(commands.stamp_ns[order], log.stamp_ns, side='left')
    rows = order[np.minimum(places, len(order) - 1)]
    return np.where(commands.stamp_ns[rows] == log.stamp_ns, rows, NONE)


def nearest_rows(received: StampArray, ticks: StampArray, period_ns: int) -> IndexArray:
    """Return the message that was received next to each tick; NONE where none is.

    A message belongs to one tick. As many messages as ticks belong to them in their order, and so
    do fewer where only the first are missing: a recorder that was late for a moment then exchanges
    none.

    Args:
        received: Of the messages, ascending.
        ticks: When the log of each tick was received, ascending.
        period_ns: Between ticks.
    """
    if len(received) == len(ticks):
        return np.arange(len(ticks))
    if 0 < len(received) < len(ticks):
        late = np.abs(received - ticks[-len(received) :]) > period_ns / 2
        if late.mean() < _LATE:
            first = len(ticks) - len(received)
            return np.where(np.arange(len(ticks)) < first, NONE, np.arange(len(ticks)) - first)
    middle = (ticks[1:] + ticks[:-1]) // 2
    owner = np.searchsorted(middle, received, side='right')
    is_near = np.abs(received - ticks[owner]) < period_ns
    rows = np.full(len(ticks), NONE, np.intp)
    # the first message of a tick counts
    rows[owner[is_near][::-1]] = np.flatnonzero(is_near)[::-1]
    return rows
