# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""One topic of a recording, whatever its type: when its messages came, and which can be read.

Every message is decoded: those that a policy can use by the thousand, all others one by one. Of a
message nothing but its times is kept.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from distill_runtime.core.arrays import IndexArray
from distill_runtime.data.bags.bag import Bag, Topic
from distill_runtime.data.bags.chunk import Chunk, StampArray
from distill_runtime.data.bags.columns import array_parts, fixed_parts, joint_parts
from distill_runtime.errors import RecordingError
import numpy as np

from .rate_stats import rate_stats, RateStats

OTHER_CLOCK = 3600.0
"""Stamps further than this from the time of receipt, in [s], are of another clock."""
_READERS = {
    'sensor_msgs/msg/JointState': joint_parts,
    'trajectory_msgs/msg/JointTrajectory': joint_parts,
    'std_msgs/msg/Float32MultiArray': array_parts,
    'std_msgs/msg/Float64MultiArray': array_parts,
    'std_msgs/msg/Int64MultiArray': array_parts,
    'sensor_msgs/msg/Imu': fixed_parts,
    'nav_msgs/msg/Odometry': fixed_parts,
    'geometry_msgs/msg/Twist': fixed_parts,
    'geometry_msgs/msg/TwistStamped': fixed_parts,
    'geometry_msgs/msg/PoseStamped': fixed_parts,
}
_NONE = np.iinfo(np.int64).min
_NAMED = ('sensor_msgs/msg/JointState', 'trajectory_msgs/msg/JointTrajectory')


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
    """What is known of a topic."""

    topic: Topic
    receive_ns: StampArray
    """Of all messages that were found, in [ns], shape (N,)."""
    stamp_ns: StampArray | None
    """Of those with a header that can be read, in order of receipt; None: they have none."""
    received: RateStats | None
    """None: too few messages."""
    stamped: RateStats | None
    """LayoutGroup, by the stamps."""
    latency: Latency | None
    undecodable_ns: StampArray
    """When the messages came that cannot be decoded."""
    is_known_type: bool
    """Whether the recording, or we, know what the type is made of."""
    joints: tuple[tuple[str, ...], ...]
    """Lists of joint names, the most frequent first."""
    damage: str
    """Why not all messages could be read; '' if they could."""


def read_topic(bag: Bag, topic: Topic) -> TopicStats:
    """Read all messages of a topic, or those in front of where the file is damaged."""
    reader = _Reader(bag, topic)
    received, stamped, arrived, undecodable = [], [], [], []
    damage = ''
    try:
        for chunk in bag.chunks(topic):
            stamp_ns, failed = reader.read(chunk)
            received.append(chunk.receive_ns)
            stamped.append(stamp_ns[stamp_ns != _NONE])
            arrived.append(chunk.receive_ns[stamp_ns != _NONE])
            undecodable.append(chunk.receive_ns[failed])
    except RecordingError as error:
        damage = str(error)
    receive_ns, stamp_ns = _joined(received), _joined(stamped)
    return TopicStats(
        topic=topic,
        receive_ns=receive_ns,
        stamp_ns=stamp_ns if len(stamp_ns) else None,
        received=rate_stats(receive_ns),
        stamped=rate_stats(stamp_ns),
        latency=_latency(_joined(arrived) - stamp_ns),
        undecodable_ns=_joined(undecodable),
        is_known_type=reader.is_known_type,
        joints=tuple(names for names, _ in reader.joints.most_common()),
        damage=damage,
    )


class _Reader:
    """Decodes the messages of a topic."""

    def __init__(self, bag: Bag, topic: Topic) -> None:
        """Begin with no message."""
        self._bag, self._topic = bag, topic
        self._parts_of = _READERS.get(topic.type)
        self.is_known_type = True
        self.joints: Counter[tuple[str, ...]] = Counter()

    def read(self, chunk: Chunk) -> tuple[StampArray, IndexArray]:
        """Return the stamp of each message, _NONE without one, and which cannot be decoded."""
        stamp_ns = np.full(len(chunk.sizes), _NONE)
        if self._parts_of is None:
            return stamp_ns, self._one_by_one(chunk, stamp_ns)
        found = self._parts_of(self._bag, self._topic, chunk)
        for part in found.alike:
            if part.stamp_ns is not None:
                stamp_ns[part.places] = part.stamp_ns
            if self._topic.type in _NAMED:
                self.joints[part.names] += len(part.places)
        return stamp_ns, found.undecodable

    def _one_by_one(self, chunk: Chunk, stamp_ns: StampArray) -> IndexArray:
        """Fill in stamps; return which messages cannot be decoded."""
        failed = []
        for place in range(len(chunk.sizes) if self.is_known_type else 0):
            try:
                message = self._bag.deserialize(chunk.content(place), self._topic)
            except KeyError:
                self.is_known_type = False
                break
            except Exception:  # noqa: BLE001  rosbags raises many types, IndexError among them
                failed.append(place)
                continue
            stamp = getattr(getattr(message, 'header', None), 'stamp', None)
            if stamp is not None:
                stamp_ns[place] = int(stamp.sec) * 1_000_000_000 + int(stamp.nanosec)
        return np.array(failed, np.intp)


def _latency(latency_ns: StampArray) -> Latency | None:
    if not len(latency_ns):
        return None
    median, p99 = np.percentile(latency_ns, (50.0, 99.0)) * 1e-9
    return Latency(median=float(median), p99=float(p99), least=float(latency_ns.min()) * 1e-9)


def _joined(times: Sequence[StampArray]) -> StampArray:
    return np.concatenate(times) if times else np.zeros(0, np.int64)
