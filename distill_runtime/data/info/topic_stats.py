# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Statistics of one topic of a recording, whatever its type: times, and which messages decode.

Every message is decoded: of types with a layout thousands at once, of others one by one. Only its
times are kept.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from distill_runtime.core.arrays import StampArray
from distill_runtime.data.bags.bag import Bag, Topic
from distill_runtime.data.bags.dropped import UNDECODABLE
from distill_runtime.data.bags.topic_reader import ChunkRows, concatenate_times, TopicReader
from distill_runtime.errors import RecordingError
from distill_runtime.wire.layouts import JOINT_STATE, JOINT_TRAJECTORY, TYPES
from distill_runtime.wire.rows import Columns
import numpy as np

OTHER_CLOCK = 3600.0
"""Stamps further than this from the time of receipt, in [s], are of another clock."""
_NAMED = (JOINT_STATE, JOINT_TRAJECTORY)


LONG_GAP = 0.1
"""Default of max_input_age of student_node, in [s]."""


@dataclass(frozen=True, kw_only=True)
class RateStats:
    """Statistics of a series of times; in [s], times of the series in [ns] of its clock."""

    rate: float
    """Mean, in [Hz]; 0 if no time passes."""
    period: float
    """Median interval."""
    jitter: float
    """99th percentile of the distance of an interval from the median."""
    longest_gap: float
    longest_gap_at_ns: int
    """Begin of the gap."""
    num_gaps: int
    """Intervals above LONG_GAP."""
    num_back: int
    """Number of jumps back."""
    first_back_ns: int | None
    """First time that is before its predecessor; None: there is none."""


def rate_stats(times_ns: StampArray) -> RateStats | None:
    """Compute the statistics of a series of times; None for less than two.

    Args:
        times_ns: In order of arrival, in [ns], shape (N,).
    """
    if len(times_ns) < 2:
        return None
    steps_ns = np.diff(times_ns)
    forward_ns = np.maximum(steps_ns, 0)
    longest = int(forward_ns.argmax())
    back = np.flatnonzero(steps_ns < 0)
    median_ns = float(np.median(steps_ns))
    passed_ns = float(forward_ns.sum())
    return RateStats(
        rate=len(steps_ns) / (passed_ns * 1e-9) if passed_ns else 0.0,
        period=median_ns * 1e-9,
        jitter=float(np.percentile(np.abs(steps_ns - median_ns), 99.0)) * 1e-9,
        longest_gap=float(forward_ns[longest]) * 1e-9,
        longest_gap_at_ns=int(times_ns[longest]),
        num_gaps=int(np.count_nonzero(forward_ns > LONG_GAP * 1e9)),
        num_back=len(back),
        first_back_ns=int(times_ns[back[0] + 1]) if len(back) else None,
    )


@dataclass(frozen=True, kw_only=True)
class Latency:
    """Time from the stamp of a message to its receipt, in [s]."""

    median: float
    p99: float
    least: float

    @property
    def is_known(self) -> bool:
        """Whether both are times of one clock."""
        return abs(self.median) < OTHER_CLOCK


@dataclass(frozen=True, kw_only=True, eq=False)
class TopicStats:
    """Statistics of a topic."""

    topic: Topic
    receive_ns: StampArray
    """Of all messages that were found, in [ns], shape (N,)."""
    stamp_ns: StampArray | None
    """Of those with a header that can be read, in order of receipt; None: they have none."""
    received: RateStats | None
    """None: too few messages."""
    stamped: RateStats | None
    """By the stamps; None: too few messages."""
    latency: Latency | None
    undecodable_ns: StampArray
    """When the messages that cannot be decoded were received."""
    is_known_type: bool
    """Whether the definition of the type is in the recording or known here."""
    joints: tuple[tuple[str, ...], ...]
    """Lists of joint names, the most frequent first."""
    damage: str
    """Why not all messages could be read; '' if they could."""


def read_topic(bag: Bag, topic: Topic) -> TopicStats:
    """Read all messages of a topic, or those before the file is damaged."""
    is_known_type = topic.type in TYPES or bag.has_definition(topic)
    joints: Counter[tuple[str, ...]] = Counter()

    def select(group: Columns) -> Columns:
        if topic.type in _NAMED:
            joints[group.names] += len(group.index)
        return group

    reader = TopicReader(bag, topic, select)
    received, has_stamps, damage = [], False, ''
    raw = (ChunkRows(chunk, (), None) for chunk in bag.chunks(topic))
    try:
        for rows in reader if is_known_type else raw:
            received.append(rows.chunk.receive_ns)
            has_stamps = has_stamps or any(group.stamp_ns is not None for group in rows.groups)
    except RecordingError as error:
        damage = str(error)
    receive_ns = concatenate_times(received)
    stamp_ns, arrived_ns = reader.stamp_ns, reader.receive_ns
    if not has_stamps:
        stamp_ns = arrived_ns = np.zeros(0, np.int64)
    return TopicStats(
        topic=topic,
        receive_ns=receive_ns,
        stamp_ns=stamp_ns if len(stamp_ns) else None,
        received=rate_stats(receive_ns),
        stamped=rate_stats(stamp_ns),
        latency=_latency(arrived_ns - stamp_ns),
        undecodable_ns=reader.dropped.get(UNDECODABLE, np.zeros(0, np.int64)),
        is_known_type=is_known_type,
        joints=tuple(names for names, _ in joints.most_common()),
        damage=damage,
    )


def _latency(latency_ns: StampArray) -> Latency | None:
    if not len(latency_ns):
        return None
    median, p99 = np.percentile(latency_ns, (50.0, 99.0)) * 1e-9
    return Latency(median=float(median), p99=float(p99), least=float(latency_ns.min()) * 1e-9)
