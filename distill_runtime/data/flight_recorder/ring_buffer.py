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
import struct
import tempfile
import time
from typing import NamedTuple

from distill_runtime.errors import RecordingError

_MAGIC = 0x314C_4E52_554A_5244
_MAGIC_AT, _SIZE, _INDEX_SIZE, _RING_SIZE, _FACTS_SIZE, _RESERVED, _COUNT, _REFUSED = range(8)
_ACTIVE, _ALARMS, _HEARTBEAT, _HANDLED = range(8, 12)
_FACTS_AT = 8 * 16  # after the words
_RECORD = struct.Struct('=QqII')  # number, time, channel, length of the data
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


class RingBuffer:
    """One end of a ring buffer: of its only writer, or of a reader.

    Only the thread that appends may call ``append``, ``raise_alarm`` and ``set_active``. The
    process of the writer reads with the writer's end: a second mapping would count as twice the
    memory.

    Attributes:
        descriptor: Open file of the memory, for other processes.
        size: Of the memory in [byte].
        facts: From the writer.
    """

    def __init__(self, descriptor: int, pause: Callable[[float], None] = time.sleep) -> None:
        """Map the memory of a ring buffer; pause waits for a time in [s].

        Raises:
            RecordingError: If it is no ring buffer.
        """
        try:
            self.size = os.fstat(descriptor).st_size
            self._memory = memoryview(mmap.mmap(descriptor, max(self.size, _FACTS_AT)))
        except (OSError, ValueError) as error:
            raise RecordingError(f'file {descriptor} is no ring buffer: {error}') from error
        self._words = self._memory[:_FACTS_AT].cast('Q')
        magic, declared_size, index_size, ring_size, facts_size = self._words[:_RESERVED].tolist()
        index_at = _FACTS_AT + _aligned(facts_size)
        self._ring_at = index_at + 8 * index_size
        is_whole = declared_size == self.size == self._ring_at + ring_size
        if magic != _MAGIC or not is_whole or not index_size:
            raise RecordingError(
                f'file {descriptor} is no ring buffer, but {self.size} other bytes'
            )
        self.descriptor = descriptor
        self.facts = bytes(self._memory[_FACTS_AT:][:facts_size])
        self._index = self._memory[index_at : self._ring_at].cast('Q')
        self._index_size, self._ring_size = index_size, ring_size
        self._pause = pause
        self._position = self._num_appended = 0  # of the writer, which reads no shared word

    @classmethod
    def create(cls, ring_size: int, facts: bytes = b'') -> RingBuffer:
        """Allocate room in [byte], with all pages resident; return the writer's end."""
        ring_size = _aligned(max(ring_size, 4096))
        index_size = ring_size // _MEAN_RECORD
        size = _FACTS_AT + _aligned(len(facts)) + 8 * index_size + ring_size
        header = struct.pack('=5Q', _MAGIC, size, index_size, ring_size, len(facts))
        descriptor = _anonymous_file()
        os.ftruncate(descriptor, size)
        os.pwrite(descriptor, header.ljust(_FACTS_AT, b'\0') + facts, 0)
        ring = cls(descriptor)
        for start in range(_FACTS_AT + len(facts), size, _PAGE):
            end = min(start + _PAGE, size)
            ring._memory[start:end] = bytes(end - start)
        return ring

    def append(self, channel: int, time_ns: int, data: bytes) -> None:
        """Add a record; count one that is too large and drop it."""
        length, ring_size = len(data), self._ring_size
        size = (_RECORD.size + length + 7) & ~7
        if size * _LARGEST > ring_size:
            self._words[_REFUSED] += 1
            return
        position = self._position
        offset = position % ring_size
        if offset + size > ring_size:  # a record does not wrap around
            position += ring_size - offset
            offset = 0
        words, memory, count = self._words, self._memory, self._num_appended
        self._position = words[_RESERVED] = position + size
        start = self._ring_at + offset
        _RECORD.pack_into(memory, start, count, time_ns, channel, length)
        start += _RECORD.size
        memory[start : start + length] = data
        self._index[count % self._index_size] = position
        self._num_appended = words[_COUNT] = count + 1

    def raise_alarm(self) -> None:
        """Signal readers to save the recent records."""
        self._words[_ALARMS] += 1

    def set_active(self, is_active: bool) -> None:
        """Signal readers whether records are being written."""
        self._words[_ACTIVE] = is_active

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
    def is_alarmed(self) -> bool:
        """Whether the recorder process has not handled the newest alarm."""
        return self._words[_ALARMS] != self._words[_HANDLED]

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
        """Release the memory and close the file; other processes keep both."""
        for view in (self._index, self._words, self._memory):
            view.release()
        os.close(self.descriptor)

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
