# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Write records of a ring buffer as a rosbag2 folder: one MCAP file and metadata.yaml."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
import contextlib
import json
from pathlib import Path
from typing import NamedTuple

from rosbags.interfaces import Connection
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.rosbag2.storage_mcap import McapWriter
from rosbags.typesys import get_typestore, Stores

from .folders import sync
from .records import Change, change_before, Facts, read_status
from .ring_buffer import Record

_TYPES = get_typestore(Stores.ROS2_HUMBLE)
_KEY = 'distill_runtime'
_SLICE = 500
_OK, _WARN, _ERROR = range(3)
_STATUS_TYPE = 'diagnostic_msgs/msg/DiagnosticStatus'
_ARRAY_TYPE = 'diagnostic_msgs/msg/DiagnosticArray'


class Message(NamedTuple):
    """One serialized message."""

    topic: str
    type: str
    time_ns: int
    content: bytes


class BagWriter:
    """Writes one bag; it is readable only after finish has returned."""

    def __init__(self, path: Path, facts: Facts) -> None:
        """Make the folder, which does not exist, and open its file.

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
        """Add records, in the order in which they were written, and call pulse in between.

        They are all that are available: later ones may repeat the change before the first.

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
        self._add(model_message(self._facts, earliest_ns))

    def _write(self, records: Sequence[Record]) -> None:
        found: list[Message] = []
        for record in records:
            if record.channel != self._facts.change:
                found += messages(record, self._facts)
            elif (change := Change.from_bytes(record.data)).number > self._changed:
                self._apply(change)
                found.append(model_message(self._facts, record.time_ns))
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

    def finish(self, facts: Mapping[str, object]) -> None:
        """Complete the bag, with more facts in its metadata, and wait until it is on disk.

        Raises:
            OSError: If the disk cannot store it.
        """
        self._writer.set_custom_data(_KEY, json.dumps({**self._facts.model, **facts}))
        self._writer.close()
        for path in (*self.path.iterdir(), self.path):
            sync(path)

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


def messages(record: Record, facts: Facts) -> Iterator[Message]:
    """Yield the messages of a record of any channel but the change."""
    if record.channel == facts.status:
        yield _status_message(record, facts)
        return
    start = 0
    for entry in facts.channels[record.channel]:
        end = len(record.data) if entry.size < 0 else start + entry.size
        content = entry.prefix + record.data[start:end]
        yield Message(entry.topic, entry.type, record.time_ns, content)
        start = end


def model_message(facts: Facts, time_ns: int) -> Message:
    """Return policy and parameters as a message of ~/model."""
    status = _diagnostic(facts, 'model', _OK, facts.model.get('model', ''), facts.model)
    content = bytes(_TYPES.serialize_cdr(status, _STATUS_TYPE))
    return Message(f'{facts.node}/model', _STATUS_TYPE, time_ns, content)


def _status_message(record: Record, facts: Facts) -> Message:
    """Return a status record as a DiagnosticArray, like those of /diagnostics."""
    mode, reason = read_status(record.data)
    values = {'mode': mode, 'reason': reason}
    values |= {key: facts.model[key] for key in ('model', 'policy', 'model_sha256')}
    level = _ERROR if mode == 'fault' else _WARN if reason else _OK
    types = _TYPES.types
    seconds, nanoseconds = divmod(record.time_ns, 1_000_000_000)
    stamp = types['builtin_interfaces/msg/Time'](sec=seconds, nanosec=nanoseconds)
    array = types[_ARRAY_TYPE](
        header=types['std_msgs/msg/Header'](stamp=stamp, frame_id=''),
        status=[_diagnostic(facts, 'control', level, reason or mode, values)],
    )
    content = bytes(_TYPES.serialize_cdr(array, _ARRAY_TYPE))
    return Message('/diagnostics', _ARRAY_TYPE, record.time_ns, content)


def _diagnostic(
    facts: Facts, name: str, level: int, message: str, values: Mapping[str, str]
) -> object:
    pair = _TYPES.types['diagnostic_msgs/msg/KeyValue']
    return _TYPES.types[_STATUS_TYPE](
        level=level,
        name=f'{facts.node}: {name}',
        message=message,
        hardware_id=facts.node,
        values=[pair(key=key, value=value) for key, value in values.items()],
    )
