# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Topics of a recording as numpy arrays, one row per message, in order of receipt.

A message that cannot be used is left out, and told of. Where only some rows are wanted, the
numbers of the others are not read: a recording may be longer than memory.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from distill_runtime.core.arrays import FloatArray
from distill_runtime.data.bags.bag import Bag, Topic
from distill_runtime.data.bags.chunk import Chunk, StampArray
from distill_runtime.data.bags.chunk_rows import Choose, ChunkRows
from distill_runtime.data.bags.columns import (
    array_parts,
    fixed_parts,
    has_header,
    num_columns,
    Parts,
)
from distill_runtime.data.bags.dropped import (
    count,
    DroppedCounter,
    LeftOut,
    NOT_FINITE,
    OTHER_WIDTH,
    UNDECODABLE,
)
import numpy as np


@dataclass(frozen=True, kw_only=True, eq=False)
class Stream:
    """Numbers of one topic."""

    topic: Topic
    stamp_ns: StampArray | None
    """From the header, in [ns], shape (N,); None: the messages have no header."""
    receive_ns: StampArray
    """When the recorder got it, in [ns] of its own clock, shape (N,)."""
    values: FloatArray
    """Shape (N, width)."""
    left_out: LeftOut = field(default_factory=dict)
    """Messages that could not be used."""
    num_usable: int = 0
    """Messages that could, whether or not they are rows."""

    @property
    def num_skipped(self) -> int:
        """How many messages could not be used."""
        return count(self.left_out)


def read_imu(bag: Bag, topic: Topic, choose: Choose | None = None) -> Stream:
    """Read orientations (w, x, y, z), then angular velocities in [rad]/[s]: width 7.

    The orientation of a driver that has none (covariance[0] is -1) is NaN.

    Args:
        bag: The recording.
        topic: The topic.
        choose: Says which rows are wanted; None: all.
    """
    stream = _read(bag, topic, fixed_parts, num_columns(topic), choose)
    values = np.delete(stream.values, 4, axis=1)
    values[stream.values[:, 4] == -1.0, :4] = np.nan
    return replace(stream, values=values)


def read_odometry(bag: Bag, topic: Topic, choose: Choose | None = None) -> Stream:
    """Read linear velocities in the child frame in [m]/[s], then orientations: width 7.

    Args:
        bag: The recording.
        topic: The topic.
        choose: Says which rows are wanted; None: all.
    """
    return _read(bag, topic, fixed_parts, num_columns(topic), choose)


def read_command(bag: Bag, topic: Topic) -> Stream:
    """Read (vx, vy) in [m]/[s] and yaw rates in [rad]/[s] of Twist or TwistStamped: width 3.

    One that is not finite is left out, as on the robot.
    """
    stream = _read(bag, topic, fixed_parts, num_columns(topic), None)
    is_finite = np.isfinite(stream.values).all(axis=1)
    if is_finite.all():
        return stream
    return Stream(
        topic=topic,
        stamp_ns=None if stream.stamp_ns is None else stream.stamp_ns[is_finite],
        receive_ns=stream.receive_ns[is_finite],
        values=stream.values[is_finite],
        left_out={**stream.left_out, NOT_FINITE: stream.receive_ns[~is_finite]},
        num_usable=int(np.count_nonzero(is_finite)),
    )


def read_external(bag: Bag, topic: Topic, width: int, choose: Choose | None = None) -> Stream:
    """Read an external topic: a Float32MultiArray, or a PoseStamped.

    A pose is position x, y, z in [m], then the orientation as the message has it, x, y, z, w.

    Args:
        bag: The recording.
        topic: The topic.
        width: Numbers of a message; one that has another number of them is left out.
        choose: Says which rows are wanted; None: all.
    """
    is_array = topic.type.endswith('MultiArray')
    return _read(bag, topic, array_parts if is_array else fixed_parts, width, choose)


def _read(
    bag: Bag,
    topic: Topic,
    parts_of: Callable[[Bag, Topic, Chunk], Parts],
    width: int,
    choose: Choose | None,
) -> Stream:
    """Read a topic whose messages all have the same numbers."""
    received, stamps, values = [], [], []
    leaving_out = DroppedCounter()
    num_usable = 0
    for chunk in bag.chunks(topic):
        alike, undecodable = parts_of(bag, topic, chunk)
        leaving_out.add(UNDECODABLE, chunk.receive_ns[undecodable])
        usable = [part for part in alike if part.counts == (width,)]
        for part in alike:
            if part.counts != (width,):
                leaving_out.add(OTHER_WIDTH, chunk.receive_ns[part.places])
        rows = ChunkRows(chunk, usable, choose)
        num_usable += len(rows.stamp_ns)
        received.append(rows.receive_ns[rows.is_wanted])
        stamps.append(rows.stamp_ns[rows.is_wanted])
        numbers = rows.numbers(0, [slice(None)] * len(usable), width)
        assert numbers is not None, 'all parts have this width'
        values.append(numbers)
    return Stream(
        topic=topic,
        stamp_ns=_joined(stamps) if has_header(topic) else None,
        receive_ns=_joined(received),
        values=np.concatenate(values) if values else np.zeros((0, width)),
        left_out=leaving_out.found(),
        num_usable=num_usable,
    )


def _joined(times: Sequence[StampArray]) -> StampArray:
    return np.concatenate(times) if times else np.zeros(0, np.int64)
