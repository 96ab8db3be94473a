# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""What was sent to the joints, in the order of the policy, and the tick that sent it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from distill_runtime.core.arrays import FloatArray, IndexArray
from distill_runtime.core.plan import JointPlan
from distill_runtime.errors import RecordingError
import numpy as np

from .bags import Bag, Topic
from .streams import message_stamp_ns, StampArray
from .tick_log import TickLog
from .ticks import NONE, Ticks

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
    num_skipped: int = 0
    """Messages that say nothing of these joints."""


def read_commands(bag: Bag, topic: Topic, joints: JointPlan) -> Commands:
    """Read commands by joint name; a Float64MultiArray has one number for each, in policy order.

    Raises:
        RecordingError: If no message can be used.
    """
    read = _Reader(topic, joints)
    received, stamps, rows = [], [], []
    num_messages = 0
    for receive_ns, message in bag.messages(topic):
        num_messages += 1
        row = read.row(message)
        if row is not None:
            received.append(receive_ns)
            rows.append(row)
            if read.has_header:
                stamps.append(message_stamp_ns(message))
    if not rows:
        raise RecordingError(
            f'{topic.name} ({topic.type}) has no command for the joints {list(joints.names)}'
        )
    return Commands(
        topic=topic,
        kind=read.kind,
        stamp_ns=np.array(stamps, np.int64) if read.has_header else None,
        receive_ns=np.array(received, np.int64),
        values=np.array(rows, np.float64),
        num_skipped=num_messages - len(rows),
    )


class _Reader:
    """Reads messages of one topic."""

    def __init__(self, topic: Topic, joints: JointPlan) -> None:
        self._joints = joints
        self._is_array = topic.type.endswith('/Float64MultiArray')
        self._is_trajectory = topic.type.endswith('/JointTrajectory')
        self._orders: dict[tuple[str, ...], tuple[IndexArray, IndexArray]] = {}
        self.has_header = not self._is_array
        self.kind: Literal['commands', 'efforts'] = 'commands'

    def row(self, message: Any) -> FloatArray | None:  # noqa: ANN401 - a class that rosbags makes
        """Return the command of one message, or None."""
        num_joints = len(self._joints.names)
        if self._is_array:
            return np.array(message.data) if len(message.data) == num_joints else None
        if self._is_trajectory:
            point = message.points[0] if message.points else None
            return None if point is None else self._ordered(message.joint_names, point.positions)
        position = self._ordered(message.name, message.position)
        others = {
            mode: self._ordered(message.name, values)
            for mode, values in (('velocity', message.velocity), ('effort', message.effort))
        }
        if position is None:
            self.kind = 'efforts'
            return others['effort']
        for mode, values in others.items():
            if values is not None:
                of_mode = np.array([entry == mode for entry in self._joints.modes])
                position[of_mode] = values[of_mode]
        return position

    def _ordered(self, names: list[str], values: FloatArray) -> FloatArray | None:
        """Bring values into policy order; None if they are not one for each name."""
        if not len(values) or len(values) != len(names):
            return None
        key = tuple(names)
        if key not in self._orders:
            places = {name: place for place, name in enumerate(names)}
            wanted = [
                (joint, places[name])
                for joint, name in enumerate(self._joints.names)
                if name in places
            ]
            to, source = np.array(wanted, np.intp).reshape(-1, 2).T
            self._orders[key] = to, source
        to, source = self._orders[key]
        if not len(to):
            return None
        row = np.full(len(self._joints.names), np.nan)
        row[to] = values[source]
        return row


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
