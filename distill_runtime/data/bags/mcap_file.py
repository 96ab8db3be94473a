# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Read an MCAP file from front to back, whether or not it is complete.

Nothing at the end of a file is needed: the records repeat it. A file that ends in the middle of a
record, or is damaged somewhere, gives the messages before that, and reports where and why it ends.
Pages of the file that were read do not stay in memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
import mmap
from pathlib import Path
import tempfile
from typing import NamedTuple

from distill_runtime.core.arrays import IndexArray
from distill_runtime.errors import RecordingError
from distill_runtime.wire.layouts import TYPES
from distill_runtime.wire.rows import read_numbers
import numpy as np
import numpy.typing as npt
from rosbags.rosbag2.storage_mcap import DECOMPRESSORS

from .chunk import ByteArray, Chunk, CHUNK_SIZE, one_line
from .mcap_records import (
    CHANNEL,
    Channel,
    Channels,
    CHUNK,
    DATA_END,
    FOOTER,
    INDEX,
    Index,
    MAGIC,
    McapChunk,
    MESSAGE,
    MESSAGE_HEADER,
    OffsetCollector,
    Offsets,
    read_chunk,
    read_records,
    RECORD_HEADER,
    SCHEMA,
    STATISTICS,
    walk,
)

Contents = tuple[ByteArray, IndexArray, IndexArray]
"""Buffer, first byte and size of each message in it."""
_IN_MEMORY = 1 << 22  # bytes of messages of compressed chunks
_MAX_CHUNK = 2**32
_DROP_EVERY = 1 << 24  # bytes of the file
_MAX_SPAN = 1 << 23  # bytes of the file that a chunk of messages may span
_DROP = getattr(mmap, 'MADV_DONTNEED', None)


class _Run(NamedTuple):
    """Some messages of a channel in one MCAP chunk."""

    chunk: McapChunk
    times: npt.NDArray[np.int64]
    offsets: IndexArray


