# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Recordings on disk, of every kind that rosbags reads: rosbag2 (MCAP, sqlite3) and rosbag1.

No ROS is needed. A bag that holds no message definitions, as those of older distributions do, is
read with the definitions of Humble: the messages used here have not changed since.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

from distill_runtime.errors import ConfigError, RecordingError
from rosbags.highlevel import AnyReader
from rosbags.typesys import get_typestore, Stores

KINDS = ('rosbag2 folder', '.mcap', '.db3', 'rosbag1 .bag')


class Topic(NamedTuple):
    """One topic of a recording."""

    name: str
    type: str
    """Such as sensor_msgs/msg/JointState, for rosbag1 too."""
    num_messages: int


class Bag:
    """An open recording; close it, or use it in a with statement."""

    def __init__(self, path: Path | str) -> None:
        """Open a recording.

        Args:
            path: Folder of a rosbag2, one of its .mcap or .db3 files, or a rosbag1 .bag.

        Raises:
            ConfigError: If nothing is there.
            RecordingError: If it is no recording, damaged, or empty.
        """
        self.path = Path(path)
        if not self.path.exists():
            raise ConfigError(f'recording {self.path} does not exist')
        if self.path.is_dir() and not (self.path / 'metadata.yaml').is_file():
            raise RecordingError(
                f'{self.path} has no metadata.yaml, expected one of {list(KINDS)}: was the '
                'recording cut off? ros2 bag reindex writes it anew'
            )
        try:
            self._reader = AnyReader(
                [self.path], default_typestore=get_typestore(Stores.ROS2_HUMBLE)
            )
            self._reader.open()
        except Exception as error:  # of many types: sqlite3's, zstd's, YAML's among them
            raise RecordingError(
                f'{self.path} cannot be read as a recording ({", ".join(KINDS)}): {_line(error)}'
            ) from error
        counts: dict[tuple[str, str], int] = {}
        for connection in self._reader.connections:
            key = (connection.topic, connection.msgtype)
            counts[key] = counts.get(key, 0) + connection.msgcount
        self.topics = tuple(Topic(*key, count) for key, count in sorted(counts.items()))
        """All of them, by name."""
        if not sum(counts.values()):
            self.close()
            raise RecordingError(f'{self.path} is empty, expected messages')

    def __enter__(self) -> Bag:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """Close all files."""
        self._reader.close()

    def messages(self, topic: Topic) -> Iterator[tuple[int, Any]]:
        """Yield when each message was received in [ns], and the message, in order of receipt.

        Raises:
            RecordingError: If the file is damaged there.
        """
        connections = [
            connection
            for connection in self._reader.connections
            if (connection.topic, connection.msgtype) == topic[:2]
        ]
        try:
            for connection, receive_ns, content in self._reader.messages(connections):
                yield receive_ns, self._reader.deserialize(content, connection.msgtype)
        except Exception as error:  # of many types, IndexError and zlib's among them
            raise RecordingError(
                f'{self.path} is damaged at {topic.name}: {_line(error)}'
            ) from error


def _line(error: Exception) -> str:
    text = ' '.join(str(error).split())
    return text or type(error).__name__
