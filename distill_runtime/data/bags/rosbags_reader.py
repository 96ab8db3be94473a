# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Read recordings with rosbags: rosbag2 in sqlite3 or with compressed messages, and rosbag1."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rosbags.highlevel import AnyReader
from rosbags.typesys import get_typestore, Stores

from .chunk import Chunk, CHUNK_SIZE, make_chunk


class RosbagsReader:
    """Reads messages by topic and type, in order of receipt."""

    damage: tuple[str, ...] = ()
    """Always empty: a damaged file cannot be opened, or raises where it is read."""

    def __init__(self, path: Path) -> None:
        """Open a recording; raises errors of many types: sqlite3's, zstd's, YAML's among them."""
        self._reader = AnyReader([path], default_typestore=get_typestore(Stores.ROS2_HUMBLE))
        self._reader.open()
        self.is_cdr = self._reader.is2
        """Whether messages are serialized as CDR; those of rosbag1 are not."""

    def close(self) -> None:
        """Close all files."""
        self._reader.close()

    def counts(self) -> dict[tuple[str, str], int]:
        """Return the number of messages per topic and type."""
        found: Counter[tuple[str, str]] = Counter()
        for connection in self._reader.connections:
            found[connection.topic, connection.msgtype] += connection.msgcount
        return found

    def chunks(self, topic: str, kind: str) -> Iterator[Chunk]:
        """Yield the messages of a topic; raises errors of many types if the file is damaged."""
        connections = [
            connection
            for connection in self._reader.connections
            if (connection.topic, connection.msgtype) == (topic, kind)
        ]
        received: list[int] = []
        contents: list[bytes] = []
        for _, receive_ns, content in self._reader.messages(connections):
            received.append(receive_ns)
            contents.append(content)
            if len(contents) == CHUNK_SIZE:
                yield make_chunk(received, contents)
                received, contents = [], []
        if contents:
            yield make_chunk(received, contents)

    def deserialize(self, content: bytes, kind: str) -> Any:  # noqa: ANN401 - rosbags makes it
        """Return a message as an object."""
        return self._reader.deserialize(content, kind)
