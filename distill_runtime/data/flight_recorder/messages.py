# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""What the records of a journal are: messages of topics, whole or only what changes of them.

A channel is one or more parts that a record holds behind one another. What is the same in every
message of a part, its head, is said once, in the facts of the journal. One channel is the status:
its records are text, ``mode`` and the reason in a second line. One channel is the change: what
ticks leave is another thing once another policy acts, and its records say so. Each is written
again now and then, so that what the journal still holds can always be read.
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


class Part(NamedTuple):
    """One topic in a channel."""

    topic: str
    """Resolved name."""
    type: str
    """Such as sensor_msgs/msg/JointState."""
    head: bytes = b''
    """First bytes of every message, which records leave out."""
    size: int = -1
    """Bytes of a record; -1: all that are left."""


class Message(NamedTuple):
    """One serialized message."""

    topic: str
    type: str
    time_ns: int
    content: bytes


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What a journal says of itself."""

    node: str
    """Full name of the node that writes it."""
    channels: tuple[tuple[Part, ...], ...]
    """By the number that records carry."""
    status: int
    """Channel of the status."""
    change: int
    """Channel of the changes."""
    frames: tuple[int, ...]
    """Channels that are other ones after a change."""
    model: Mapping[str, str]
    """What the policy and its settings are, for a replay."""

    def to_json(self) -> dict[str, object]:
        """Return what from_json takes."""
        return {
            'node': self.node,
            'channels': [_parts_to_json(parts) for parts in self.channels],
            'status': self.status,
            'change': self.change,
            'frames': list(self.frames),
            'model': dict(self.model),
        }

    @classmethod
    def from_json(cls, value: Any) -> Facts:  # noqa: ANN401
        """Read what to_json returned.

        Raises:
            RecordingError: If it is anything else.
        """
        try:
            return cls(
                node=str(value['node']),
                channels=tuple(map(_parts_from_json, value['channels'])),
                status=int(value['status']),
                change=int(value['change']),
                frames=tuple(map(int, value['frames'])),
                model={str(key): str(text) for key, text in value['model'].items()},
            )
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise RecordingError(
                'journal has facts of another kind, expected node, channels, status, change, '
                f'frames and model: {error!r}'
            ) from error


class Change(NamedTuple):
    """From a record on, ticks leave something else: another policy acts."""

    number: int
    """Of that record."""
    frames: tuple[tuple[Part, ...], ...]
    """One for each channel of Facts.frames."""
    model: Mapping[str, str]

    @classmethod
    def from_bytes(cls, data: bytes) -> Change:
        """Read the data of its record."""
        head, body = map(json.loads, data.split(b'\n'))
        frames = tuple(map(_parts_from_json, body['frames']))
        return cls(int(head['number']), frames, {**body['model'], **head['swap']})

    def apply(self, facts: Facts) -> Facts:
        """Return what holds from the record on."""
        channels = list(facts.channels)
        for channel, parts in zip(facts.frames, self.frames, strict=True):
            channels[channel] = parts
        return replace(facts, channels=tuple(channels), model=self.model)


def change_body(frames: Iterable[tuple[Part, ...]], model: Mapping[str, str]) -> bytes:
    """Return what is known of a change before it comes.

    Args:
        frames: One for each channel of Facts.frames.
        model: What the policy and its settings are.
    """
    return json.dumps({'frames': [*map(_parts_to_json, frames)], 'model': dict(model)}).encode()


def change_data(number: int, swap: Mapping[str, str], body: bytes) -> bytes:
    """Return the data of the record of a change.

    Args:
        number: Of the record.
        swap: How the change came, further values of the model.
        body: From change_body.
    """
    return json.dumps({'number': number, 'swap': dict(swap)}).encode() + b'\n' + body


def change_before(records: Sequence[Record], facts: Facts) -> Change | None:
    """Return the newest change before the first of some records; None if they tell of none.

    Args:
        records: In the order they were written.
        facts: Of the journal.
    """
    for record in records:
        if record.channel == facts.change:
            change = Change.from_bytes(record.data)
            return change if change.number <= records[0].number else None
    return None


def messages(record: Record, facts: Facts, types: Any) -> Iterator[Message]:  # noqa: ANN401
    """Yield the messages of a record.

    Args:
        record: No change.
        facts: What holds there.
        types: Typestore of rosbags that knows diagnostic_msgs.
    """
    if record.channel == facts.status:
        content = _status(record, facts, types)
        yield Message(STATUS_TOPIC, STATUS_TYPE, record.time_ns, content)
        return
    start = 0
    for part in facts.channels[record.channel]:
        end = len(record.data) if part.size < 0 else start + part.size
        content = part.head + record.data[start:end]
        yield Message(part.topic, part.type, record.time_ns, content)
        start = end


def status_text(mode: str, reason: str) -> bytes:
    """Return the data of a status record."""
    return f'{mode}\n{reason}'.encode()


def read_status(data: bytes) -> tuple[str, str]:
    """Return mode and reason of a status record."""
    mode, _, reason = data.decode(errors='replace').partition('\n')
    return mode, reason


def dotted(node: str) -> str:
    """Return the full name of a node as part of a file name."""
    return node.strip('/').replace('/', '.')


def model_message(facts: Facts, time_ns: int, types: Any) -> Message:  # noqa: ANN401
    """Return what the policy and its settings are as a message of ~/model."""
    kind = 'diagnostic_msgs/msg/DiagnosticStatus'
    name = facts.model.get('model', '')
    message = _diagnostic(types, _OK, f'{facts.node}: model', name, facts.node, facts.model)
    return Message(f'{facts.node}/model', kind, time_ns, _bytes(types, message, kind))


def _parts_to_json(parts: Iterable[Part]) -> list[list[object]]:
    return [[p.topic, p.type, base64.b64encode(p.head).decode(), p.size] for p in parts]


def _parts_from_json(values: Any) -> tuple[Part, ...]:  # noqa: ANN401
    return tuple(Part(t, kind, base64.b64decode(head), int(n)) for t, kind, head, n in values)


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
