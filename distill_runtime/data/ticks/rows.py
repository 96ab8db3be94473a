# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Select the messages that ticks may use, chunk by chunk: only their numbers are read."""

from __future__ import annotations

from bisect import bisect_left

from distill_runtime.core.arrays import BoolArray, StampArray
from distill_runtime.data.bags.topic_reader import Choose
from distill_runtime.data.recording.series import JointStream
from distill_runtime.data.recording.tick_log import TickLog
from distill_runtime.data.recording.unwrap_time import SET_BACK_NS, Timeline
from distill_runtime.wire.layouts import JOINT_KINDS
import numpy as np

SLACK_NS = 1_000_000
"""How early a tick may come."""


class RowSelection:
    """Selects the rows of each topic that the ticks of a policy may use."""

    kinds = JOINT_KINDS[:2]
    """Numbers of the joints to read."""

    def __init__(self, period_ns: int, log: TickLog | None) -> None:
        """Take the ticks.

        Args:
            period_ns: Of the policy.
            log: Its ticks; None: they follow the JointStates.
        """
        self._period_ns = period_ns
        self._log = log

    def for_joints(self) -> Choose:
        """Return what selects JointStates."""
        if self._log is None:
            return TickRows(self._period_ns - SLACK_NS)
        return named_rows(self._log.joint_states_ns)

    def for_topic(self, name: str, joints: JointStream) -> Choose:
        """Return what selects messages of another topic with a header.

        Args:
            name: Of the topic, in the policy.
            joints: The selected JointStates.
        """
        log = self._log
        if log is None:
            return newest_in_chunk(Timeline(joints.stamp_ns, joints.receive_ns))
        samples = {'imu': log.imu_ns, 'odom': log.odom_ns, **log.externals}.get(name)
        if samples is None or not np.any(samples >= 0):
            return newest_in_chunk(Timeline(log.stamp_ns, log.receive_ns))
        return named_rows(samples)


class TickRows:
    """Selects JointStates that trigger a tick: the first, then each first one a period later.

    One stamped long before the last tick triggers one, too: its clock was set back.
    """

    def __init__(self, least_ns: int) -> None:
        """Start before the first message.

        Args:
            least_ns: Least time from one tick to the next.
        """
        self._least_ns = least_ns
        self._last_ns: int | None = None

    def __call__(self, stamp_ns: StampArray, receive_ns: StampArray) -> BoolArray:
        """Return which of some consecutive messages trigger a tick."""
        chosen = np.zeros(len(stamp_ns), np.bool_)
        times = stamp_ns.tolist()
        is_ascending = bool((stamp_ns[1:] >= stamp_ns[:-1]).all())
        index = 0
        while index < len(times):
            if self._triggers_tick(times[index]):
                chosen[index] = True
                self._last_ns = times[index]
            if is_ascending and self._last_ns is not None:
                index = bisect_left(times, self._last_ns + self._least_ns, index + 1)
            else:
                index += 1
        return chosen

    def _triggers_tick(self, stamp_ns: int) -> bool:
        if stamp_ns <= 0:
            return False
        if self._last_ns is None:
            return True
        ahead_ns = stamp_ns - self._last_ns
        return ahead_ns >= self._least_ns or ahead_ns < -SET_BACK_NS


def named_rows(samples: StampArray) -> Choose:
    """Return what selects messages whose stamps are named by ticks, in any order."""
    named = np.unique(samples)

    def choose(stamp_ns: StampArray, receive_ns: StampArray) -> BoolArray:
        index = np.searchsorted(named, stamp_ns)
        index[index == len(named)] = 0
        return named[index] == stamp_ns

    return choose


def newest_in_chunk(timeline: Timeline) -> Choose:
    """Return what selects messages that are the newest of their chunk at some tick."""

    def choose(stamp_ns: StampArray, receive_ns: StampArray) -> BoolArray:
        times = timeline.unwrapped(stamp_ns, receive_ns)
        order = np.argsort(times, kind='stable')
        first_tick = np.searchsorted(timeline.ticks, times[order], side='left')
        is_last = np.ones(len(order), np.bool_)
        is_last[:-1] = first_tick[1:] != first_tick[:-1]
        chosen = np.zeros(len(order), np.bool_)
        chosen[order[is_last & (first_tick < len(timeline.ticks))]] = True
        return chosen

    return choose