class McapFile:
    """One file, with the offset of every message; close it."""

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
                raise RecordingError(
                    f'{path} is no MCAP file: it does not begin with the MCAP magic'
                )
            self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self._data = np.frombuffer(self._map, np.uint8)
        self._store = MessageStore()
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
        self._store.close()
        with suppress(BufferError):  # a chunk that is still in use keeps the map open
            self._map.close()

    def count(self, channel: int) -> int:
        """Return the number of messages of a channel."""
        return sum(
            chunk.messages[channel].num_messages
            for chunk in self._chunks
            if channel in chunk.messages
        )

    def first_times(self, channel: int) -> list[int]:
        """Return the least log time of each chunk of messages of a channel."""
        found = []
        for runs in self._runs(channel):
            found.append(min(int(run.times.min()) for run in runs))
            self._drop_before(runs[-1].chunk.start + int(runs[-1].offsets[-1]))
        return found

    def chunks(self, channel: int) -> Iterator[Chunk]:
        """Yield the messages of a channel, in the order of the file; a lost one is empty."""
        for runs in self._runs(channel):
            times = np.concatenate([run.times for run in runs])
            chunk = runs[0].chunk
            if chunk.compression:
                yield Chunk(times, *self._decompressed(chunk, channel))
            else:
                offsets = np.concatenate([run.chunk.start + run.offsets for run in runs])
                ends = np.repeat([run.chunk.end for run in runs], [len(run.times) for run in runs])
                yield Chunk(times, *_contents(self._data, offsets, ends))
            self._drop_before(runs[-1].chunk.start + int(runs[-1].offsets[-1]))

    def _decompressed(self, chunk: McapChunk, channel: int) -> Contents:
        """Return the messages of a channel in a compressed chunk; store those of the others."""
        stored = self._store.load((chunk.start, channel))
        if stored is not None:
            return stored
        records = self._content(chunk)
        for number, messages in chunk.messages.items():
            declared = self.channels.get(number)
            if number != channel and len(records) and declared and declared.type in TYPES:
                contents = _contents(records, self._offsets(messages).offsets, len(records))
                self._store.save((chunk.start, number), contents)
        return _contents(records, self._offsets(chunk.messages[channel]).offsets, len(records))

    def _runs(self, channel: int) -> Iterator[list[_Run]]:
        """Yield thousands of messages of a channel at a time; compressed chunks one by one."""
        group: list[_Run] = []
        size = 0
        for chunk in self._chunks:
            if channel not in chunk.messages:
                continue
            times, offsets = self._offsets(chunk.messages[channel])
            step = len(times) if chunk.compression else CHUNK_SIZE
            for begin in range(0, len(times), step):
                if group and (
                    size >= CHUNK_SIZE
                    or chunk.start - group[0].chunk.start >= _MAX_SPAN
                    or chunk.compression
                    or group[0].chunk.compression
                ):
                    yield group
                    group, size = [], 0
                end = begin + step
                group.append(_Run(chunk, times[begin:end], offsets[begin:end]))
                size += len(group[-1].times)
        if group:
            yield group

    def _offsets(self, messages: Index | Offsets) -> Offsets:
        """Return times and offsets of messages."""
        if isinstance(messages, Offsets):
            return messages
        pairs = np.frombuffer(self._map, '<u8', 2 * messages.num_messages, messages.begin)
        times, offsets = pairs.reshape(-1, 2).T.astype(np.int64)
        return Offsets(times, offsets.astype(np.intp, copy=False))

    def _content(self, chunk: McapChunk) -> ByteArray:
        """Return the records of an MCAP chunk; none if it cannot be decompressed."""
        stored = self._data[chunk.start : chunk.end]
        if not chunk.compression:
            return stored
        try:
            content = DECOMPRESSORS[chunk.compression](stored.tobytes(), chunk.size)
        except Exception as error:  # noqa: BLE001  of many types: lz4's, zstd's
            if chunk.start not in self._unreadable:
                self._unreadable.add(chunk.start)
                self.damage.append(
                    f'{self.path} has a chunk at byte {chunk.start} that cannot be decompressed: '
                    f'{one_line(error)}: its messages are missing'
                )
            return np.zeros(0, np.uint8)
        found = np.frombuffer(content, np.uint8)
        return found if len(found) == chunk.size else found[:0]

    def _drop_before(self, offset: int) -> None:
        """Release the pages read so far if many were read since the last release."""
        if _DROP is not None and abs(offset - self._dropped) >= _DROP_EVERY:
            self._map.madvise(_DROP)  # a page that is needed again is read again
            self._dropped = offset

    def _scan(self) -> None:
        """Find channels and messages."""
        data, size, offset = self._map, len(self._map), len(MAGIC)
        loose = OffsetCollector()
        is_complete, declared = False, 0
        for kind, begin, end in read_records(data, offset):
            if kind == FOOTER or end > size:
                if kind == CHUNK:
                    self._add_chunk(begin, size)
                break
            if kind == MESSAGE:
                loose.add(data, begin, end)
            elif kind == CHUNK:
                self._add_chunk(begin, end)
            elif kind == INDEX and self._chunks:
                self._add_index(begin, end)
            elif kind in (SCHEMA, CHANNEL):
                self._channels.declare(kind, data[begin:end])
            elif kind == STATISTICS:
                declared = int.from_bytes(data[begin : begin + 8], 'little')
            is_complete = is_complete or kind == DATA_END
            offset = end
            self._drop_before(offset)
        if not is_complete:
            self.damage.append(
                f'{self.path} ends at byte {size} in the middle of a record that begins at byte '
                f'{offset}: it was cut off, what came later is missing'
            )
        self._walk_doubtful(is_complete)
        without_chunk = loose.by_channel()
        if without_chunk:
            self._chunks.append(McapChunk(0, size, '', size, without_chunk))
        found = sum(
            messages.num_messages for chunk in self._chunks for messages in chunk.messages.values()
        )
        if is_complete and found < declared and not self.damage:
            self.damage.append(
                f'{self.path} is damaged: it declares {declared} messages and has {found}'
            )

    def _walk_doubtful(self, is_complete: bool) -> None:
        """Find the messages of chunks whose index is missing or invalid."""
        for number, chunk in enumerate(self._chunks):
            # a channel is declared in its first chunk, and again at the end of the file; a file
            # that is cut off may lack the index of its last chunk
            is_doubtful = not is_complete and number == len(self._chunks) - 1
            is_doubtful = is_doubtful or chunk.start in self._is_doubtful
            if is_doubtful or not chunk.messages or not set(chunk.messages) <= set(self.channels):
                self._chunks[number] = chunk._replace(
                    messages=walk(self._content(chunk).tobytes(), self._channels)
                )
                self._drop_before(chunk.end)

    def _add_chunk(self, begin: int, end: int) -> None:
        """Add the chunk of a record from begin to end; it may be cut off."""
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
        """Add the index of one channel to the last chunk."""
        chunk = self._chunks[-1]
        channel = int.from_bytes(self._map[begin : begin + 2], 'little')
        index = Index(begin + 6, max(0, end - begin - 6) // 16)
        if not index.num_messages:
            return
        offsets = self._offsets(index).offsets
        room = chunk.size if chunk.compression else chunk.end - chunk.start
        if offsets.max() + RECORD_HEADER + MESSAGE_HEADER <= room and offsets.min() >= 0:
            chunk.messages[channel] = index
        else:
            self._is_doubtful.add(chunk.start)


def _contents(data: ByteArray, offsets: IndexArray, ends: IndexArray | int) -> Contents:
    """Return the contents of the message records at some offsets; a lost one is empty.

    They are lost if the data is empty, or if they do not end before their chunk does.
    """
    if not len(data):
        nothing = np.zeros(len(offsets), np.intp)
        return data, nothing, nothing
    sizes = read_numbers(data, offsets + 1, 1, '<u8')[:, 0].astype(np.intp) - MESSAGE_HEADER
    starts = offsets + RECORD_HEADER + MESSAGE_HEADER
    is_whole = (sizes >= 0) & (sizes <= ends - starts)
    return data, np.where(is_whole, starts, 0), np.where(is_whole, sizes, 0)


class MessageStore:
    """Messages of compressed chunks, so that each is decompressed once for all topics.

    The first megabytes are in memory, more in a temporary file. If the disk is full it stores no
    more: a chunk of a missing key must be decompressed again.
    """

    def __init__(self) -> None:
        self._file = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 - see close
        self._found: dict[tuple[int, int], tuple[int, int, int]] = {}
        self._end = 0
        self._is_full = False

    def close(self) -> None:
        """Delete the temporary file."""
        self._file.close()

    def save(self, key: tuple[int, int], contents: Contents) -> None:
        """Copy messages; do nothing if the key is known."""
        if key in self._found or self._is_full:
            return
        data, starts, sizes = contents
        if len(sizes) and (sizes == sizes[0]).all():
            content = read_numbers(data, starts, int(sizes[0]), np.uint8).tobytes()
        else:
            ends = (starts + sizes).tolist()
            content = b''.join(
                data[start:end].tobytes() for start, end in zip(starts.tolist(), ends, strict=True)
            )
        content = sizes.astype(np.int64).tobytes() + content
        try:
            self._file.seek(self._end)
            self._file.write(content)
        except OSError:
            self._is_full = True
            return
        self._found[key] = self._end, len(content), len(sizes)
        self._end += len(content)

    def load(self, key: tuple[int, int]) -> Contents | None:
        """Return messages; None if they are not stored."""
        if key not in self._found:
            return None
        offset, size, count = self._found[key]
        self._file.seek(offset)
        data = np.frombuffer(self._file.read(size), np.uint8)
        sizes = data[: 8 * count].view(np.int64).astype(np.intp)
        return data, 8 * count + np.cumsum(sizes) - sizes, sizes
