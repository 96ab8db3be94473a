# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""A ring buffer in shared memory: one thread appends, other processes read, nobody waits.

The memory has a fixed size; the newest records overwrite the oldest. It is a file without a name,
passed to other processes by its descriptor, so that its content outlives the process that wrote.

    words | facts | index: where record i begins, at entry i % size | ring of records

The writer publishes up to where it is about to overwrite (RESERVED), writes the record and its
index entry, and then publishes the record (COUNT). A reader copies first, then checks what was
overwritten meanwhile, and discards that. Processors may make two stores visible in another
order (Arm does), but never later than SETTLE: a reader waits that long at both ends.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
import mmap
import os
from struct import Struct
import tempfile
import time
from typing import NamedTuple

from distill_runtime.errors import RecordingError

_MAGIC = 0x314C_4E52_554A_5244
_MAGIC_AT, _SIZE, _INDEX_SIZE, _RING_SIZE, _FACTS_SIZE, _RESERVED, _COUNT, _REFUSED = range(8)
_ACTIVE, _ALARMS, _HEARTBEAT, _HANDLED = range(8, 12)
_WORDS = 16
_RECORD = Struct('=QqII')  # number, time, channel, length of the data
_MEAN_RECORD = 96  # byte; smaller records do not fill the ring
_LARGEST = 4  # a record takes at most this fraction (1 / 4) of the ring
_PAGE = 1 << 20
SETTLE = 0.001
"""Longest time in [s] until another processor sees a store, with a wide margin."""
OVERHEAD = _RECORD.size + 8
"""Most bytes that a record takes besides its data."""


class Record(NamedTuple):
    """One entry of a ring buffer."""

    number: int
    """Counts from 0 over the whole life of the ring buffer."""
    time_ns: int
    channel: int
    data: bytes


class Batch(NamedTuple):
    """Records that a reader copied."""

    records: list[Record]
    """In the order they were written."""
    following: int
    """Number of the next record to read."""
    lost: int
    """Records asked for that were overwritten before they could be read."""


class RingBufferWriter:
    """The only writer of a ring buffer; only the thread that appends may call its methods.

    Attributes:
        descriptor: Open file of the memory, for other processes.
        memory: The memory, for readers in this process.
        size: Of the memory in [byte].
        count: Records written so far.
    """

    def __init__(self, ring_size: int, facts: bytes = b'') -> None:
        """Allocate the memory, with all pages resident.

        Args:
            ring_size: Room for records in [byte].
            facts: For readers.
        """
        ring_size = _aligned(max(ring_size, 4096))
        index_size = ring_size // _MEAN_RECORD
        index_at = 8 * _WORDS + _aligned(len(facts))
        self._ring_at = index_at + 8 * index_size
        self.size = size = self._ring_at + ring_size
        self.descriptor = _anonymous_file()
        os.ftruncate(self.descriptor, size)
        memory = mmap.mmap(self.descriptor, size)
        page = bytes(_PAGE)
        for start in range(0, size, _PAGE):
            memory[start : min(start + _PAGE, size)] = page[: min(_PAGE, size - start)]
        self.memory = memoryview(memory)
        self.memory[8 * _WORDS : 8 * _WORDS + len(facts)] = facts
        self._words = self.memory[: 8 * _WORDS].cast('Q')
        self._index = self.memory[index_at : self._ring_at].cast('Q')
        self._ring_size, self._index_size = ring_size, index_size
        self._position = self.count = 0
        for word, value in (
            (_SIZE, size),
            (_INDEX_SIZE, index_size),
            (_RING_SIZE, ring_size),
            (_FACTS_SIZE, len(facts)),
            (_MAGIC_AT, _MAGIC),
        ):
            self._words[word] = value

    def append(self, channel: int, time_ns: int, data: bytes) -> None:
        """Add a record; count one that is too large and drop it.

        Args:
            channel: Of the record.
            time_ns: Of the record.
            data: Any bytes.
        """
        length = len(data)
        size = (_RECORD.size + length + 7) & ~7
        ring_size = self._ring_size
        if size * _LARGEST > ring_size:
            self._words[_REFUSED] += 1
            return
        position = self._position
        offset = position % ring_size
        if offset + size > ring_size:  # a record does not wrap around
            position += ring_size - offset
            offset = 0
        words, memory, count = self._words, self.memory, self.count
        self._position = words[_RESERVED] = position + size
        start = self._ring_at + offset
        _RECORD.pack_into(memory, start, count, time_ns, channel, length)
        start += _RECORD.size
        memory[start : start + length] = data
        self._index[count % self._index_size] = position
        self.count = words[_COUNT] = count + 1

    def raise_alarm(self) -> None:
        """Signal readers to save the recent records."""
        self._words[_ALARMS] += 1

    def set_active(self, is_active: bool) -> None:
        """Signal readers whether records are being written."""
        self._words[_ACTIVE] = is_active

    def close(self) -> None:
        """Release the memory; readers keep it."""
        for view in (self._index, self._words, self.memory):
            view.release()
        os.close(self.descriptor)


