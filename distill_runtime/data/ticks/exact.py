# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Find the samples of each tick in a recording with ~/tick: those that the tick names.

A sample with a header is found by its stamp. Twist and Float32MultiArray have none: ~/tick names
the time it was sent, and recorders note when they received it. So it is the first one received at
or after that time, or one of the next where a recorder was late and several times fall on one:

    ~/tick names    103         158 163              217
    received             105 111        165 166 171       219
    found                 103           158 163            217

If fewer messages were received by the next named time, the earlier ones are missing.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from distill_runtime.core.arrays import IndexArray, StampArray
from distill_runtime.core.sensors import NEVER
from distill_runtime.data.bags.dropped import lost_sample_times
from distill_runtime.data.recording.recording import Recording
from distill_runtime.data.recording.series import JointStream, Stream
from distill_runtime.data.recording.tick_log import is_interrupted, TickLog
from distill_runtime.data.recording.unwrap_time import Timeline
import numpy as np
import numpy.typing as npt

from .by_stamp import newest_rows, NONE, sample_stamps, Stamps, Ticks

MISSING = -2
"""Row of a sample that a tick names and the recording lacks."""
_MAX_DELAY_NS = 1_000_000_000
"""A message received so long after a tick is not the one that the tick used."""
_MAX_AGE_NS = 3_600_000_000_000
"""Times further apart are of different clocks."""


class ExactTicks(NamedTuple):
    """Ticks that a node logged, and which of their samples are missing."""

    ticks: Ticks
    lacks: dict[str, npt.NDArray[np.bool_]]
    """Per input at which ticks the sample that was used is missing."""


def find_exact_ticks(
    recording: Recording,
    log: TickLog,
    period_ns: int,
    uses_arrival: bool = False,
    but: Collection[str] = (),
) -> ExactTicks:
    """Look up the samples that ticks name.

    For an input that the node did not have, the rule of by_stamp applies: another model may need
    it.

    Args:
        recording: The recording.
        log: The ticks.
        period_ns: Between ticks.
        uses_arrival: Whether the node measured the age of samples from the tick that received
            them.
        but: Inputs whose missing samples do not matter.
    """
    timeline = Timeline(log.stamp_ns, log.receive_ns)
    never = np.full(len(log.tick), NEVER, np.int64)
    sources: dict[str, tuple[Stream | JointStream | None, StampArray]] = {
        'joint_states': (recording.joints, log.joint_states_ns),
        'imu': (recording.imu, log.imu_ns),
        'odom': (recording.odometry, log.odom_ns),
        'cmd_vel': (recording.command, log.cmd_vel_ns),
    }
    for topic, external in recording.externals.items():
        sources[topic] = (external, log.externals.get(topic, never))
    rows: dict[str, IndexArray] = {}
    stamps: dict[str, StampArray] = {}
    for name, (stream, samples) in sources.items():
        rows[name] = _rows(stream, samples, log)
        is_stampless = stream is not None and stream.stamp_ns is None
        stamps[name] = (
            _arrivals(log, samples, period_ns) if uses_arrival or is_stampless else samples
        )
        if isinstance(stream, Stream) and not np.any(rows[name] != NONE):
            rows[name] = newest_rows(stream, timeline, log.receive_ns)
            stamps[name] = sample_stamps(stream, rows[name], log.stamp_ns, log.receive_ns)
    lacks = {
        name: found == MISSING
        for name, found in rows.items()
        if name not in but and np.any(found == MISSING)
    }
    joints, imu, odometry, command, *externals = (
        np.where(found == MISSING, NONE, found) for found in rows.values()
    )
    standard, others = tuple(stamps.values())[:4], tuple(stamps.values())[4:]
    return ExactTicks(
        Ticks(
            stamp_ns=log.stamp_ns,
            joints=joints,
            imu=imu,
            odometry=odometry,
            command=command,
            stamps=Stamps(*standard),
            externals=tuple(externals),
            external_stamps=others,
        ),
        lacks,
    )


