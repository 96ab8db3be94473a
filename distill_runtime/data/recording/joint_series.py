# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Joint states, or commands to joints, of a recording as numpy arrays, by name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from distill_runtime.core.arrays import FloatArray
from distill_runtime.data.bags.bag import Bag, Topic
from distill_runtime.data.bags.chunk import Chunk, StampArray
from distill_runtime.data.bags.chunk_rows import Choose, ChunkRows
from distill_runtime.data.bags.columns import joint_parts, Part
from distill_runtime.data.bags.dropped import (
    count,
    DroppedCounter,
    LACKS_JOINTS,
    LeftOut,
    OTHER_JOINTS,
    UNDECODABLE,
)
from distill_runtime.errors import RecordingError
import numpy as np

KINDS = ('position', 'velocity', 'effort')


@dataclass(frozen=True, kw_only=True, eq=False)
class JointStream:
    """Numbers of joints, one row per message, in order of receipt."""

    topic: Topic
    joints: tuple[str, ...]
    stamp_ns: StampArray
    """From the header, in [ns], shape (N,); of messages without one: receive_ns."""
    receive_ns: StampArray
    """When the recorder got it, in [ns] of its own clock, shape (N,)."""
    position: FloatArray
    """In [rad], shape (N, num_joints)."""
    velocity: FloatArray | None
    """In [rad]/[s], alike; None: not every message has it."""
    effort: FloatArray | None
    """In [N m], alike."""
    left_out: LeftOut = field(default_factory=dict)
    """Messages that could not be used."""
    before: tuple[StampArray, StampArray] | None = None
    """stamp_ns and receive_ns of the usable message in front of each, 0 for none, where not all of
    those are rows; None: they are.
    """

    @property
    def num_skipped(self) -> int:
        """How many messages could not be used."""
        return count(self.left_out)

    @property
    def previous(self) -> tuple[StampArray, StampArray]:
        """stamp_ns and receive_ns of the usable message in front of each, 0 for none."""
        return self.before or (_shifted(self.stamp_ns, 0), _shifted(self.receive_ns, 0))


def read_joints(
    bag: Bag,
    topic: Topic,
    joints: tuple[str, ...] | None = None,
    choose: Choose | None = None,
    kinds: Sequence[str] = KINDS,
) -> JointStream:
    """Read joints by name, whatever their order in each message.

    Args:
        bag: The recording.
        topic: Of JointState, JointTrajectory (its first point) or Float64MultiArray.
        joints: Wanted names, in the wanted order; None: those of the message with the most. A
            Float64MultiArray has no names: it must have this many numbers, in this order.
        choose: Says which rows are wanted; None: all.
        kinds: Of KINDS; the others are None.

    Raises:
        RecordingError: If no message has all of the joints.
    """
    wanted = _longest_names(bag, topic) if joints is None else joints
    read = _Reader(wanted, kinds)
    for chunk in bag.chunks(topic):
        alike, undecodable = joint_parts(bag, topic, chunk)
        read.leaving_out.add(UNDECODABLE, chunk.receive_ns[undecodable])
        if topic.type.endswith('MultiArray'):
            alike = [part._replace(names=wanted) for part in alike]
        usable = read.usable(chunk, alike)
        read.add(ChunkRows(chunk, usable, choose), usable)
    if not read.num_usable or not wanted:
        longest = _longest_names(bag, topic)
        missing = [name for name in wanted if name not in longest]
        raise RecordingError(
            f'{bag.path}: {topic.name} has no message with joints {missing or list(wanted)} and '
            f'their positions, its names are {list(longest)}'
            + ''.join(f'; {what}' for what in bag.damage)
        )
    return read.stream(topic)


class _Reader:
    """Collects rows chunk by chunk."""

    def __init__(self, wanted: tuple[str, ...], kinds: Sequence[str]) -> None:
        self.leaving_out = DroppedCounter()
        self.num_usable = 0
        self._wanted = wanted
        self._times: list[tuple[StampArray, StampArray]] = []
        self._before: list[tuple[StampArray, StampArray]] = []
        self._last = (0, 0)
        self._numbers: dict[str, list[FloatArray] | None] = {kind: [] for kind in kinds}

    def usable(self, chunk: Chunk, alike: Sequence[Part]) -> list[Part]:
        """Return the parts with all that is wanted; the others are left out."""
        wanted = set(self._wanted)
        usable = []
        for part in alike:
            if wanted <= set(part.names) and part.counts[0] == len(part.names):
                # numbers that are not one for each name are none
                each = len(part.names)
                counts = tuple(count if count == each else 0 for count in part.counts)
                usable.append(part._replace(counts=counts))
            else:
                why = LACKS_JOINTS if wanted & set(part.names) else OTHER_JOINTS
                self.leaving_out.add(why, chunk.receive_ns[part.places])
        return usable

    def add(self, rows: ChunkRows, usable: Sequence[Part]) -> None:
        """Add the rows of a chunk that are wanted."""
        self.num_usable += len(rows.stamp_ns)
        if not len(rows.stamp_ns):
            return
        times = rows.stamp_ns, rows.receive_ns
        is_wanted = rows.is_wanted
        self._before.append(
            (
                _shifted(times[0], self._last[0])[is_wanted],
                _shifted(times[1], self._last[1])[is_wanted],
            )
        )
        self._last = int(times[0][-1]), int(times[1][-1])
        self._times.append((times[0][is_wanted], times[1][is_wanted]))
        orders = [self._order(part) for part in usable]
        for kind, found in self._numbers.items():
            if found is not None:
                place = KINDS.index(kind)
                values = rows.numbers(place, orders, len(self._wanted))
                self._numbers[kind] = None if values is None else [*found, values]

    def stream(self, topic: Topic) -> JointStream:
        """Return what was collected."""
        stamp_ns, receive_ns = map(np.concatenate, zip(*self._times, strict=True))
        is_whole = len(stamp_ns) == self.num_usable
        before_ns, before_receive_ns = map(np.concatenate, zip(*self._before, strict=True))
        position, velocity, effort = (
            np.concatenate(found) if (found := self._numbers.get(kind)) else None for kind in KINDS
        )
        assert position is not None, 'usable messages have positions'
        return JointStream(
            topic=topic,
            joints=self._wanted,
            stamp_ns=stamp_ns,
            receive_ns=receive_ns,
            left_out=self.leaving_out.found(),
            before=None if is_whole else (before_ns, before_receive_ns),
            position=position,
            velocity=velocity,
            effort=effort,
        )

    def _order(self, part: Part) -> slice | list[int]:
        """Return which of the numbers of a part are wanted, in the wanted order."""
        if part.names == self._wanted:
            return slice(None)
        return [part.names.index(name) for name in self._wanted]


def _longest_names(bag: Bag, topic: Topic) -> tuple[str, ...]:
    """Return the names of the message with the most."""
    names = (
        part.names for chunk in bag.chunks(topic) for part in joint_parts(bag, topic, chunk).alike
    )
    return max(names, key=len, default=())


def _shifted(values: StampArray, first: int) -> StampArray:
    """Return the value in front of each."""
    return np.concatenate(([first], values[:-1])) if len(values) else values
