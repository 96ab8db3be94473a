# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Turn the records of a ring buffer into messages of topics.

A record of a channel has the messages of one or more topics, one after another. The constant
first bytes of the messages of a topic are stored once, in the facts of the ring buffer. One
channel is the status: its records are text, ``mode`` and in a second line the reason. One channel
is the change: its records define the channels of ticks after another policy became active. Both
are repeated from time to time, so that all records in the buffer can be read.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
import json
from typing import Any, NamedTuple

from distill_runtime.errors import RecordingError

from .ring_buffer import Record

STATUS_TYPE = 'diagnostic_msgs/msg/DiagnosticArray'
STATUS_TOPIC = '/diagnostics'
_OK, _WARN, _ERROR = b'\x00', b'\x01', b'\x02'


class TopicFrame(NamedTuple):
    """One topic in a channel."""

    topic: str
    """Resolved name."""
    type: str
    """Such as sensor_msgs/msg/JointState."""
    prefix: bytes = b''
    """Constant first bytes of every message, which records omit."""
    size: int = -1
    """Bytes in a record; -1: all that remain."""


class Message(NamedTuple):
    """One serialized message."""

    topic: str
    type: str
    time_ns: int
    content: bytes


@dataclass(frozen=True, kw_only=True)
class Facts:
    """Defines the records of a ring buffer."""

    node: str
    """Full name of the node that writes them."""
    channels: tuple[tuple[TopicFrame, ...], ...]
    """By the channel number of records."""
    status: int
    """Channel of the status."""
    change: int
    """Channel of the changes."""
    frames: tuple[int, ...]
    """Channels that a change redefines."""
    model: Mapping[str, str]
    """Policy and parameters, for a replay."""

    def to_json(self) -> dict[str, object]:
        """Return what from_json takes."""
        return {
            'node': self.node,
            'channels': [_channel_to_json(topics) for topics in self.channels],
            'status': self.status,
            'change': self.change,
            'frames': list(self.frames),
            'model': dict(self.model),
        }

    @classmethod
    def from_json(cls, value: Any) -> Facts:  # noqa: ANN401
        """Read what to_json returned.

        Raises:
            RecordingError: If value has another form.
        """
        try:
            return cls(
                node=str(value['node']),
                channels=tuple(map(_channel_from_json, value['channels'])),
                status=int(value['status']),
                change=int(value['change']),
                frames=tuple(map(int, value['frames'])),
                model={str(key): str(text) for key, text in value['model'].items()},
            )
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise RecordingError(
                'ring buffer has facts of another kind, expected node, channels, status, change, '
                f'frames and model: {error!r}'
            ) from error


class Change(NamedTuple):
    """Another policy is active, and ticks have other channels, from a record on."""

    number: int
    """Of that record."""
    frames: tuple[tuple[TopicFrame, ...], ...]
    """One for each channel of Facts.frames."""
    model: Mapping[str, str]

    @classmethod
    def from_bytes(cls, data: bytes) -> Change:
        """Read the data of its record."""
        header, body = map(json.loads, data.split(b'\n'))
        frames = tuple(map(_channel_from_json, body['frames']))
        return cls(int(header['number']), frames, {**body['model'], **header['swap']})

    def apply(self, facts: Facts) -> Facts:
        """Return the facts from the record on."""
        channels = list(facts.channels)
        for channel, topics in zip(facts.frames, self.frames, strict=True):
            channels[channel] = topics
        return replace(facts, channels=tuple(channels), model=self.model)


def change_body(frames: Iterable[tuple[TopicFrame, ...]], model: Mapping[str, str]) -> bytes:
    """Return the second line of a change record, which is known before the change.

    Args:
        frames: One for each channel of Facts.frames.
        model: Policy and parameters.
    """
    return json.dumps({'frames': [*map(_channel_to_json, frames)], 'model': dict(model)}).encode()


def change_data(number: int, swap: Mapping[str, str], body: bytes) -> bytes:
    """Return the data of the record of a change.

    Args:
        number: Of the record.
        swap: Further values of the model, from the swap.
        body: From change_body.
    """
    return json.dumps({'number': number, 'swap': dict(swap)}).encode() + b'\n' + body