def _rows(stream: Stream | JointStream | None, samples: StampArray, log: TickLog) -> IndexArray:
    """Return the row of each sample that ticks name, NONE for none, MISSING for a lost one."""
    if stream is None or not len(stream.receive_ns):
        return np.where(samples < 0, NONE, MISSING)
    if stream.stamp_ns is None:
        return _sent_rows(stream.receive_ns, lost_sample_times(stream.dropped), samples, log)
    return _stamped_rows(stream.stamp_ns, stream.receive_ns, samples, log)


def _stamped_rows(
    stamp_ns: StampArray, receive_ns: StampArray, samples: StampArray, log: TickLog
) -> IndexArray:
    """Return the row with each stamp.

    A simulation that restarted leaves several: then it is the last one received before the tick,
    or soon after it.
    """
    order = np.argsort(stamp_ns, kind='stable')  # rows are in order of receipt
    ordered = stamp_ns[order]
    ends = np.searchsorted(ordered, samples, side='right')
    rows = order[np.maximum(ends - 1, 0)]
    is_there = (ends > 0) & (stamp_ns[rows] == samples)
    begins = np.searchsorted(ordered, samples, side='left')
    latest_ns = log.receive_ns + _MAX_DELAY_NS
    for tick in np.flatnonzero(is_there & (ends - begins > 1)).tolist():
        same_stamp = order[begins[tick] : ends[tick]]
        number = int(np.searchsorted(receive_ns[same_stamp], latest_ns[tick], side='right'))
        rows[tick] = same_stamp[max(0, number - 1)]
    return np.where(samples < 0, NONE, np.where(is_there, rows, MISSING))


def _sent_rows(
    receive_ns: StampArray, lost_ns: StampArray, samples: StampArray, log: TickLog
) -> IndexArray:
    """Return the rows of messages that were sent at the times that ticks name.

    Args:
        receive_ns: When each row was received.
        lost_ns: When unreadable messages were received, which may be samples, too.
        samples: The times.
        log: The ticks.
    """
    is_named = samples >= 0
    rows = np.full(len(is_named), NONE, np.intp)
    if not is_named.any():
        return rows
    sent, first, back = np.unique(samples[is_named], return_index=True, return_inverse=True)
    times = np.concatenate((receive_ns, lost_ns))
    order = np.argsort(times, kind='stable')
    received = times[order]
    index = _assign(np.searchsorted(received, sent, side='left'), len(received))
    used_ns = log.receive_ns[is_named][first]
    index[received[index] > used_ns + _MAX_DELAY_NS] = -1
    found = np.where(index < 0, MISSING, order[index])
    found[found >= len(receive_ns)] = MISSING
    rows[is_named] = found[back]
    return rows


def _assign(least: IndexArray, count: int) -> IndexArray:
    """Assign a different index to each, not below its least; -1 where there are too few.

    Args:
        least: Least index of each, ascending; count for none.
        count: Number of indices.
    """
    begins = np.flatnonzero(np.diff(least, prepend=-1))
    sizes = np.diff(np.append(begins, len(least)))
    lasts = np.append(least[begins[1:]], count)
    first = np.repeat(begins, sizes)
    excess = np.repeat(np.maximum(0, sizes - (lasts - least[begins])), sizes)
    chosen = least + np.arange(len(least)) - first - excess
    return np.where(chosen >= least, chosen, -1)


def _arrivals(log: TickLog, samples: StampArray, period_ns: int) -> StampArray:
    """Return the stamp of the tick that received each sample: the first one that names it.

    The sample in use when a recording begins was received earlier: by the first tick after its
    stamp, if its clock is that of the ticks.
    """
    starts = np.ones(len(samples), np.bool_)
    starts[1:] = np.diff(samples) != 0
    arrival_ns = log.stamp_ns.copy()
    for tick in np.flatnonzero(starts & is_interrupted(log)).tolist():
        age_ns = int(log.stamp_ns[tick] - samples[tick])
        if 0 <= age_ns < _MAX_AGE_NS:
            arrival_ns[tick] -= age_ns // period_ns * period_ns
    since = np.maximum.accumulate(np.where(starts, np.arange(len(samples)), 0))
    return np.where(samples < 0, NEVER, arrival_ns[since])
