# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""MCAP files, read from front to back: whole ones, those without an index, those that are cut off.

Nothing at the end of a file is needed, since everything that is said there stands in its records,
too. A file that ends in the middle of a record, or is damaged somewhere, gives what comes before,
and says where and why it ends.

Source: the MCAP format specification, records and their opcodes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
import mmap
from pathlib import Path
import struct
from struct import Struct
from typing import NamedTuple

from distill_runtime.core.arrays import IndexArray
from distill_runtime.errors import RecordingError
import numpy as np
import numpy.typing as npt
from rosbags.rosbag2.storage_mcap import DECOMPRESSORS

from .blocks import Block, ByteArray, windows

MAGIC = b'\x89MCAP0\r\n'
_FOOTER, _SCHEMA, _CHANNEL, _MESSAGE, _CHUNK, _INDEX, _DATA_END = 2, 3, 4, 5, 6, 7, 15
_RECORD = Struct('<BQ')
_IDS = Struct('<HH')
_ID = Struct('<H')
_UINT = Struct('<I')
_CHUNK_HEAD = Struct('<QQQI')
_HEAD = _RECORD.size
_MESSAGE_HEAD = 22  # channel, sequence, log time, publish time
_MAX_CHUNK = 2**32


class Channel(NamedTuple):
    """One topic of a file."""

    topic: str
    type: str
    encoding: str
    """Of its messages; only cdr can be read."""
    definition: str
    """Of its type, as ros2msg; '' if the file says none."""


class _Chunk(NamedTuple):
    """Where messages lie: a chunk, or a stretch of messages without one."""

    start: int
    end: int
    compression: str
    size: int
    """When decompressed."""
    messages: dict[int, tuple[npt.NDArray[np.int64], IndexArray]]
    """Per channel their log times and the places of their records."""


