# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Read numbers of messages of any type by the path of a field, such as pose.position.z or data."""

from __future__ import annotations

import re
from typing import Any

from distill_runtime.core.arrays import FloatArray
from distill_runtime.data.bags.bag import Bag, Topic
from distill_runtime.data.bags.dropped import OTHER_WIDTH
from distill_runtime.errors import RecordingError
import numpy as np

from .series import Stream

_STEP = re.compile(r'(\w+)((?:\[\d+\])*)')


def read_field(bag: Bag, topic: Topic, path: str, width: int | None = None) -> Stream:
    """Read a field of all messages of a topic; every message is deserialized.

    Args:
        bag: The recording.
        topic: Of any type whose definition is in the recording or known to rosbags.
        path: Names of fields with dots, an element of an array as ``[0]``.
        width: Number of values; messages with another number are dropped. None: that of the first
            message.

    A field that is a message itself gives its numbers in their order, as wrench.force.

    Raises:
        RecordingError: If the field does not exist or holds no numbers, no message has this many
            numbers, or there is neither message nor width.
    """
    dropped: list[int] = []
    stamps: list[int] = []
    received: list[int] = []
    values: list[FloatArray] = []
    num_found: set[int] = set()
    has_header = True
    for receive_ns, message in bag.messages(topic):
        found = _numbers(message, topic, path)
        width = len(found) if width is None else width
        num_found.add(len(found))
        if len(found) != width:
            dropped.append(receive_ns)
            continue
        header = getattr(message, 'header', None)
        has_header = has_header and header is not None
        if header is not None:
            stamps.append(header.stamp.sec * 1_000_000_000 + header.stamp.nanosec)
        received.append(receive_ns)
        values.append(found)
    if not values and (dropped or width is None):
        raise RecordingError(
            f'{bag.path}: {topic.name} has no message with {width} values in {path!r}, they have '
            f'{sorted(num_found)}'
        )
    return Stream(
        topic=topic,
        receive_ns=np.array(received, np.int64),
        stamp_ns=np.array(stamps, np.int64) if has_header else None,
        values=np.array(values) if values else np.zeros((0, width or 0)),
        num_usable=len(values),
        dropped={OTHER_WIDTH: np.array(dropped, np.int64)} if dropped else {},
    )


def _numbers(message: object, topic: Topic, path: str) -> FloatArray:
    found: Any = message
    for step in path.split('.'):
        match = _STEP.fullmatch(step)
        try:
            assert match is not None
            found = getattr(found, match[1])
            for index in re.findall(r'\d+', match[2]):
                found = found[int(index)]
        except (AssertionError, AttributeError, IndexError, TypeError) as error:
            fields = [
                name
                for name in getattr(message, '__dataclass_fields__', ())
                if not name.startswith('__')
            ]
            raise RecordingError(
                f'{topic.name} ({topic.type}) has no field {path!r}, its fields are {fields}'
            ) from error
    try:
        return _flat(found)
    except (TypeError, ValueError) as error:
        raise RecordingError(
            f'{topic.name} ({topic.type}): {path!r} holds no numbers, it is {type(found).__name__}'
        ) from error


def _flat(value: Any) -> FloatArray:  # noqa: ANN401
    """Return the numbers of a field, of a message, or of a list of messages."""
    names = getattr(value, '__dataclass_fields__', None)
    if names is not None:
        value = [getattr(value, name) for name in names if not name.startswith('__')]
    elif not isinstance(value, (list, tuple)):
        if isinstance(value, (str, bytes)):
            raise TypeError('text is no number')
        return np.atleast_1d(np.asarray(value, np.float64)).reshape(-1)
    return np.concatenate([np.zeros(0), *map(_flat, value)])
