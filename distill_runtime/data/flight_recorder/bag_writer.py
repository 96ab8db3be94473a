# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Write records of a ring buffer as a rosbag2 folder: one MCAP file and metadata.yaml."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
import contextlib
import json
import os
from pathlib import Path

from rosbags.interfaces import Connection
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.rosbag2.storage_mcap import McapWriter
from rosbags.typesys import get_typestore, Stores

from .messages import Change, change_before, Facts, Message, messages, model_message
from .ring_buffer import Record

_TYPES = get_typestore(Stores.ROS2_HUMBLE)
_KEY = 'distill_runtime'
_SLICE = 500


class BagWriter:
    """Writes one bag; it is readable only after finish has returned."""

    def __init__(self, path: Path, facts: Facts) -> None:
        """Make the folder and open its file.

        Args:
            path: Folder that does not exist.
            facts: Of the ring buffer.

        Raises:
            OSError: If the folder cannot be made.
        """
        self.path = path
        self.num_messages = 0
        self._facts = facts
        self._has_model = False
        self._changed = -1
        self._writer = Writer(path, version=8, storage_plugin=StoragePlugin.MCAP)
        self._writer.open()
        storage = self._writer.storage
        assert isinstance(storage, McapWriter), 'MCAP was asked for'
        self._storage = storage
        self._connections: dict[str, Connection] = {}

    def write(self, records: Sequence[Record], pulse: Callable[[], None] = lambda: None) -> None:
        """Add records, in the order in which they were written.

        Args:
            records: All that are available: later ones may repeat the change before the first.
            pulse: Called from time to time, since many records take a while.

        Raises:
            OSError: If the disk cannot store them.
        """
        self._write_first_model(records)
        for start in range(0, len(records), _SLICE):
            pulse()
            self._write(records[start : start + _SLICE])

    def _write_first_model(self, records: Sequence[Record]) -> None:
        """Write ~/model before the first record that depends on the active policy."""
        needs = {*self._facts.frames, self._facts.status, self._facts.change}
        if self._has_model or not any(record.channel in needs for record in records):
            return
        self._has_model = True
        change = change_before(records, self._facts)
        if change is not None:
            self._apply(change)
        earliest_ns = min(record.time_ns for record in records)
        self._add(model_message(self._facts, earliest_ns, _TYPES))

    def _write(self, records: Sequence[Record]) -> None:
        found: list[Message] = []
        for record in records:
            if record.channel != self._facts.change:
                found += messages(record, self._facts, _TYPES)
            elif (change := Change.from_bytes(record.data)).number > self._changed:
                self._apply(change)
                found.append(model_message(self._facts, record.time_ns, _TYPES))
        for message in sorted(found, key=lambda message: message.time_ns):
            self._add(message)

    def _apply(self, change: Change) -> None:
        self._changed = change.number
        self._facts = change.apply(self._facts)

    def flush(self) -> None:
        """Flush what was written to the disk, so that a cut-off file has it.

        Raises:
            OSError: If the disk cannot store it.
        """
        if self._storage.chunk.msgs:
            self._storage.close_chunk()
        self._storage.bio.flush()

    def finish(self, facts: Mapping[str, object]) -> int:
        """Complete the bag and wait until it is on disk; return its size in [byte].

        Args:
            facts: JSON values for metadata.yaml, besides those of the model.

        Raises:
            OSError: If the disk cannot store it.
        """
        self._writer.set_custom_data(_KEY, json.dumps({**self._facts.model, **facts}))
        self._writer.close()
        files = [*self.path.iterdir()]
        for file in (*files, self.path):
            sync(file)
        return sum(file.stat().st_size for file in files)

    def abort(self) -> None:
        """Close the file as it is; a full disk has no room for the last bytes either."""
        with contextlib.suppress(OSError):
            self._writer.abort()

    def _add(self, message: Message) -> None:
        connection = self._connections.get(message.topic)
        if connection is None:
            connection = self._writer.add_connection(message.topic, message.type, typestore=_TYPES)
            self._connections[message.topic] = connection
        self._writer.write(connection, message.time_ns, message.content)
        self.num_messages += 1


def sync(path: Path) -> None:
    """Wait until a file, or the entries of a folder, are on disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
