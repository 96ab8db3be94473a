# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""MCAP files, read from front to back: whole ones, those without an index, those that are cut off.

Nothing at the end of a file is needed, since everything that is said there stands in its records,
too. A file that ends in the middle of a record, or is damaged somewhere, gives what comes before,
and says where and why it ends. What has been read does not stay in memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
import mmap
from pathlib import Path
import struct
from typing import NamedTuple

from distill_runtime.core.arrays import IndexArray
from distill_runtime.errors import RecordingError
from distill_runtime.wire.rows import read_numbers
import numpy as np
import numpy.typing as npt
from rosbags.rosbag2.storage_mcap import DECOMPRESSORS

from .chunk import ByteArray, Chunk, CHUNK_SIZE
from .mcap_records import (
    CHANNEL,
    Channel,
    Channels,
    CHUNK,
    DATA_END,
    FOOTER,
    HEAD,
    INDEX,
    Index,
    MAGIC,
    McapChunk,
    MESSAGE,
    MESSAGE_HEAD,
    Places,
    read_chunk,
    read_count,
    read_index,
    RECORD,
    SCHEMA,
    STATISTICS,
    walk,
    Walked,
)

_MAX_CHUNK = 2**32
_DROP_EVERY = 1 << 24  # bytes of the file
_MAX_SPAN = 1 << 23  # alike, for messages that are read at once
_DROP = getattr(mmap, 'MADV_DONTNEED', None)


class _Piece(NamedTuple):
    """Some messages of a channel in one chunk."""

    chunk: McapChunk
    times: npt.NDArray[np.int64]
    places: IndexArray


