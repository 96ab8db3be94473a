# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Which samples each tick of a replay sees: the one rule for recordings without ~/tick.

Ticks follow the header stamps of JointState, thinned to the period of the policy: the first, then
each first one at least period - 1 ms after the last tick's. A tick sees the newest Imu and
Odometry whose header stamp is not after its own. Of topics without a header (Twist) it sees the
newest message received not after its JointState was received: receive times and header stamps may
come from different clocks, so the two are never compared. A JointState without a stamp gives no
tick.

    JointState  0   5  10  15  20  25 ms        period 20 ms
    Imu           2       11      21
    ticks       0              20               Imu of the tick at 20: the one at 11
"""

from __future__ import annotations

from typing import NamedTuple

from distill_runtime.core.arrays import IndexArray
from distill_runtime.core.sensors import NEVER
from distill_runtime.errors import RecordingError
import numpy as np

from .recording import Recording
from .streams import StampArray, Stream

SLACK_NS = 1_000_000
NONE = -1
"""Row of an input of which no sample has come yet."""


class Stamps(NamedTuple):
    """Stamps of the samples that ticks see, in their clock, in [ns]; NEVER for none; all (T,)."""

    joints: StampArray
    imu: StampArray
    odometry: StampArray
    command: StampArray


class Ticks(NamedTuple):
    """One row per tick: its time, and the row of each stream that it sees; all of shape (T,)."""

    stamp_ns: StampArray
    joints: IndexArray
    imu: IndexArray
    odometry: IndexArray
    command: IndexArray
    stamps: Stamps


def find_ticks(recording: Recording, period_ns: int, first_row: int = 0) -> Ticks:
    """Apply the rule.

    Args:
        recording: What was recorded.
        period_ns: Of the policy.
        first_row: JointState that may be the first tick's; other than 0 only to find out how the
            ticks of a timer lay in between.

    Raises:
        RecordingError: If no JointState is stamped.
    """
    joints = recording.joints
    rows = first_row + _thinned(joints.stamp_ns[first_row:], period_ns - SLACK_NS)
    if not len(rows):
        raise RecordingError(
            f'{recording.path}: no message of {joints.topic.name} is stamped, expected the time '
            'of measurement in its header'
        )
    stamp_ns, receive_ns = joints.stamp_ns[rows], joints.receive_ns[rows]
    imu, odometry, command = (
        newest_rows(stream, stamp_ns, receive_ns)
        for stream in (recording.imu, recording.odometry, recording.command)
    )
    return Ticks(
        stamp_ns=stamp_ns,
        joints=rows,
        imu=imu,
        odometry=odometry,
        command=command,
        stamps=Stamps(
            joints=stamp_ns,
            imu=sample_stamps(recording.imu, imu, stamp_ns, receive_ns),
            odometry=sample_stamps(recording.odometry, odometry, stamp_ns, receive_ns),
            command=sample_stamps(recording.command, command, stamp_ns, receive_ns),
        ),
    )


def sample_stamps(
    stream: Stream | None, rows: IndexArray, stamp_ns: StampArray, receive_ns: StampArray
) -> StampArray:
    """Return the stamp of each row in the clock of the ticks, NEVER where there is none.

    A message without a header is stamped so that it is as old as the recorder saw it.

    Args:
        stream: None: all are NEVER.
        rows: Of the stream, one per tick.
        stamp_ns: Of the ticks.
        receive_ns: When what gave the tick was received.
    """
    if stream is None:
        return np.full(len(rows), NEVER, np.int64)
    stamps = stream.stamp_ns
    if stamps is None:
        return np.where(rows == NONE, NEVER, stamp_ns - (receive_ns - stream.receive_ns[rows]))
    return np.where(rows == NONE, NEVER, stamps[rows])


def _thinned(stamp_ns: StampArray, least_ns: int) -> IndexArray:
    """Return the rows that give a tick."""
    rows: list[int] = []
    last_ns = 0
    for row, stamp in enumerate(stamp_ns.tolist()):
        if stamp > 0 and (not rows or stamp - last_ns >= least_ns):
            rows.append(row)
            last_ns = stamp
    return np.array(rows, np.intp)


def newest_rows(stream: Stream | None, stamp_ns: StampArray, receive_ns: StampArray) -> IndexArray:
    """Return the row of the newest sample at each tick; of equal stamps the last received."""
    if stream is None:
        return np.full(len(stamp_ns), NONE, np.intp)
    times = stream.receive_ns if stream.stamp_ns is None else stream.stamp_ns
    order = np.argsort(times, kind='stable')
    ticks = receive_ns if stream.stamp_ns is None else stamp_ns
    places = np.searchsorted(times[order], ticks, side='right') - 1
    return np.where(places >= 0, order[places], NONE)
