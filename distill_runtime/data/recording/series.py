# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Topics of a recording as numpy arrays, one row per message, in order of receipt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from distill_runtime.core.arrays import FloatArray
from distill_runtime.data.bags.bag import Bag, Topic
from distill_runtime.data.bags.chunk import StampArray
from distill_runtime.data.bags.chunk_rows import Choose, read_chunks
from distill_runtime.data.bags.dropped import (
    count,
    Dropped,
    DroppedCounter,
    NOT_FINITE,
    OTHER_WIDTH,
)
from distill_runtime.wire.layouts import FIXED, has_header
from distill_runtime.wire.rows import Columns
import numpy as np


@dataclass(frozen=True, kw_only=True, eq=False)
class Series:
    """One row per usable message of a topic, in order of receipt."""

    receive_ns: StampArray
    """When the recorder received each message, in [ns] of its clock, shape (N,)."""
    dropped: Dropped = field(default_factory=dict)
    """Dropped messages."""

    @property
    def num_skipped(self) -> int:
        """How many messages were dropped."""
        return count(self.dropped)


@dataclass(frozen=True, kw_only=True, eq=False)
class Stream(Series):
    """Numbers of one topic."""

    topic: Topic
    stamp_ns: StampArray | None
    """From the header, in [ns], shape (N,); None: the messages have no header."""
    values: FloatArray
    """Shape (N, width)."""
    num_usable: int = 0
    """Usable messages, whether or not they are rows."""


def read_imu(bag: Bag, topic: Topic, choose: Choose | None = None) -> Stream:
    """Read orientations (w, x, y, z), then angular velocities in [rad]/[s]: width 7.

    The orientation of a driver that has none (covariance[0] is -1) is NaN.

    Args:
        bag: The recording.
        topic: The topic.
        choose: Returns which rows are wanted; None: all.
    """
    stream = read_stream(bag, topic, choose=choose)
    values = np.delete(stream.values, 4, axis=1)
    values[stream.values[:, 4] == -1.0, :4] = np.nan
    return replace(stream, values=values)


def read_velocity_command(bag: Bag, topic: Topic) -> Stream:
    """Read (vx, vy) in [m]/[s] and yaw rates in [rad]/[s] of Twist or TwistStamped: width 3.

    A command that is not finite is dropped, as the node does.
    """
    stream = read_stream(bag, topic)
    is_finite = np.isfinite(stream.values).all(axis=1)
    if is_finite.all():
        return stream
    return Stream(
        topic=topic,
        stamp_ns=None if stream.stamp_ns is None else stream.stamp_ns[is_finite],
        receive_ns=stream.receive_ns[is_finite],
        values=stream.values[is_finite],
        dropped={**stream.dropped, NOT_FINITE: stream.receive_ns[~is_finite]},
        num_usable=int(np.count_nonzero(is_finite)),
    )


def read_stream(
    bag: Bag, topic: Topic, width: int | None = None, choose: Choose | None = None
) -> Stream:
    """Read a topic of a fixed layout, or a MultiArray.

    The columns are those of ``wire.layouts``: of an Odometry linear velocities in the child frame
    in [m]/[s], then orientations (w, x, y, z); of a PoseStamped position x, y, z in [m], then the
    orientation as the message has it, x, y, z, w.

    Args:
        bag: The recording.
        topic: The topic.
        width: Numbers of a message; a message with another number of them is dropped. None: as in
            the layout.
        choose: Returns which rows are wanted; None: all.
    """
    width = len(FIXED[topic.type].columns) if width is None else width

    def select(group: Columns) -> Columns | str:
        return group if group.counts == (width,) else OTHER_WIDTH

    received, stamps, values = [], [], []
    dropped = DroppedCounter()
    num_usable = 0
    for rows in read_chunks(bag, topic, dropped, select, choose):
        num_usable += len(rows.stamp_ns)
        received.append(rows.receive_ns[rows.is_wanted])
        stamps.append(rows.stamp_ns[rows.is_wanted])
        values.append(rows.gather(width))
    return Stream(
        topic=topic,
        stamp_ns=concatenate_times(stamps) if has_header(topic.type) else None,
        receive_ns=concatenate_times(received),
        values=np.concatenate(values) if values else np.zeros((0, width)),
        dropped=dropped.found(),
        num_usable=num_usable,
    )


def concatenate_times(times: Sequence[StampArray]) -> StampArray:
    """Return times chunk after chunk; none of no chunks."""
    return np.concatenate(times) if times else np.zeros(0, np.int64)
