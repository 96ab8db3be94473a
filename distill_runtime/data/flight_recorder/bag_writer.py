# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Records of a journal as a rosbag2 folder: one MCAP file and metadata.yaml."""

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
    """A bag under construction: it is readable when finish has returned, not before."""

    def __init__(self, path: Path, facts: Facts) -> None:
        """Make the folder and open its file.

        Args:
            path: Folder that does not exist.
            facts: Of the journal.

        Raises:
            OSError: If it cannot be made.
        """
        self.path = path
        self.num_messages = 0
        self._facts = facts
        self._is_begun = False
        self._changed = -1
        self._writer = Writer(path, version=8, storage_plugin=StoragePlugin.MCAP)
        self._writer.open()
        storage = self._writer.storage
        assert isinstance(storage, McapWriter), 'MCAP was asked for'
        self._storage = storage
        self._connections: dict[str, Connection] = {}

    def write(self, records: Sequence[Record], pulse: Callable[[], None] = lambda: None) -> None:
        """Add records, given as they were written, in the order of their times.

        Args:
            records: All that there are at the time: they may tell what held before them.
            pulse: Called now and then, since many take a while.

        Raises:
            OSError: If the disk does not take them.
        """
        self._begin(records)
        for start in range(0, len(records), _SLICE):
            pulse()
            self._write(records[start : start + _SLICE])

    def _begin(self, records: Sequence[Record]) -> None:
        """Say which policy acts as soon as records depend on it."""
        needs = {*self._facts.frames, self._facts.status, self._facts.change}
        if self._is_begun or not any(record.channel in needs for record in records):
            return
        self._is_begun = True
        change = change_before(records, self._facts)
        if change is not None:
            self._turn(change)
        earliest_ns = min(record.time_ns for record in records)
        self._add(model_message(self._facts, earliest_ns, _TYPES))

    def _write(self, records: Sequence[Record]) -> None:
        found: list[Message] = []
        for record in records:
            if record.channel != self._facts.change:
                found += messages(record, self._facts, _TYPES)
            elif (change := Change.from_bytes(record.data)).number > self._changed:
                self._turn(change)
                found.append(model_message(self._facts, record.time_ns, _TYPES))
        for message in sorted(found, key=lambda message: message.time_ns):
            self._add(message)

    def _turn(self, change: Change) -> None:
        self._changed = change.number
        self._facts = change.apply(self._facts)

    def flush(self) -> None:
        """Hand what was written to the disk, so that a cut-off file holds it.

        Raises:
            OSError: If the disk does not take it.
        """
        if self._storage.chunk.msgs:
            self._storage.close_chunk()
        self._storage.bio.flush()

    def finish(self, said: Mapping[str, object]) -> int:
        """Complete the bag and wait until the disk has it; return its size in [byte].

        Args:
            said: JSON values for metadata.yaml, beside what the model says.

        Raises:
            OSError: If the disk does not take it.
        """
        self._writer.set_custom_data(_KEY, json.dumps({**self._facts.model, **said}))
        self._writer.close()
        files = [*self.path.iterdir()]
        for file in (*files, self.path):
            sync(file)
        return sum(file.stat().st_size for file in files)

    def abort(self) -> None:
        """Close the file as it is; a disk that is full has no room for the last bytes either."""
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
    """Wait until the disk has a file, or the entries of a folder."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
