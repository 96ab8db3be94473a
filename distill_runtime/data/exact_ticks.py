# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Which samples each tick of a replay sees where the recording has ~/tick: those that it names.

A sample with a header is found by its stamp. A Twist has none: ~/tick names the moment it was
sent, and recorders note when they received it. So a named Twist is the first one received at or
after that moment, or the next ones where a recorder was late and several moments fall on one:

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
import numpy as np
import numpy.typing as npt

from .recording import Recording
from .streams import StampArray, Stream
from .tick_log import inputs, is_interrupted, TickLog
from .ticks import newest_rows, NONE, sample_stamps, Stamps, Ticks

MISSING = -2
"""Row of a sample that a tick names and the recording lacks."""
_LONGEST_WAY_NS = 1_000_000_000
"""A Twist received so long after a tick that used it is another one."""
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
    command_topic = recording.command
    is_twist = command_topic is not None and command_topic.stamp_ns is None
    rows = {
        'joint_states': _rows(recording.joints.stamp_ns, log.joint_states_ns),
        'imu': _stream_rows(recording.imu, log.imu_ns),
        'odom': _stream_rows(recording.odometry, log.odom_ns),
        'cmd_vel': _twist_rows(command_topic.receive_ns, log)
        if command_topic is not None and is_twist
        else _stream_rows(command_topic, log.cmd_vel_ns),
    }
    stamps: dict[str, StampArray] = {}
    for name, samples in zip(rows, inputs(log), strict=True):
        counts_from_tick = uses_arrival or (name == 'cmd_vel' and is_twist)
        stamps[name] = _arrivals(log, samples, period_ns) if counts_from_tick else samples
    for name, stream in (
        ('imu', recording.imu),
        ('odom', recording.odometry),
        ('cmd_vel', recording.command),
    ):
        if stream is not None and not np.any(rows[name] != NONE):
            rows[name] = newest_rows(stream, log.stamp_ns, log.receive_ns)
            stamps[name] = sample_stamps(stream, rows[name], log.stamp_ns, log.receive_ns)
    lacks = {
        name: found == MISSING
        for name, found in rows.items()
        if name not in but and np.any(found == MISSING)
    }
    known = {name: np.where(found == MISSING, NONE, found) for name, found in rows.items()}
    return ExactTicks(
        Ticks(
            stamp_ns=log.stamp_ns,
            joints=known['joint_states'],
            imu=known['imu'],
            odometry=known['odom'],
            command=known['cmd_vel'],
            stamps=Stamps(*stamps.values()),
        ),
        lacks,
    )


def _stream_rows(stream: Stream | None, samples: StampArray) -> IndexArray:
    """Return the rows with these header stamps."""
    if stream is None or stream.stamp_ns is None:
        return np.where(samples < 0, NONE, MISSING)
    return _rows(stream.stamp_ns, samples)


def _rows(stamp_ns: StampArray, samples: StampArray) -> IndexArray:
    """Return the row with each stamp, of several the last received."""
    order = np.argsort(stamp_ns, kind='stable')
    places = np.searchsorted(stamp_ns[order], samples, side='right') - 1
    rows = order[np.maximum(places, 0)]
    is_there = (places >= 0) & (stamp_ns[rows] == samples)
    return np.where(samples < 0, NONE, np.where(is_there, rows, MISSING))


def _twist_rows(receive_ns: StampArray, log: TickLog) -> IndexArray:
    """Return the rows of messages that were sent at the moments that ticks name."""
    is_named = log.cmd_vel_ns >= 0
    rows = np.full(len(is_named), NONE, np.intp)
    sent, first, back = np.unique(log.cmd_vel_ns[is_named], return_index=True, return_inverse=True)
    order = np.argsort(receive_ns, kind='stable')
    received = receive_ns[order]
    places = _in_turn(np.searchsorted(received, sent, side='left'), len(received))
    used_ns = log.receive_ns[is_named][first]
    places[received[places] > used_ns + _LONGEST_WAY_NS] = -1
    rows[is_named] = np.where(places < 0, MISSING, order[places])[back]
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
