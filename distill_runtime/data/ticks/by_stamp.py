# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Find the samples of each tick in a recording without ~/tick, by one rule.

Ticks follow the header stamps of JointState, reduced to the period of the policy: the first, then
each first one at least period - 1 ms after that of the last tick. A tick uses the newest Imu and
Odometry whose header stamp is not after the stamp of the tick. Of topics without a header (Twist)
it uses the newest message received not after its JointState was received: receive times and header
stamps may come from different clocks, so the two are never compared. A JointState without a stamp
triggers no tick. Where the stamps jump back, ticks continue from there without older samples.

    JointState  0   5  10  15  20  25 ms        period 20 ms
    Imu           2       11      21
    ticks       0              20               Imu of the tick at 20: the one at 11
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from distill_runtime.core.arrays import BoolArray, FloatArray, IndexArray, StampArray
from distill_runtime.core.sensors import NEVER
from distill_runtime.data.bags.dropped import lost_sample_times
from distill_runtime.data.recording.recording import Recording
from distill_runtime.data.recording.series import Stream
from distill_runtime.data.recording.unwrap_time import Timeline
from distill_runtime.errors import RecordingError
import numpy as np

from .rows import SLACK_NS, TickRows

NONE = -1
"""Row of an input of which no sample has come yet."""


class Stamps(NamedTuple):
    """Stamps of samples in the clock of the ticks, in [ns], NEVER for none; all of shape (T,)."""

    joints: StampArray
    imu: StampArray
    odometry: StampArray
    command: StampArray


class Ticks(NamedTuple):
    """One row per tick: its time, and the row that it uses of each stream; all of shape (T,)."""

    stamp_ns: StampArray
    joints: IndexArray
    imu: IndexArray
    odometry: IndexArray
    command: IndexArray
    stamps: Stamps
    externals: tuple[IndexArray, ...] = ()
    """Rows of the external topics, in the order of the recording's."""
    external_stamps: tuple[StampArray, ...] = ()
    """Stamps of their samples."""


class Stretch(NamedTuple):
    """Consecutive JointStates; the first triggers a tick."""

    begin: int
    end: int
    """Row after the last."""


def find_ticks(
    recording: Recording, period_ns: int, stretches: Sequence[Stretch] | None = None
) -> Ticks:
    """Apply the rule.

    Args:
        recording: The recording.
        period_ns: Of the policy.
        stretches: Where ticks start again, in order; JointStates in between trigger none. None:
            one of all JointStates; others serve to find the phase of ticks of a timer.

    Raises:
        RecordingError: If no JointState is stamped.
    """
    joints = recording.joints
    if stretches is None:
        stretches = (Stretch(0, len(joints.stamp_ns)),)
    rows = np.concatenate([_tick_rows(recording, period_ns, *stretch) for stretch in stretches])
    if not len(rows):
        raise RecordingError(
            f'{recording.path}: no message of {joints.topic.name} is stamped, expected the time '
            'of measurement in its header'
        )
    stamp_ns, receive_ns = joints.stamp_ns[rows], joints.receive_ns[rows]
    timeline = Timeline(stamp_ns, receive_ns)
    streams = (
        recording.imu, recording.odometry, recording.command, *recording.externals.values()
    )  # fmt: skip
    found = [newest_rows(stream, timeline, receive_ns) for stream in streams]
    stamps = [
        sample_stamps(stream, seen, stamp_ns, receive_ns)
        for stream, seen in zip(streams, found, strict=True)
    ]
    return Ticks(
        stamp_ns=stamp_ns,
        joints=rows,
        imu=found[0],
        odometry=found[1],
        command=found[2],
        stamps=Stamps(stamp_ns, *stamps[:3]),
        externals=tuple(found[3:]),
        external_stamps=tuple(stamps[3:]),
    )


def _tick_rows(recording: Recording, period_ns: int, begin: int, end: int) -> IndexArray:
    """Return the JointStates of one stretch that trigger ticks."""
    joints = recording.joints
    choose = TickRows(period_ns - SLACK_NS)
    return begin + np.flatnonzero(choose(joints.stamp_ns[begin:end], joints.receive_ns[begin:end]))