class McapFile:
    """One file, with the place of every message; close it."""

    def __init__(self, path: Path) -> None:
        """Find all messages.

        Raises:
            RecordingError: If it is no MCAP file.
        """
        self.path = path
        self.damage: list[str] = []
        """What could not be read so far, and why."""
        self._channels = Channels()
        self._chunks: list[McapChunk] = []
        self._is_doubtful: set[int] = set()
        self._unreadable: set[int] = set()
        self._dropped = 0
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

    @property
    def channels(self) -> dict[int, Channel]:
        """All topics, by number."""
        return self._channels.found

    def close(self) -> None:
        """Close the file."""
        del self._data
        with suppress(BufferError):  # whoever still holds a block holds the map, too
            self._map.close()

    def count(self, channel: int) -> int:
        """Return the number of messages of a channel."""
        return sum(
            chunk.messages[channel].num_messages
            for chunk in self._chunks
            if channel in chunk.messages
        )

    def first_times(self, channel: int) -> list[int]:
        """Return the least log time of each block of a channel."""
        found = []
        for pieces in self._pieces(channel):
            found.append(min(int(piece.times.min()) for piece in pieces))
            self._drop(pieces[-1])
        return found

    def chunks(self, channel: int) -> Iterator[Chunk]:
        """Yield the messages of a channel, in the order of the file.

        One that is lost is empty: where and when it was is known.
        """
        held: tuple[int, ByteArray] | None = None
        for pieces in self._pieces(channel):
            chunk, data = pieces[0].chunk, self._data
            if chunk.compression:
                if held is None or held[0] != chunk.start:
                    held = (chunk.start, self._content(chunk))
                data, places = held[1], pieces[0].places
                ends = np.full(len(places), len(data))
                if not len(data):
                    nothing = np.zeros(len(places), np.intp)
                    yield Chunk(pieces[0].times, data, nothing, nothing)
                    continue
            else:
                places = np.concatenate([piece.chunk.start + piece.places for piece in pieces])
                ends = np.repeat(
                    [piece.chunk.end for piece in pieces], [len(piece.places) for piece in pieces]
                )
            times = np.concatenate([piece.times for piece in pieces])
            sizes = read_numbers(data, places + 1, 1, '<u8')[:, 0].astype(np.intp) - MESSAGE_HEAD
            starts = places + HEAD + MESSAGE_HEAD
            is_whole = (sizes >= 0) & (sizes <= ends - starts)
            yield Chunk(times, data, np.where(is_whole, starts, 0), np.where(is_whole, sizes, 0))
            self._drop(pieces[-1])

    def _pieces(self, channel: int) -> Iterator[list[_Piece]]:
        """Yield the messages of a channel by the thousand; those of compressed chunks apart."""
        group: list[_Piece] = []
        size = 0
        for chunk in self._chunks:
            if channel not in chunk.messages:
                continue
            times, places = self._found(chunk.messages[channel])
            for begin in range(0, len(times), CHUNK_SIZE):
                end = begin + CHUNK_SIZE
                is_full = size >= CHUNK_SIZE or (
                    group and chunk.start - group[0].chunk.start >= _MAX_SPAN
                )
                if group and (chunk.compression or is_full):
                    yield group
                    group, size = [], 0
                piece = _Piece(chunk, times[begin:end], places[begin:end])
                if chunk.compression:
                    yield [piece]
                else:
                    group.append(piece)
                    size += len(piece.times)
        if group:
            yield group

    def _found(self, messages: Index | Walked) -> Walked:
        """Return times and places of messages."""
        if isinstance(messages, Walked):
            return messages
        pairs = np.frombuffer(self._map, '<u8', 2 * messages.num_messages, messages.begin)
        times, places = pairs.reshape(-1, 2).T.astype(np.int64)
        return Walked(times, places.astype(np.intp, copy=False))

    def _content(self, chunk: McapChunk) -> ByteArray:
        """Return the records of a chunk; none if it cannot be decompressed."""
        stored = self._data[chunk.start : chunk.end]
        if not chunk.compression:
            return stored
        try:
            content = DECOMPRESSORS[chunk.compression](stored.tobytes(), chunk.size)
        except Exception as error:  # noqa: BLE001  of many types: lz4's, zstd's
            if chunk.start not in self._unreadable:
                self._unreadable.add(chunk.start)
                what = ' '.join(str(error).split())
                self.damage.append(
                    f'{self.path} has a chunk at byte {chunk.start} that cannot be decompressed: '
                    f'{what}: its messages are missing'
                )
            return np.zeros(0, np.uint8)
        found = np.frombuffer(content, np.uint8)
        return found if len(found) == chunk.size else found[:0]

    def _drop(self, piece: _Piece) -> None:
        """Let go of what was read, now and then.

        Args:
            piece: Was read last.
        """
        self._drop_before(piece.chunk.start + int(piece.places[-1]))

    def _drop_before(self, place: int) -> None:
        if _DROP is not None and abs(place - self._dropped) >= _DROP_EVERY:
            self._map.madvise(_DROP)  # what is asked for again is read again
            self._dropped = place

    def _scan(self) -> None:
        """Walk over the records."""
        data, place, end = self._map, len(MAGIC), len(self._map)
        loose = Places()
        is_ended, told = False, None
        while place + HEAD <= end:
            kind, size = RECORD.unpack_from(data, place)
            begin = place + HEAD
            if begin + size > end:
                if kind == CHUNK:
                    self._add_chunk(begin, end)
                break
            if kind == MESSAGE and size >= MESSAGE_HEAD:
                loose.note(data, place)
            elif kind == CHUNK:
                self._add_chunk(begin, begin + size)
            elif kind == INDEX and self._chunks:
                self._add_index(begin, begin + size)
            elif kind in (SCHEMA, CHANNEL):
                self._channels.learn(kind, data[begin : begin + size])
            elif kind == STATISTICS:
                told = read_count(data, begin)
            is_ended = is_ended or kind == DATA_END
            place = end if kind == FOOTER else begin + size
            self._drop_before(place)
        if not is_ended:
            self.damage.append(
                f'{self.path} ends at byte {end} in the middle of a record that begins at byte '
                f'{place}: it was cut off, what came later is missing'
            )
        for number, chunk in enumerate(self._chunks):
            # what declares a channel stands in its first chunk, and again at the end of the file;
            # where a file is cut off, the index of the last chunk may be, too
            is_odd = not is_ended and number == len(self._chunks) - 1
            is_odd = is_odd or chunk.start in self._is_doubtful
            if is_odd or not chunk.messages or not set(chunk.messages) <= set(self.channels):
                self._chunks[number] = chunk._replace(
                    messages=walk(self._content(chunk).tobytes(), self._channels)
                )
                self._drop_before(chunk.end)
        without_chunk = loose.by_channel()
        if without_chunk:
            self._chunks.append(McapChunk(0, end, '', end, without_chunk))
        found = sum(
            messages.num_messages for chunk in self._chunks for messages in chunk.messages.values()
        )
        if is_ended and told is not None and found < told and not self.damage:
            self.damage.append(
                f'{self.path} says that it has {told} messages, {found} are to be found in it: it '
                'is damaged'
            )

    def _add_chunk(self, begin: int, end: int) -> None:
        """Note a chunk whose record lies between two places; it may be cut off."""
        chunk = read_chunk(self._map, begin, end)
        if chunk is not None and chunk.compression in DECOMPRESSORS and chunk.size < _MAX_CHUNK:
            self._chunks.append(chunk)
        elif chunk is not None:
            self.damage.append(
                f'{self.path} has a chunk at byte {begin} of {chunk.size} bytes, compression '
                f'{chunk.compression!r}, expected one of {list(filter(None, DECOMPRESSORS))}: its '
                'messages are missing'
            )

    def _add_index(self, begin: int, end: int) -> None:
        """Note where the messages of one channel lie in the newest chunk."""
        chunk = self._chunks[-1]
        try:
            channel, index = read_index(self._map, begin, end)
        except struct.error:
            self._is_doubtful.add(chunk.start)
            return
        if not index.num_messages:
            return
        places = self._found(index).places
        room = chunk.size if chunk.compression else chunk.end - chunk.start
        if places.max() + HEAD + MESSAGE_HEAD <= room and places.min() >= 0:
            chunk.messages[channel] = index
        else:
            self._is_doubtful.add(chunk.start)
