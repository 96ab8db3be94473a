# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Read a rosbag2 of one MCAP file, or of several that it was split into."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from distill_runtime.errors import RecordingError
import numpy as np
from rosbags.typesys import get_types_from_msg, get_typestore, Stores
from rosbags.typesys.store import Typestore

from .chunk import Chunk, make_chunk
from .mcap_file import McapFile

_READABLE = 'cdr'
_END = np.iinfo(np.int64).max


class McapBag:
    """Reads messages by topic and type, in order of receipt."""

    is_cdr = True
    """Messages in other encodings are skipped."""

    def __init__(self, paths: Sequence[Path]) -> None:
        """Open the files.

        Raises:
            RecordingError: If none is an MCAP file.
        """
        self._files: list[McapFile] = []
        self._refused: list[str] = []
        for path in paths:
            try:
                self._files.append(McapFile(path))
            except RecordingError as error:
                self._refused.append(str(error))
        if not self._files:
            raise RecordingError('; '.join(self._refused))
        self._types: Typestore | None = None
        self._channels: dict[tuple[str, str], list[tuple[McapFile, int]]] = {}
        for file in self._files:
            for number, channel in file.channels.items():
                if channel.encoding == _READABLE:
                    key = (channel.topic, channel.type)
                    self._channels.setdefault(key, []).append((file, number))

    @property
    def damage(self) -> list[str]:
        """What could not be read so far, file by file."""
        return [*self._refused, *(text for file in self._files for text in file.damage)]

    def close(self) -> None:
        """Close all files."""
        for file in self._files:
            file.close()

    def counts(self) -> dict[tuple[str, str], int]:
        """Return the number of messages per topic and type."""
        return {
            key: sum(file.count(number) for file, number in channels)
            for key, channels in self._channels.items()
        }

    def chunks(self, topic: str, kind: str) -> Iterator[Chunk]:
        """Yield the messages of a topic; a lost one is empty."""
        channels = self._channels[topic, kind]
        first_times = [time for file, number in channels for time in file.first_times(number)]
        # hold back messages that are newer than the oldest one of the chunks to come
        following = np.append(np.minimum.accumulate(first_times[::-1])[::-1], _END)[1:]
        kept: Chunk | None = None
        chunks = (chunk for file, number in channels for chunk in file.chunks(number))
        for chunk, next_ns in zip(chunks, following.tolist(), strict=True):
            whole = _sorted(chunk if kept is None else _concatenate(kept, chunk))
            count = int(np.searchsorted(whole.receive_ns, next_ns, side='right'))
            if count:
                yield whole.take(slice(0, count))
            kept = whole.take(slice(count, None)) if count < len(whole.sizes) else None

    def deserialize(self, content: bytes, kind: str) -> Any:  # noqa: ANN401 - rosbags makes it
        """Return a message as an object."""
        if self._types is None:  # takes 0.1 s, and most recordings do not need it
            self._types = get_typestore(Stores.ROS2_HUMBLE)
        if kind not in self._types.fielddefs:
            self._register(self._types, kind)
        return self._types.deserialize_cdr(content, kind)

    def _register(self, types: Typestore, kind: str) -> None:
        """Register the definition of a type that ROS does not define."""
        for file in self._files:
            for channel in file.channels.values():
                if channel.type == kind and channel.definition:
                    defined = get_types_from_msg(channel.definition, kind).items()
                    types.register({k: v for k, v in defined if k not in types.fielddefs})
                    return


def _concatenate(first: Chunk, second: Chunk) -> Chunk:
    """Copy two chunks into one."""
    contents = [
        chunk.content(index) for chunk in (first, second) for index in range(len(chunk.sizes))
    ]
    times = np.concatenate((first.receive_ns, second.receive_ns))
    return make_chunk(times.tolist(), contents)


def _sorted(chunk: Chunk) -> Chunk:
    """Return a chunk in order of receipt."""
    if np.all(chunk.receive_ns[1:] >= chunk.receive_ns[:-1]):
        return chunk
    return chunk.take(np.argsort(chunk.receive_ns, kind='stable'))
