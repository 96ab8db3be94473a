# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Which samples each tick of a replay sees where the recording has ~/tick: those that it names.

A sample with a header is found by its stamp. A Twist has none, nor has a Float32MultiArray: ~/tick
names the moment it was sent, and recorders note when they received it. So it is the first one
received at or after that moment, or the next ones where a recorder was late and several moments
fall on one:

    ~/tick names    103         158 163              217
    received             105 111        165 166 171       219
    found                 103           158 163            217

If fewer messages were received by the next named moment, the earlier ones are missing.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from distill_runtime.core.arrays import IndexArray
from distill_runtime.core.sensors import NEVER
from distill_runtime.data.bags.chunk import StampArray
from distill_runtime.data.bags.dropped import lost_sample_times
from distill_runtime.data.recording.joint_series import JointStream
from distill_runtime.data.recording.recording import Recording
from distill_runtime.data.recording.series import Stream
from distill_runtime.data.recording.tick_log import is_interrupted, TickLog
from distill_runtime.data.recording.unwrap_time import Timeline
import numpy as np
import numpy.typing as npt

from .by_stamp import newest_rows, NONE, sample_stamps, Stamps, Ticks

MISSING = -2
"""Row of a sample that a tick names and the recording lacks."""
_LONGEST_WAY_NS = 1_000_000_000
"""A message received so long after a tick that used it is another one."""
_LONGEST_AGE_NS = 3_600_000_000_000
"""Times further apart are of different clocks."""


class ExactTicks(NamedTuple):
    """Ticks that a node logged, with what the recording lacks of them."""

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

    An input that the node did not have is given by the rule for ticks that nobody logged: another
    model may need it.

    Args:
        recording: What was recorded.
        log: The ticks.
        period_ns: Between ticks.
        uses_arrival: Whether the node counted the age of samples from the tick that took them.
        but: Inputs that are not needed.
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
    """Return the row of each sample that ticks name, NONE for none, MISSING where it is lost."""
    if stream is None or not len(stream.receive_ns):
        return np.where(samples < 0, NONE, MISSING)
    if stream.stamp_ns is None:
        return _sent_rows(stream.receive_ns, lost_sample_times(stream.left_out), samples, log)
    return _stamped_rows(stream.stamp_ns, stream.receive_ns, samples, log)


def _stamped_rows(
    stamp_ns: StampArray, receive_ns: StampArray, samples: StampArray, log: TickLog
) -> IndexArray:
    """Return the row with each stamp.

    A simulation that started over leaves several: then it is the last one received before the
    tick, or soon behind it.
    """
    order = np.argsort(stamp_ns, kind='stable')  # rows are in order of receipt
    ordered = stamp_ns[order]
    ends = np.searchsorted(ordered, samples, side='right')
    rows = order[np.maximum(ends - 1, 0)]
    is_there = (ends > 0) & (stamp_ns[rows] == samples)
    begins = np.searchsorted(ordered, samples, side='left')
    latest_ns = log.receive_ns + _LONGEST_WAY_NS
    for tick in np.flatnonzero(is_there & (ends - begins > 1)).tolist():
        alike = order[begins[tick] : ends[tick]]
        number = int(np.searchsorted(receive_ns[alike], latest_ns[tick], side='right'))
        rows[tick] = alike[max(0, number - 1)]
    return np.where(samples < 0, NONE, np.where(is_there, rows, MISSING))


def _sent_rows(
    receive_ns: StampArray, spoilt_ns: StampArray, samples: StampArray, log: TickLog
) -> IndexArray:
    """Return the rows of messages that were sent at the moments that ticks name.

    Args:
        receive_ns: When each row was received.
        spoilt_ns: When messages were received that cannot be read: they keep their places.
        samples: The moments.
        log: The ticks.
    """
    is_named = samples >= 0
    rows = np.full(len(is_named), NONE, np.intp)
    if not is_named.any():
        return rows
    sent, first, back = np.unique(samples[is_named], return_index=True, return_inverse=True)
    times = np.concatenate((receive_ns, spoilt_ns))
    order = np.argsort(times, kind='stable')
    received = times[order]
    places = _in_turn(np.searchsorted(received, sent, side='left'), len(received))
    used_ns = log.receive_ns[is_named][first]
    places[received[places] > used_ns + _LONGEST_WAY_NS] = -1
    found = np.where(places < 0, MISSING, order[places])
    found[found >= len(receive_ns)] = MISSING
    rows[is_named] = found[back]
    return rows


def _in_turn(places: IndexArray, count: int) -> IndexArray:
    """Give each a place of its own, not before the given one; -1 where there are too few.

    Args:
        places: The least place of each, ascending; count for none.
        count: Number of places.
    """
    found = np.full(len(places), -1, np.intp)
    begins = np.flatnonzero(np.diff(places, prepend=-1))
    ends = np.append(begins[1:], len(places))
    for begin, end in zip(begins.tolist(), ends.tolist(), strict=True):
        last = int(places[end]) if end < len(places) else count
        wanted = np.arange(end - begin)
        free = last - int(places[begin])
        chosen = places[begin] + wanted - max(0, end - begin - free)
        found[begin:end] = np.where(chosen >= places[begin], chosen, -1)
    return found


def _arrivals(log: TickLog, samples: StampArray, period_ns: int) -> StampArray:
    """Return the stamp of the tick that took each sample: the first one that names it.

    The sample in use when a recording begins was taken before: by the first tick after it was
    sampled, as far as its time can be compared with that of the ticks.
    """
    starts = np.ones(len(samples), np.bool_)
    starts[1:] = np.diff(samples) != 0
    taken = log.stamp_ns.copy()
    for tick in np.flatnonzero(starts & is_interrupted(log)).tolist():
        age_ns = int(log.stamp_ns[tick] - samples[tick])
        if 0 <= age_ns < _LONGEST_AGE_NS:
            taken[tick] -= age_ns // period_ns * period_ns
    since = np.maximum.accumulate(np.where(starts, np.arange(len(samples)), 0))
    return np.where(samples < 0, NEVER, taken[since])
