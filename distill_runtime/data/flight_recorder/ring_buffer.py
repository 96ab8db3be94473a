# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""A journal in shared memory: one thread appends, other processes read, and no one ever waits.

The memory has a fixed size; the newest records overwrite the oldest. It is a file without a name,
handed to other processes by its descriptor, so that its content outlives the process that wrote.

    words | facts | index: where record i begins, at place i % size | ring of records

The writer says up to where it is about to overwrite (RESERVED), writes the record and its index
entry, and then says that the record is there (COUNT). A reader copies first and then asks what
was overwritten meanwhile: that it discards. Processors may make two stores visible in another
order (Arm does), but never later than SETTLE: a reader waits that long at both ends.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
import json
import mmap
import os
from struct import Struct
import tempfile
import time
from typing import NamedTuple

from distill_runtime.errors import RecordingError

_MAGIC = 0x314C_4E52_554A_5244
_MAGIC_AT, _SIZE, _INDEX_SIZE, _RING_SIZE, _FACTS_SIZE, _RESERVED, _COUNT, _REFUSED = range(8)
_ACTIVE, _ALARMS, _BEAT, _ANSWERED = range(8, 12)
_WORDS = 16
_RECORD = Struct('=QqII')  # number, time, channel, length of the data
_MEAN_RECORD = 96  # byte; a journal of smaller ones holds fewer than would fit
_LARGEST = 4  # a record takes at most one part in so many of the ring
_PAGE = 1 << 20
SETTLE = 0.001
"""Longest time in [s] until another processor sees what was stored; generous by far."""
OVERHEAD = _RECORD.size + 8
"""Bytes that a record takes beside its data, at most."""


class Record(NamedTuple):
    """One entry of a journal."""

    number: int
    """Counts from 0 over the whole life of the journal."""
    time_ns: int
    channel: int
    data: bytes


class Batch(NamedTuple):
    """What a reader got."""

    records: list[Record]
    """In the order they were written."""
    following: int
    """Number of the record to go on with."""
    lost: int
    """Records asked for that were overwritten before they could be read."""


class RingBufferWriter:
    """The one writer of a journal; only the thread that appends may call its methods.

    Attributes:
        descriptor: Open file of the memory, for other processes.
        memory: The memory, for readers in this process.
        size: Of the memory in [byte].
    """

    def __init__(self, ring_size: int, facts: object = None) -> None:
        """Make the memory, all its pages present.

        Args:
            ring_size: Room for records in [byte].
            facts: JSON value that readers get with the records.
        """
        facts_text = json.dumps(facts).encode()
        ring_size = _aligned(max(ring_size, 4096))
        index_size = ring_size // _MEAN_RECORD
        index_at = 8 * _WORDS + _aligned(len(facts_text))
        self._ring_at = index_at + 8 * index_size
        self.size = size = self._ring_at + ring_size
        self.descriptor = _anonymous_file()
        os.ftruncate(self.descriptor, size)
        memory = mmap.mmap(self.descriptor, size)
        page = bytes(_PAGE)
        for start in range(0, size, _PAGE):
            memory[start : min(start + _PAGE, size)] = page[: min(_PAGE, size - start)]
        self.memory = memoryview(memory)
        self.memory[8 * _WORDS : 8 * _WORDS + len(facts_text)] = facts_text
        self._words = self.memory[: 8 * _WORDS].cast('Q')
        self._index = self.memory[index_at : self._ring_at].cast('Q')
        self._ring_size, self._index_size = ring_size, index_size
        self._position = self._count = 0
        for word, value in (
            (_SIZE, size),
            (_INDEX_SIZE, index_size),
            (_RING_SIZE, ring_size),
            (_FACTS_SIZE, len(facts_text)),
            (_MAGIC_AT, _MAGIC),
        ):
            self._words[word] = value

    @property
    def count(self) -> int:
        """Records written so far."""
        return self._count

    def append(self, channel: int, time_ns: int, data: bytes) -> None:
        """Add a record; one that is too large is left out and counted.

        Args:
            channel: Whose it is.
            time_ns: When it happened.
            data: Any bytes.
        """
        length = len(data)
        size = (_RECORD.size + length + 7) & ~7
        ring_size = self._ring_size
        if size * _LARGEST > ring_size:
            self._words[_REFUSED] += 1
            return
        position = self._position
        place = position % ring_size
        if place + size > ring_size:  # a record lies in one piece
            position += ring_size - place
            place = 0
        words, memory, count = self._words, self.memory, self._count
        self._position = words[_RESERVED] = position + size
        start = self._ring_at + place
        _RECORD.pack_into(memory, start, count, time_ns, channel, length)
        start += _RECORD.size
        memory[start : start + length] = data
        self._index[count % self._index_size] = position
        self._count = words[_COUNT] = count + 1

    def raise_alarm(self) -> None:
        """Tell readers that what was written lately should be kept."""
        self._words[_ALARMS] += 1

    def set_active(self, is_active: bool) -> None:
        """Tell readers whether records are being written."""
        self._words[_ACTIVE] = is_active

    def close(self) -> None:
        """Let go of the memory; readers keep it."""
        for view in (self._index, self._words, self.memory):
            view.release()
        os.close(self.descriptor)


