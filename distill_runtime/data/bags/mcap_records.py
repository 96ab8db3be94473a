# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Where the messages of an MCAP file lie, and what its records say of channels.

Source: the MCAP format specification, records and their opcodes.
"""

from __future__ import annotations

from array import array
import mmap
import struct
from struct import Struct
from typing import NamedTuple

from distill_runtime.core.arrays import IndexArray
import numpy as np
import numpy.typing as npt

MAGIC = b'\x89MCAP0\r\n'
FOOTER, SCHEMA, CHANNEL, MESSAGE, CHUNK, INDEX, STATISTICS, DATA_END = 2, 3, 4, 5, 6, 7, 11, 15
RECORD = Struct('<BQ')
"""Opcode and length, in front of every record."""
HEAD = RECORD.size
MESSAGE_HEAD = 22
"""Bytes of a message record in front of its content: channel, sequence, two times."""
_IDS = Struct('<HH')
_ID = Struct('<H')
_UINT = Struct('<I')
_LONG = Struct('<Q')
_CHUNK_HEAD = Struct('<QQQI')


class Channel(NamedTuple):
    """One topic of a file."""

    topic: str
    type: str
    encoding: str
    """Of its messages; only cdr can be read."""
    definition: str
    """Of its type, as ros2msg; '' if the file says none."""


class Index(NamedTuple):
    """Where a file says at which times and places a chunk has the messages of a channel."""

    begin: int
    num_messages: int


class Walked(NamedTuple):
    """Log times of the messages of a channel, and the places of their records in a chunk."""

    times: npt.NDArray[np.int64]
    places: IndexArray

    @property
    def num_messages(self) -> int:
        """Number of messages."""
        return len(self.times)


class McapChunk(NamedTuple):
    """Where messages lie: a chunk, or the stretch of all messages without one."""

    start: int
    """First byte of its records in the file; 0: of those without a chunk."""
    end: int
    compression: str
    size: int
    """When decompressed."""
    messages: dict[int, Index | Walked]
    """By channel."""


class Places:
    """Collects where messages lie."""

    def __init__(self) -> None:
        """Begin with none."""
        self._found: dict[int, tuple[array[int], array[int]]] = {}

    def note(self, data: bytes | mmap.mmap, place: int) -> None:
        """Note the message whose record begins at a place."""
        (channel,) = _ID.unpack_from(data, place + HEAD)
        time_ns = int.from_bytes(data[place + HEAD + 6 : place + HEAD + 14], 'little')
        times, places = self._found.setdefault(channel, (array('q'), array('q')))
        times.append(time_ns & (2**63 - 1))
        places.append(place)

    def by_channel(self) -> dict[int, Index | Walked]:
        """Return what was noted."""
        return {
            channel: Walked(np.array(times, np.int64), np.array(places, np.intp))
            for channel, (times, places) in self._found.items()
        }


class Channels:
    """What the records of a file say of its channels."""

    def __init__(self) -> None:
        """Begin with none."""
        self.found: dict[int, Channel] = {}
        self._schemas: dict[int, tuple[str, str]] = {}

    def learn(self, kind: int, record: bytes) -> None:
        """Note a schema or a channel; one that is damaged is passed over."""
        try:
            if kind == SCHEMA:
                (number,) = _ID.unpack_from(record)
                name, place = _text(record, 2)
                encoding, place = _text(record, place)
                definition, _ = _text(record, place)
                self._schemas[number] = (name, definition if encoding == 'ros2msg' else '')
                return
            number, schema = _IDS.unpack_from(record)
            topic, place = _text(record, 4)
            encoding, _ = _text(record, place)
        except (struct.error, ValueError):
            return
        name, definition = self._schemas.get(schema, ('', ''))
        self.found[number] = Channel(topic, name, encoding, definition)


def walk(records: bytes, channels: Channels) -> dict[int, Index | Walked]:
    """Return where the messages lie among records that have no index.

    Args:
        records: Of a chunk.
        channels: Learns what they declare.
    """
    found = Places()
    place = 0
    while place + HEAD <= len(records):
        kind, size = RECORD.unpack_from(records, place)
        begin = place + HEAD
        if begin + size > len(records):
            break
        if kind == MESSAGE and size >= MESSAGE_HEAD:
            found.note(records, place)
        elif kind in (SCHEMA, CHANNEL):
            channels.learn(kind, records[begin : begin + size])
        place = begin + size
    return found.by_channel()


def read_chunk(data: mmap.mmap, begin: int, end: int) -> McapChunk | None:
    """Return the chunk whose record lies between two places; None if its head is damaged."""
    try:
        _, _, size, _ = _CHUNK_HEAD.unpack_from(data, begin)
        compression, start = _text(data, begin + _CHUNK_HEAD.size)
    except (struct.error, ValueError):
        return None
    start += 8
    return McapChunk(start, end, compression, size, {}) if start <= end else None


def read_count(data: mmap.mmap, begin: int) -> int | None:
    """Return how many messages a record of statistics says that the file has."""
    try:
        (count,) = _LONG.unpack_from(data, begin)
    except struct.error:
        return None
    return int(count)


def read_index(data: mmap.mmap, begin: int, end: int) -> tuple[int, Index]:
    """Return a channel, and the index that a record between two places has of it."""
    (channel,) = _ID.unpack_from(data, begin)
    return channel, Index(begin + 6, max(0, end - begin - 6) // 16)


def _text(data: bytes | mmap.mmap, place: int) -> tuple[str, int]:
    """Return a string and the place behind it."""
    (size,) = _UINT.unpack_from(data, place)
    start = place + _UINT.size
    if start + size > len(data):
        raise ValueError
    return data[start : start + size].decode('utf-8', 'replace'), start + size