def change_before(records: Sequence[Record], facts: Facts) -> Change | None:
    """Return the newest change before the first of some records; None if they repeat none.

    Args:
        records: In the order they were written.
        facts: Of the ring buffer.
    """
    for record in records:
        if record.channel == facts.change:
            change = Change.from_bytes(record.data)
            return change if change.number <= records[0].number else None
    return None


def messages(record: Record, facts: Facts, types: Any) -> Iterator[Message]:  # noqa: ANN401
    """Yield the messages of a record.

    Args:
        record: Of any channel but the change.
        facts: That apply to it.
        types: Typestore of rosbags that knows diagnostic_msgs.
    """
    if record.channel == facts.status:
        content = _status(record, facts, types)
        yield Message(STATUS_TOPIC, STATUS_TYPE, record.time_ns, content)
        return
    start = 0
    for entry in facts.channels[record.channel]:
        end = len(record.data) if entry.size < 0 else start + entry.size
        content = entry.prefix + record.data[start:end]
        yield Message(entry.topic, entry.type, record.time_ns, content)
        start = end


def status_text(mode: str, reason: str) -> bytes:
    """Return the data of a status record."""
    return f'{mode}\n{reason}'.encode()


def read_status(data: bytes) -> tuple[str, str]:
    """Return mode and reason of a status record."""
    mode, _, reason = data.decode(errors='replace').partition('\n')
    return mode, reason


def dotted(node: str) -> str:
    """Return the full name of a node for a file name."""
    return node.strip('/').replace('/', '.')


def model_message(facts: Facts, time_ns: int, types: Any) -> Message:  # noqa: ANN401
    """Return policy and parameters as a message of ~/model."""
    kind = 'diagnostic_msgs/msg/DiagnosticStatus'
    name = facts.model.get('model', '')
    message = _diagnostic(types, _OK, f'{facts.node}: model', name, facts.node, facts.model)
    return Message(f'{facts.node}/model', kind, time_ns, _bytes(types, message, kind))


def _channel_to_json(topics: Iterable[TopicFrame]) -> list[list[object]]:
    return [[p.topic, p.type, base64.b64encode(p.prefix).decode(), p.size] for p in topics]


def _channel_from_json(values: Any) -> tuple[TopicFrame, ...]:  # noqa: ANN401
    return tuple(
        TopicFrame(t, kind, base64.b64decode(prefix), int(n)) for t, kind, prefix, n in values
    )


def _status(record: Record, facts: Facts, types: Any) -> bytes:  # noqa: ANN401
    """Return a status record as a DiagnosticArray, like those of /diagnostics."""
    mode, reason = read_status(record.data)
    values = {'mode': mode, 'reason': reason}
    values |= {key: facts.model[key] for key in ('model', 'policy', 'model_sha256')}
    level = _ERROR if mode == 'fault' else _WARN if reason else _OK
    name = f'{facts.node}: control'
    status = _diagnostic(types, level, name, reason or mode, facts.node, values)
    seconds, nanoseconds = divmod(record.time_ns, 1_000_000_000)
    header = types.types['std_msgs/msg/Header'](
        stamp=types.types['builtin_interfaces/msg/Time'](sec=seconds, nanosec=nanoseconds),
        frame_id='',
    )
    return _bytes(types, types.types[STATUS_TYPE](header=header, status=[status]), STATUS_TYPE)


def _diagnostic(
    types: Any,  # noqa: ANN401
    level: bytes,
    name: str,
    message: str,
    hardware_id: str,
    values: Mapping[str, str],
) -> object:
    pair = types.types['diagnostic_msgs/msg/KeyValue']
    return types.types['diagnostic_msgs/msg/DiagnosticStatus'](
        level=level[0],
        name=name,
        message=message,
        hardware_id=hardware_id,
        values=[pair(key=key, value=value) for key, value in values.items()],
    )


def _bytes(types: Any, message: object, kind: str) -> bytes:  # noqa: ANN401
    return bytes(types.serialize_cdr(message, kind))