class RingBufferReader:
    """Reads a journal, in the writer's process or another one."""

    def __init__(
        self, source: int | memoryview, pause: Callable[[float], None] = time.sleep
    ) -> None:
        """Take hold of the memory.

        Args:
            source: Open file of a journal; in the process of its writer the writer's memory, since
                a second mapping would count as twice the memory.
            pause: Waits for a time in [s].

        Raises:
            RecordingError: If it is no journal.
        """
        try:
            self._memory = _mapped(source) if isinstance(source, int) else source[:]
            size = len(self._memory)
            self._words = self._memory[: 8 * _WORDS].cast('Q')
        except (OSError, ValueError, TypeError) as error:
            raise RecordingError(f'file {source!r} is no journal: {error}') from error
        magic, said, index_size, ring_size, facts_size = self._words[: _FACTS_SIZE + 1].tolist()
        index_at = 8 * _WORDS + _aligned(facts_size)
        self._ring_at = index_at + 8 * index_size
        if magic != _MAGIC or (said, self._ring_at + ring_size) != (size, size) or not index_size:
            raise RecordingError(f'file {source!r} is no journal: {size} bytes of another kind')
        self._index = self._memory[index_at : self._ring_at].cast('Q')
        self._index_size, self._ring_size = index_size, ring_size
        self._pause = pause
        self.facts: object = json.loads(bytes(self._memory[8 * _WORDS :][:facts_size]))
        """What the writer said at the start."""

    @property
    def count(self) -> int:
        """Records written so far."""
        return self._words[_COUNT]

    @property
    def num_refused(self) -> int:
        """Records that were too large."""
        return self._words[_REFUSED]

    @property
    def alarms(self) -> int:
        """Alarms so far."""
        return self._words[_ALARMS]

    @property
    def answered(self) -> int:
        """Alarms that the process that keeps the records has dealt with."""
        return self._words[_ANSWERED]

    def answer(self, alarms: int) -> None:
        """Say how many alarms are dealt with; the process that keeps the records alone may."""
        self._words[_ANSWERED] = alarms

    @property
    def is_active(self) -> bool:
        """Whether records are being written."""
        return bool(self._words[_ACTIVE])

    @property
    def beat_ns(self) -> int:
        """When the process that keeps the records last said that it lives; 0: not yet."""
        return self._words[_BEAT]

    def beat(self) -> None:
        """Say that the process that keeps the records lives; it alone may."""
        self._words[_BEAT] = time.monotonic_ns()

    def span(self) -> float:
        """Return the time between the oldest and the newest record that are kept, in [s]."""
        count = self.count
        ends = [self._read(number) for number in (self.oldest, count - 1)] if count else []
        times = [record.time_ns for record in ends if record is not None]
        return max(0, times[-1] - times[0]) / 1e9 if times else 0.0

    def read(self, first: int = 0, end: int | None = None) -> Batch:
        """Copy the records from a number on, and before another one, that are still there."""
        count = self.count if end is None else min(end, self.count)
        self._pause(SETTLE)
        found = [self._read(number) for number in range(max(first, self.oldest), count)]
        self._pause(SETTLE)
        oldest = self.oldest
        records = [record for record in found if record is not None and record.number >= oldest]
        return Batch(records, max(first, count), max(0, count - first) - len(records))

    def close(self) -> None:
        """Let go of the memory."""
        for view in (self._index, self._words, self._memory):
            view.release()

    @property
    def oldest(self) -> int:
        """Number of the oldest record that is not about to be overwritten."""
        count = self.count
        least = max(0, count - self._index_size + 1)
        kept_from = self._words[_RESERVED] - self._ring_size
        index, size = self._index, self._index_size
        numbers = range(least, count)
        return least + bisect_left(numbers, kept_from, key=lambda number: index[number % size])

    def _read(self, number: int) -> Record | None:
        """Copy a record; None if another one lies there by now."""
        place = self._index[number % self._index_size] % self._ring_size
        start = self._ring_at + place
        if place + _RECORD.size > self._ring_size:
            return None
        found, time_ns, channel, length = _RECORD.unpack_from(self._memory, start)
        start += _RECORD.size
        if found != number or place + _RECORD.size + length > self._ring_size:
            return None
        return Record(number, time_ns, channel, bytes(self._memory[start : start + length]))


def _anonymous_file() -> int:
    """Open a file in memory that has no name."""
    if hasattr(os, 'memfd_create'):
        return os.memfd_create('distill_runtime_journal')
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


def _mapped(descriptor: int) -> memoryview:
    """Map a file of any content."""
    size = max(os.fstat(descriptor).st_size, 8 * _WORDS)
    return memoryview(mmap.mmap(descriptor, size))


def _aligned(size: int) -> int:
    return (size + 7) & ~7