def sample_stamps(
    stream: Stream | None, rows: IndexArray, stamp_ns: StampArray, receive_ns: StampArray
) -> StampArray:
    """Return the stamp of each row in the clock of the ticks, NEVER where there is none.

    A message without a header gets a stamp with the age that the recorder observed.

    Args:
        stream: None: all are NEVER.
        rows: Of the stream, one per tick.
        stamp_ns: Of the ticks.
        receive_ns: When the message that triggered the tick was received.
    """
    if stream is None or not len(stream.values):
        return np.full(len(rows), NEVER, np.int64)
    stamps = stream.stamp_ns
    if stamps is None:
        return np.where(rows == NONE, NEVER, stamp_ns - (receive_ns - stream.receive_ns[rows]))
    return np.where(rows == NONE, NEVER, stamps[rows])


def newest_rows(stream: Stream | None, timeline: Timeline, receive_ns: StampArray) -> IndexArray:
    """Return the row of the newest sample at each tick; of equal stamps the last received.

    Args:
        stream: None: there are none.
        timeline: Of the ticks.
        receive_ns: When the message that triggered each tick was received.
    """
    if stream is None or not len(stream.values):
        return np.full(len(receive_ns), NONE, np.intp)
    if stream.stamp_ns is None:
        times, ticks = stream.receive_ns, receive_ns
    else:
        times, ticks = timeline.unwrapped(stream.stamp_ns, stream.receive_ns), timeline.ticks
    order = np.argsort(times, kind='stable')
    newest = np.searchsorted(times[order], ticks, side='right') - 1
    rows = order[newest]
    is_there = newest >= 0
    if stream.stamp_ns is not None:
        is_there &= timeline.is_same_segment(stream.receive_ns[rows])
    return np.where(is_there, rows, NONE)


def gap_times(recording: Recording, ticks: Ticks) -> FloatArray:
    """Return the longest JointState interval since the previous tick, in [s], shape (T,)."""
    previous_ns, _ = recording.joints.previous
    rows = ticks.joints
    between_ns = (recording.joints.stamp_ns - previous_ns)[: rows[-1] + 1]
    begins = np.append(rows[0], rows[:-1] + 1)
    return np.maximum.reduceat(between_ns, begins).astype(np.float64) * 1e-9


def ambiguous_samples(recording: Recording, ticks: Ticks) -> dict[str, BoolArray]:
    """Return at which ticks the sample of an input is uncertain, input by input.

    A message that cannot be used was received between the sample of the tick and the tick: it may
    have been the newest sample. One just before the JointState of the tick may have triggered it.

    Args:
        recording: The recording.
        ticks: Of this recording.
    """
    joints = recording.joints
    ends_ns = joints.receive_ns[ticks.joints]
    found = {}
    lost_ns = lost_sample_times(joints.dropped)
    if len(lost_ns):
        _, previous_ns = joints.previous
        found['joint_states'] = _has_any(lost_ns, previous_ns[ticks.joints], ends_ns)
    inputs: dict[str, tuple[Stream | None, IndexArray]] = {
        'imu': (recording.imu, ticks.imu),
        'odom': (recording.odometry, ticks.odometry),
        'cmd_vel': (recording.command, ticks.command),
    }
    for (topic, external), rows in zip(recording.externals.items(), ticks.externals, strict=True):
        inputs[topic] = external, rows
    for name, (stream, rows) in inputs.items():
        lost_ns = np.zeros(0, np.int64) if stream is None else lost_sample_times(stream.dropped)
        if stream is not None and len(lost_ns):
            received = np.append(stream.receive_ns, 0)
            begins_ns = received[np.where(rows == NONE, len(received) - 1, rows)]
            found[name] = _has_any(lost_ns, begins_ns, ends_ns)
    return found


def _has_any(times: StampArray, begins: StampArray, ends: StampArray) -> BoolArray:
    """Return which intervals (begin, end] contain one of some ascending times."""
    first = np.searchsorted(times, begins, side='right')
    return np.searchsorted(times, ends, side='right') > first
