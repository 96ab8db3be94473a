# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Parse the records of an MCAP file: channels, chunks, and where the messages are.

Source: the MCAP format specification, records and their opcodes.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
import mmap
import struct
from struct import Struct
from typing import NamedTuple

from distill_runtime.core.arrays import IndexArray
import numpy as np
import numpy.typing as npt

MAGIC = b'\x89MCAP0\r\n'
FOOTER, SCHEMA, CHANNEL, MESSAGE, CHUNK, INDEX, STATISTICS, DATA_END = 2, 3, 4, 5, 6, 7, 11, 15
_RECORD = Struct('<BQ')
RECORD_HEADER = _RECORD.size
"""Bytes before every record: opcode and length."""
MESSAGE_HEADER = 22
"""Bytes of a message record before its content: channel, sequence, two times."""
_IDS = Struct('<HH')
_ID = Struct('<H')
_UINT = Struct('<I')
_MESSAGE_START = Struct('<HIQ')
_CHUNK_HEADER = Struct('<QQQI')


class Channel(NamedTuple):
    """One topic of a file."""

    topic: str
    type: str
    encoding: str
    """Of its messages; only cdr is read."""
    definition: str
    """Of its type, as ros2msg; '' if the file has none."""


class Index(NamedTuple):
    """Where a file has the index of the messages of a channel in a chunk."""

    begin: int
    """First byte of its pairs of log time and offset."""
    num_messages: int


class Offsets(NamedTuple):
    """Log times of the messages of a channel, and the offsets of their records in a chunk."""

    times: npt.NDArray[np.int64]
    offsets: IndexArray

    @property
    def num_messages(self) -> int:
        """Number of messages."""
        return len(self.times)


class McapChunk(NamedTuple):
    """A range of the file with messages: an MCAP chunk, or everything outside of chunks."""

    start: int
    """First byte of its records in the file; 0 for messages outside of chunks."""
    end: int
    compression: str
    size: int
    """Of its records in [byte], decompressed."""
    messages: dict[int, Index | Offsets]
    """By channel."""


class OffsetCollector:
    """Collects the offsets of messages that have no index."""

    def __init__(self) -> None:
        self._found: dict[int, tuple[array[int], array[int]]] = {}

    def add(self, data: bytes | mmap.mmap, begin: int, end: int) -> None:
        """Add the message of a record from begin to end; skip one without a whole header."""
        if end - begin < MESSAGE_HEADER:
            return
        channel, _, time_ns = _MESSAGE_START.unpack_from(data, begin)
        times, offsets = self._found.setdefault(channel, (array('q'), array('q')))
        times.append(time_ns & (2**63 - 1))
        offsets.append(begin - RECORD_HEADER)

    def by_channel(self) -> dict[int, Index | Offsets]:
        """Return the offsets collected so far."""
        return {
            channel: Offsets(np.array(times, np.int64), np.array(offsets, np.intp))
            for channel, (times, offsets) in self._found.items()
        }


class Channels:
    """The channels that the records of a file declare."""

    def __init__(self) -> None:
        self.found: dict[int, Channel] = {}
        self._schemas: dict[int, tuple[str, str]] = {}

    def declare(self, kind: int, record: bytes) -> None:
        """Add a schema or a channel; skip a damaged one."""
        try:
            if kind == SCHEMA:
                (number,) = _ID.unpack_from(record)
                name, offset = _text(record, 2)
                encoding, offset = _text(record, offset)
                definition, _ = _text(record, offset)
                self._schemas[number] = (name, definition if encoding == 'ros2msg' else '')
                return
            number, schema = _IDS.unpack_from(record)
            topic, offset = _text(record, 4)
            encoding, _ = _text(record, offset)
        except (struct.error, ValueError):
            return
        name, definition = self._schemas.get(schema, ('', ''))
        self.found[number] = Channel(topic, name, encoding, definition)


def read_records(data: bytes | mmap.mmap, offset: int = 0) -> Iterator[tuple[int, int, int]]:
    """Yield opcode, first byte and end of each record; the end of the last may exceed the data."""
    while offset + RECORD_HEADER <= len(data):
        kind, size = _RECORD.unpack_from(data, offset)
        begin = offset + RECORD_HEADER
        offset = begin + size
        yield kind, begin, offset


def walk(records: bytes, channels: Channels) -> dict[int, Index | Offsets]:
    """Return the offsets of the messages of a chunk without an index; add what it declares."""
    found = OffsetCollector()
    for kind, begin, end in read_records(records):
        if end > len(records):
            break
        if kind == MESSAGE:
            found.add(records, begin, end)
        elif kind in (SCHEMA, CHANNEL):
            channels.declare(kind, records[begin:end])
    return found.by_channel()


def read_chunk(data: mmap.mmap, begin: int, end: int) -> McapChunk | None:
    """Return the chunk of a record from begin to end; None if its header is damaged."""
    try:
        _, _, size, _ = _CHUNK_HEADER.unpack_from(data, begin)
        compression, start = _text(data, begin + _CHUNK_HEADER.size)
    except (struct.error, ValueError):
        return None
    start += 8
    return McapChunk(start, end, compression, size, {}) if start <= end else None


def _text(data: bytes | mmap.mmap, offset: int) -> tuple[str, int]:
    """Return a string and the offset after it."""
    (size,) = _UINT.unpack_from(data, offset)
    start = offset + _UINT.size
    if start + size > len(data):
        raise ValueError
    return data[start : start + size].decode('utf-8', 'replace'), start + size