class McapFile:
    """One file, with the place of every message; close it."""

    def __init__(self, path: Path) -> None:
        """Find all messages.

        Raises:
            RecordingError: If it is no MCAP file.
        """
        self.path = path
        self.channels: dict[int, Channel] = {}
        self.damage = ''
        """Why not all of the file could be read; '' if it could."""
        self._schemas: dict[int, tuple[str, str]] = {}
        self._chunks: list[_Chunk] = []
        with path.open('rb') as file:
            if file.read(len(MAGIC)) != MAGIC:
                raise RecordingError(f'{path} is no MCAP file: it does not begin with its magic')
            self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self._data = np.frombuffer(self._map, np.uint8)
        try:
            self._scan()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the file."""
        del self._data
        with suppress(BufferError):  # whoever still holds a block holds the map, too
            self._map.close()

    def count(self, channel: int) -> int:
        """Return the number of messages of a channel."""
        return sum(
            len(chunk.messages[channel][0]) for chunk in self._chunks if channel in chunk.messages
        )

    def blocks(self, channel: int) -> Iterator[Block]:
        """Yield the messages of a channel, in the order of the file."""
        for chunk in self._chunks:
            if channel not in chunk.messages:
                continue
            times, places = chunk.messages[channel]
            data = self._content(chunk)
            sizes = _uints(data, places + 1) - _MESSAGE_HEAD
            starts = places + _HEAD + _MESSAGE_HEAD
            is_whole = (sizes >= 0) & (starts + sizes <= len(data))
            yield Block(times[is_whole], data, starts[is_whole], sizes[is_whole])

    def _content(self, chunk: _Chunk) -> ByteArray:
        """Return the records of a chunk."""
        stored = self._data[chunk.start : chunk.end]
        if not chunk.compression:
            return stored
        content = DECOMPRESSORS[chunk.compression](stored.tobytes(), chunk.size)
        return np.frombuffer(content, np.uint8)

    def _scan(self) -> None:
        """Walk over the records."""
        data, place, end = self._map, len(MAGIC), len(self._map)
        loose: dict[int, list[tuple[int, int]]] = {}
        is_ended = False
        while place + _HEAD <= end:
            kind, size = _RECORD.unpack_from(data, place)
            begin = place + _HEAD
            if begin + size > end:
                if kind == _CHUNK:
                    self._add_chunk(begin, end)
                break
            if kind == _MESSAGE and size >= _MESSAGE_HEAD:
                _note(loose, data, place)
            elif kind == _CHUNK:
                self._add_chunk(begin, begin + size)
            elif kind == _INDEX and self._chunks:
                self._add_index(begin, begin + size)
            elif kind in (_SCHEMA, _CHANNEL):
                self._learn(kind, data[begin : begin + size])
            is_ended = is_ended or kind == _DATA_END
            place = end if kind == _FOOTER else begin + size
        if loose:
            self._chunks.append(_Chunk(0, end, '', end, _arrays(loose)))
        if not is_ended:
            self.damage = (
                f'{self.path} ends at byte {end} in the middle of a record that begins at byte '
                f'{place}: it was cut off, what came later is missing'
            )
        for number, chunk in enumerate(self._chunks):
            # what declares a channel stands in its first chunk, and again at the end of the file
            if not chunk.messages or not set(chunk.messages) <= set(self.channels):
                self._chunks[number] = chunk._replace(messages=self._walk(chunk))

    def _add_chunk(self, begin: int, end: int) -> None:
        """Note a chunk whose record lies between two places; it may be cut off."""
        try:
            _, _, size, _ = _CHUNK_HEAD.unpack_from(self._map, begin)
            compression, start = _text(self._map, begin + _CHUNK_HEAD.size)
        except (struct.error, ValueError):
            return
        start += 8
        if compression in DECOMPRESSORS and size < _MAX_CHUNK and start <= end:
            self._chunks.append(_Chunk(start, end, compression, size, {}))

    def _add_index(self, begin: int, end: int) -> None:
        """Note where the messages of one channel lie in the newest chunk."""
        (channel,) = _ID.unpack_from(self._map, begin)
        count = (end - begin - 6) // 16
        if count <= 0:
            return
        pairs = np.frombuffer(self._map, '<u8', 2 * count, begin + 6).reshape(-1, 2)
        times, places = pairs.T.astype(np.int64)
        chunk = self._chunks[-1]
        room = chunk.size if chunk.compression else chunk.end - chunk.start
        if places.max() + _HEAD + _MESSAGE_HEAD <= room and places.min() >= 0:
            chunk.messages[channel] = (times, places.astype(np.intp))

    def _walk(self, chunk: _Chunk) -> dict[int, tuple[npt.NDArray[np.int64], IndexArray]]:
        """Find the messages of a chunk that has no index, and what its records declare."""
        try:
            data = self._content(chunk).tobytes()
        except Exception as error:  # noqa: BLE001  of many types: lz4's, zstd's
            self.damage = self.damage or (
                f'{self.path} has a chunk at byte {chunk.start} that cannot be decompressed: '
                f'{error}'
            )
            return {}
        found: dict[int, list[tuple[int, int]]] = {}
        place = 0
        while place + _HEAD <= len(data):
            kind, size = _RECORD.unpack_from(data, place)
            begin = place + _HEAD
            if begin + size > len(data):
                break
            if kind == _MESSAGE and size >= _MESSAGE_HEAD:
                _note(found, data, place)
            elif kind in (_SCHEMA, _CHANNEL):
                self._learn(kind, data[begin : begin + size])
            place = begin + size
        return _arrays(found)

    def _learn(self, kind: int, record: bytes) -> None:
        """Note a schema or a channel."""
        try:
            if kind == _SCHEMA:
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
        self.channels[number] = Channel(topic, name, encoding, definition)


def _text(data: bytes | mmap.mmap, place: int) -> tuple[str, int]:
    """Return a string and the place behind it."""
    (size,) = _UINT.unpack_from(data, place)
    start = place + _UINT.size
    if start + size > len(data):
        raise ValueError
    return data[start : start + size].decode('utf-8', 'replace'), start + size


def _note(found: dict[int, list[tuple[int, int]]], data: bytes | mmap.mmap, place: int) -> None:
    """Note the log time and the place of a message."""
    (channel,) = _ID.unpack_from(data, place + _HEAD)
    time_ns = int.from_bytes(data[place + _HEAD + 6 : place + _HEAD + 14], 'little')
    found.setdefault(channel, []).append((time_ns & (2**63 - 1), place))


def _arrays(
    found: dict[int, list[tuple[int, int]]],
) -> dict[int, tuple[npt.NDArray[np.int64], IndexArray]]:
    arrays = {}
    for channel, pairs in found.items():
        times, places = np.array(pairs, np.int64).T
        arrays[channel] = (times, places.astype(np.intp))
    return arrays


def _uints(data: ByteArray, places: IndexArray) -> IndexArray:
    """Return the uint64 at each of some places."""
    return windows(data, places, 8).view('<u8')[:, 0].astype(np.intp)
