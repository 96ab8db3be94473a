# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Read a topic chunk by chunk: the usable messages as rows, the numbers of those wanted.

Every series of a recording is read here. A chunk is decoded into columns of numbers by layout
group, the rest of it message by message. One chunk is held at a time, and the numbers of rows that
are not wanted are not read: a recording may be longer than memory. Quaternions are (w, x, y, z)
from here on, but for poses.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import fields
from typing import Any

from distill_runtime.core.arrays import BoolArray, IndexArray, StampArray
from distill_runtime.wire.layouts import ARRAYS, FIXED, JOINT_KINDS, JOINT_STATE, JOINT_TRAJECTORY
from distill_runtime.wire.rows import Columns, read_rows
import numpy as np
import numpy.typing as npt

from .bag import Bag, Topic
from .chunk import Chunk
from .dropped import Dropped, UNDECODABLE

Choose = Callable[[StampArray, StampArray], BoolArray]
"""Returns which messages are wanted, by stamp_ns and receive_ns; called chunk by chunk."""
Select = Callable[[Columns], Columns | str]
"""Returns the usable columns of a layout group, or why its messages are dropped."""


def _numbers(group: Columns, chosen: BoolArray) -> npt.NDArray[Any]:
    return group.numbers(0, chosen)


class ChunkRows:
    """The usable messages of one chunk, in order of receipt.

    Attributes:
        chunk: All messages.
        groups: Columns of the usable ones.
        stamp_ns: Of every usable message, shape (n,); of one without a header: receive_ns.
        receive_ns: Of every usable message, shape (n,).
        is_wanted: Which of them are wanted, shape (n,).
    """

    def __init__(self, chunk: Chunk, groups: Sequence[Columns], choose: Choose | None) -> None:
        self.chunk, self.groups = chunk, groups
        stamp_ns = chunk.receive_ns.copy()
        is_usable = np.zeros(len(stamp_ns), np.bool_)
        for group in groups:
            is_usable[group.index] = True
            if group.stamp_ns is not None:
                stamp_ns[group.index] = group.stamp_ns
        usable = np.flatnonzero(is_usable)
        self.stamp_ns, self.receive_ns = stamp_ns[usable], chunk.receive_ns[usable]
        self.is_wanted = np.ones(len(usable), np.bool_)
        if choose is not None:
            self.is_wanted = choose(self.stamp_ns, self.receive_ns)
        is_wanted = np.zeros(len(stamp_ns), np.bool_)
        is_wanted[usable[self.is_wanted]] = True
        self._chosen = [is_wanted[group.index] for group in groups]
        self._row = np.cumsum(is_wanted) - 1

    def lacks(self, kind: int) -> bool:
        """Return whether a wanted message has no numbers of a kind."""
        return any(
            chosen.any() and not group.counts[kind]
            for group, chosen in zip(self.groups, self._chosen, strict=True)
        )

    def gather(
        self,
        width: int,
        read: Callable[[Columns, BoolArray], npt.NDArray[Any]] = _numbers,
        dtype: npt.DTypeLike = np.float64,
    ) -> npt.NDArray[Any]:
        """Return width numbers of each wanted message, shape (n, width).

        Those of the chosen messages of a group are what read returns, by default all of the first
        kind.
        """
        found = np.zeros((int(np.count_nonzero(self.is_wanted)), width), dtype)
        for group, chosen in zip(self.groups, self._chosen, strict=True):
            if chosen.any():
                found[self._row[group.index[chosen]]] = read(group, chosen)
        return found


