# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Read a topic chunk by chunk: the usable messages as rows, the numbers of those wanted.

Every series of a recording is read here. It holds one chunk at a time, and does
not read the numbers of rows that are not wanted: a recording may be longer than memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from distill_runtime.wire.rows import Columns
import numpy as np
import numpy.typing as npt

from .bag import Bag, Topic
from .chunk import BoolArray, Chunk, StampArray
from .columns import read_columns
from .dropped import DroppedCounter, UNDECODABLE

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

    def __init__(
        self, chunk: Chunk, groups: Sequence[Columns], choose: Choose | None = None
    ) -> None:
        """Order the messages.

        Args:
            chunk: The messages.
            groups: Columns of the usable ones.
            choose: Returns which are wanted; None: all.
        """
        self.chunk, self.groups = chunk, groups
        stamp_ns = chunk.receive_ns.copy()
        is_usable = np.zeros(len(stamp_ns), np.bool_)
        for group in groups:
            is_usable[group.index] = True
            if group.stamp_ns is not None:
                stamp_ns[group.index] = group.stamp_ns
        usable = np.flatnonzero(is_usable)
        self.stamp_ns, self.receive_ns = stamp_ns[usable], chunk.receive_ns[usable]
        self.is_wanted = (
            np.ones(len(usable), np.bool_)
            if choose is None
            else choose(self.stamp_ns, self.receive_ns)
        )
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
        """Return numbers of the wanted messages, shape (n, width).

        Args:
            width: Numbers per message.
            read: Returns the numbers of the chosen messages of a group; by default all of the
                first kind.
            dtype: Of the result.
        """
        found = np.zeros((int(np.count_nonzero(self.is_wanted)), width), dtype)
        for group, chosen in zip(self.groups, self._chosen, strict=True):
            if chosen.any():
                found[self._row[group.index[chosen]]] = read(group, chosen)
        return found


def read_chunks(
    bag: Bag,
    topic: Topic,
    dropped: DroppedCounter,
    select: Select = lambda group: group,
    choose: Choose | None = None,
    nan_width: int = 0,
) -> Iterator[ChunkRows]:
    """Yield the usable messages of a topic, chunk by chunk.

    Args:
        bag: The recording.
        topic: The topic.
        dropped: Counts the messages that cannot be used.
        select: Decides which messages can be used.
        choose: Returns which are wanted; None: all.
        nan_width: If positive, an undecodable message is a row of this many NaN, too.

    Raises:
        RecordingError: If the file is damaged there.
    """

    def nan(kind: int, chosen: BoolArray) -> npt.NDArray[Any]:
        return np.full((np.count_nonzero(chosen), nan_width), np.nan)

    for chunk in bag.chunks(topic):
        groups, undecodable = read_columns(bag, topic, chunk)
        dropped.add(UNDECODABLE, chunk.receive_ns[undecodable])
        usable = []
        for group in groups:
            selected = select(group)
            if isinstance(selected, str):
                dropped.add(selected, chunk.receive_ns[group.index])
            else:
                usable.append(selected)
        if nan_width and len(undecodable):
            usable.append(Columns(undecodable, None, (), (nan_width,), nan))
        yield ChunkRows(chunk, usable, choose)
