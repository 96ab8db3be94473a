# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Topics of a recording as numpy arrays, one row per message, in order of receipt."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from distill_runtime.core.arrays import FloatArray
from distill_runtime.data.bags.bag import Bag, Topic
from distill_runtime.data.bags.chunk import StampArray
from distill_runtime.data.bags.dropped import Dropped, NOT_FINITE, OTHER_WIDTH, UNDECODABLE
from distill_runtime.data.bags.topic_reader import Choose, Select, TopicReader
from distill_runtime.wire.layouts import FIXED, has_header
from distill_runtime.wire.rows import Columns
import numpy as np

from .row_store import RowStore


@dataclass(frozen=True, kw_only=True, eq=False)
class Series:
    """One row per usable message of a topic, in order of receipt."""

    topic: Topic
    receive_ns: StampArray
    """When the recorder received each message, in [ns] of its clock, shape (N,)."""
    dropped: Dropped = field(default_factory=dict)
    """Dropped messages."""

    @property
    def num_skipped(self) -> int:
        """How many messages were dropped."""
        return sum(map(len, self.dropped.values()))


@dataclass(frozen=True, kw_only=True, eq=False)
class Stream(Series):
    """Numbers of one topic."""

    stamp_ns: StampArray | None
    """From the header, in [ns], shape (N,); None: the messages have no header."""
    values: FloatArray
    """Shape (N, width)."""
    num_usable: int = 0
    """Usable messages, whether or not they are rows."""


@dataclass(frozen=True, kw_only=True, eq=False)
class VectorSeries(Series):
    """Vectors of one width, in order of receipt."""

    values: RowStore
    """Shape (N, width); a message that cannot be decoded is a row of NaN."""


def read_imu(bag: Bag, topic: Topic, choose: Choose | None = None) -> Stream:
    """Read orientations (w, x, y, z), then angular velocities in [rad]/[s]: width 7.

    The orientation of a driver that has none (covariance[0] is -1) is NaN.
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
    reader = TopicReader(bag, topic, _of_width(width), choose)
    values = [rows.gather(width) for rows in reader]
    return Stream(
        topic=topic,
        stamp_ns=reader.stamp_ns if has_header(topic.type) else None,
        receive_ns=reader.receive_ns,
        values=np.concatenate(values) if values else np.zeros((0, width)),
        dropped=reader.dropped,
        num_usable=reader.num_usable,
    )


def read_vectors(bag: Bag, name: str, width: int) -> VectorSeries | None:
    """Read the Float32MultiArrays of a topic; None: it has none of this width."""
    kind = 'std_msgs/msg/Float32MultiArray'
    topic = next((topic for topic in bag.topics if (topic.name, topic.type) == (name, kind)), None)
    if topic is None:
        return None
    reader = TopicReader(bag, topic, _of_width(width), nan_width=width)
    values = RowStore(width)
    for rows in reader:
        values.append(rows.gather(width, dtype=np.float32))
    dropped = reader.dropped
    if reader.num_usable == len(dropped.get(UNDECODABLE, ())):
        return None
    return VectorSeries(topic=topic, receive_ns=reader.receive_ns, values=values, dropped=dropped)


def _of_width(width: int) -> Select:
    """Return what selects messages of some numbers."""

    def select(group: Columns) -> Columns | str:
        return group if group.counts == (width,) else OTHER_WIDTH

    return select