class RingBufferReader:
    """Reads a ring buffer, in the process of the writer or another one."""

    def __init__(
        self, source: int | memoryview, pause: Callable[[float], None] = time.sleep
    ) -> None:
        """Map the memory.

        Args:
            source: Open file of a ring buffer; in the process of its writer the memory of the
                writer, since a second mapping would count as twice the memory.
            pause: Waits for a time in [s].

        Raises:
            RecordingError: If it is no ring buffer.
        """
        try:
            self._memory = (
                memoryview(mmap.mmap(source, max(os.fstat(source).st_size, 8 * _WORDS)))
                if isinstance(source, int)
                else source[:]
            )
            size = len(self._memory)
            self._words = self._memory[: 8 * _WORDS].cast('Q')
        except (OSError, ValueError, TypeError) as error:
            raise RecordingError(f'file {source!r} is no ring buffer: {error}') from error
        header = self._words[: _FACTS_SIZE + 1].tolist()
        magic, declared_size, index_size, ring_size, facts_size = header
        index_at = 8 * _WORDS + _aligned(facts_size)
        self._ring_at = index_at + 8 * index_size
        is_whole = declared_size == size == self._ring_at + ring_size
        if magic != _MAGIC or not is_whole or not index_size:
            raise RecordingError(f'file {source!r} is no ring buffer, but {size} other bytes')
        self._index = self._memory[index_at : self._ring_at].cast('Q')
        self._index_size, self._ring_size = index_size, ring_size
        self._pause = pause
        self.facts = bytes(self._memory[8 * _WORDS :][:facts_size])
        """From the writer."""

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
    def handled_alarms(self) -> int:
        """Alarms that the recorder process has handled."""
        return self._words[_HANDLED]

    def handle_alarms(self, alarms: int) -> None:
        """Set how many alarms are handled; only the recorder process may call it."""
        self._words[_HANDLED] = alarms

    @property
    def is_active(self) -> bool:
        """Whether records are being written."""
        return bool(self._words[_ACTIVE])

    @property
    def heartbeat_ns(self) -> int:
        """Time of the last heartbeat of the recorder process; 0: none yet."""
        return self._words[_HEARTBEAT]

    def write_heartbeat(self) -> None:
        """Signal that the recorder process is alive; only that process may call it."""
        self._words[_HEARTBEAT] = time.monotonic_ns()

    def span(self) -> float:
        """Return the time from the oldest to the newest record in the buffer, in [s]."""
        count = self.count
        ends = [self._read(number) for number in (self.oldest, count - 1)] if count else []
        times = [record.time_ns for record in ends if record is not None]
        return max(0, times[-1] - times[0]) / 1e9 if times else 0.0

    def read(self, first: int = 0, end: int | None = None) -> Batch:
        """Copy the records numbered first to end (excluded) that are not overwritten."""
        count = self.count if end is None else min(end, self.count)
        self._pause(SETTLE)
        found = [self._read(number) for number in range(max(first, self.oldest), count)]
        self._pause(SETTLE)
        oldest = self.oldest
        records = [record for record in found if record is not None and record.number >= oldest]
        return Batch(records, max(first, count), max(0, count - first) - len(records))

    def close(self) -> None:
        """Release the memory."""
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
        """Copy a record; None if another one has replaced it."""
        offset = self._index[number % self._index_size] % self._ring_size
        start = self._ring_at + offset
        if offset + _RECORD.size > self._ring_size:
            return None
        found, time_ns, channel, length = _RECORD.unpack_from(self._memory, start)
        start += _RECORD.size
        if found != number or offset + _RECORD.size + length > self._ring_size:
            return None
        return Record(number, time_ns, channel, bytes(self._memory[start : start + length]))


def _anonymous_file() -> int:
    """Open a file in memory that has no name."""
    if hasattr(os, 'memfd_create'):
        return os.memfd_create('distill_runtime_ring_buffer')
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


def _aligned(size: int) -> int:
    return (size + 7) & ~7