class TopicReader:
    """One pass over a topic: iterate over its chunks, then read the times and what was dropped.

    By default every message is usable, and every usable one is wanted. With a nan_width an
    undecodable message is a row of this many NaN, too.

    Attributes:
        num_usable: Usable messages so far.
    """

    def __init__(
        self,
        bag: Bag,
        topic: Topic,
        select: Select = lambda group: group,
        choose: Choose | None = None,
        nan_width: int = 0,
    ) -> None:
        self._bag, self._topic = bag, topic
        self._select, self._choose, self._nan_width = select, choose, nan_width
        self._stamp_ns: list[StampArray] = []
        self._receive_ns: list[StampArray] = []
        self._dropped: dict[str, list[StampArray]] = {}
        self.num_usable = 0

    def __iter__(self) -> Iterator[ChunkRows]:
        """Yield the usable messages, chunk by chunk.

        Raises:
            RecordingError: If the file is damaged there.
        """
        for chunk in self._bag.chunks(self._topic):
            rows = ChunkRows(chunk, list(self._usable(chunk)), self._choose)
            self._stamp_ns.append(rows.stamp_ns[rows.is_wanted])
            self._receive_ns.append(rows.receive_ns[rows.is_wanted])
            self.num_usable += len(rows.stamp_ns)
            yield rows

    @property
    def stamp_ns(self) -> StampArray:
        """Of the wanted messages so far, see ChunkRows; shape (N,)."""
        return concatenate_times(self._stamp_ns)

    @property
    def receive_ns(self) -> StampArray:
        """Of the wanted messages so far, shape (N,)."""
        return concatenate_times(self._receive_ns)

    @property
    def dropped(self) -> Dropped:
        """Messages so far that cannot be used, in order of receipt."""
        return {reason: np.sort(np.concatenate(times)) for reason, times in self._dropped.items()}

    def _usable(self, chunk: Chunk) -> Iterator[Columns]:
        """Yield the columns of the usable messages."""
        groups, undecodable = _read_columns(self._bag, self._topic, chunk)
        self._drop(UNDECODABLE, chunk.receive_ns[undecodable])
        for group in groups:
            selected = self._select(group)
            if isinstance(selected, str):
                self._drop(selected, chunk.receive_ns[group.index])
            else:
                yield selected
        width = self._nan_width
        if width and len(undecodable):
            nan = np.full((len(undecodable), width), np.nan)
            yield Columns(undecodable, None, (), (width,), lambda kind, chosen: nan[chosen])

    def _drop(self, reason: str, receive_ns: StampArray) -> None:
        if len(receive_ns):
            self._dropped.setdefault(reason, []).append(receive_ns)


def concatenate_times(times: Sequence[StampArray]) -> StampArray:
    """Return times chunk after chunk; none of no chunks."""
    return np.concatenate(times) if times else np.zeros(0, np.int64)


def _read_columns(bag: Bag, topic: Topic, chunk: Chunk) -> tuple[list[Columns], IndexArray]:
    """Return the columns of each layout group, and the index of the undecodable messages.

    A JointTrajectory has the positions and velocities of its first point. Of a type without a
    layout only the stamps are read.
    """
    groups = list(read_rows(chunk, topic.type)) if bag.is_cdr else []
    is_left = np.ones(len(chunk.sizes), np.bool_)
    for group in groups:
        is_left[group.index] = False
    undecodable = []
    for index in np.flatnonzero(is_left).tolist():
        try:
            message = bag.deserialize(chunk.content(index), topic)
        except Exception:  # noqa: BLE001  rosbags raises many types, IndexError among them
            undecodable.append(index)
        else:
            groups.append(_columns_of(message, topic.type, index))
    return groups, np.array(undecodable, np.intp)


def _columns_of(message: Any, message_type: str, index: int) -> Columns:  # noqa: ANN401
    """Return the columns of one message object."""
    names, kinds = _read_message(message, message_type)
    arrays = [np.asarray(values)[None] for values in kinds]
    stamp = getattr(getattr(message, 'header', None), 'stamp', None)
    return Columns(
        np.array([index]),
        None if stamp is None else np.array([stamp.sec * 1_000_000_000 + stamp.nanosec], np.int64),
        tuple(names),
        tuple(array.shape[1] for array in arrays),
        lambda kind=0, chosen=slice(None): arrays[kind][chosen],
    )


def _read_message(
    message: Any,  # noqa: ANN401 - a class that rosbags makes at run time
    message_type: str,
) -> tuple[Iterable[str], Sequence[npt.ArrayLike]]:
    """Return the names and each kind of numbers of a message object."""
    if message_type in FIXED:
        numbers = list(_float64s(message))
        return (), ([numbers[column] for column in FIXED[message_type].columns],)
    if message_type in ARRAYS:
        return [dimension.label for dimension in message.layout.dim], (message.data,)
    if message_type == JOINT_STATE:
        return message.name, [getattr(message, kind) for kind in JOINT_KINDS]
    if message_type == JOINT_TRAJECTORY:
        nothing = np.zeros(0)
        point = message.points[0] if message.points else None
        kinds = (nothing, nothing) if point is None else (point.positions, point.velocities)
        return message.joint_names, (*kinds, nothing)
    return (), ()


def _float64s(message: Any) -> Iterator[float]:  # noqa: ANN401
    """Yield the float64 values of a message object in the order of its definition."""
    for field in fields(message):
        value = getattr(message, field.name)
        if isinstance(value, float):
            yield value
        elif isinstance(value, np.ndarray):
            yield from value.tolist()
        elif field.name != 'header' and not isinstance(value, str):
            yield from _float64s(value)
