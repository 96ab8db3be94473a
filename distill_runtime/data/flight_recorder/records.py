# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""What the records of a ring buffer hold, and the facts that define them.

A record of a channel has the messages of one or more topics, one after another. The constant
first bytes of the messages of a topic are stored once, in the facts of the ring buffer. One
channel is the status: its records are text, ``mode`` and in a second line the reason. One channel
is the change: its records define the channels of ticks after another policy became active. Both
are repeated from time to time, so that all records in the buffer can be read.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
import json
from typing import Any, NamedTuple

from distill_runtime.errors import RecordingError

from .ring_buffer import Record


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


Channels = tuple[tuple[TopicFrame, ...], ...]


@dataclass(frozen=True, kw_only=True)
class Facts:
    """Defines the records of a ring buffer."""

    node: str
    """Full name of the node that writes them."""
    channels: Channels
    """By the channel number of records."""
    status: int
    """Channel of the status."""
    change: int
    """Channel of the changes."""
    frames: tuple[int, ...]
    """Channels that a change redefines."""
    model: Mapping[str, str]
    """Policy and parameters, for a replay."""

    def to_bytes(self) -> bytes:
        """Return what from_bytes takes."""
        return _to_json(asdict(self))

    @classmethod
    def from_bytes(cls, data: bytes) -> Facts:
        """Read what to_bytes returned.

        Raises:
            RecordingError: If data has another form.
        """
        try:
            value = json.loads(data)
            value['channels'] = _channels(value['channels'])
            value['frames'] = tuple(value['frames'])
            return cls(**value)
        except (KeyError, TypeError, ValueError) as error:
            raise RecordingError(
                'ring buffer has facts of another kind, expected node, channels, status, change, '
                f'frames and model: {error!r}'
            ) from error


class Change(NamedTuple):
    """Another policy is active, and ticks have other channels, from a record on."""

    number: int
    """Of that record."""
    frames: Channels
    """One for each channel of Facts.frames."""
    model: Mapping[str, str]

    @classmethod
    def from_bytes(cls, data: bytes) -> Change:
        """Read the data of its record."""
        header, body = map(json.loads, data.split(b'\n'))
        frames = _channels(body['frames'])
        return cls(header['number'], frames, {**body['model'], **header['swap']})

    def apply(self, facts: Facts) -> Facts:
        """Return the facts from the record on."""
        channels = list(facts.channels)
        for channel, topics in zip(facts.frames, self.frames, strict=True):
            channels[channel] = topics
        return replace(facts, channels=tuple(channels), model=self.model)


def change_body(frames: Iterable[tuple[TopicFrame, ...]], model: Mapping[str, str]) -> bytes:
    """Return the second line of a change record, which is known before the change.

    There is one frame for each channel of Facts.frames.
    """
    return _to_json({'frames': [*frames], 'model': dict(model)})


def change_data(number: int, swap: Mapping[str, str], body: bytes) -> bytes:
    """Return the data of a change record; swap has further values of the model."""
    return _to_json({'number': number, 'swap': dict(swap)}) + b'\n' + body


def change_before(records: Sequence[Record], facts: Facts) -> Change | None:
    """Return the newest change before the first of some records; None if they repeat none."""
    for record in records:
        if record.channel == facts.change:
            change = Change.from_bytes(record.data)
            return change if change.number <= records[0].number else None
    return None


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


def _to_json(value: object) -> bytes:
    return json.dumps(value, default=lambda data: base64.b64encode(data).decode()).encode()


def _channels(values: Any) -> Channels:  # noqa: ANN401
    return tuple(
        tuple(TopicFrame(t, kind, base64.b64decode(prefix), n) for t, kind, prefix, n in topics)
        for topics in values
    )
