# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""~/observation and ~/action of a recording: vectors whose parts are labelled."""

from __future__ import annotations

from dataclasses import dataclass

from distill_runtime.core.arrays import Float32Array
import numpy as np

from .bags import Bag
from .streams import StampArray

LABELLED_TYPE = 'std_msgs/msg/Float32MultiArray'


@dataclass(frozen=True, kw_only=True, eq=False)
class Labelled:
    """Vectors of one width, in order of receipt."""

    receive_ns: StampArray
    values: Float32Array
    """Shape (N, width)."""
    parts: tuple[tuple[str, int], ...]
    """Label and number of elements of each part."""
    num_skipped: int = 0
    """Messages of another width."""


def read_labelled(bag: Bag, name: str, width: int) -> Labelled | None:
    """Read the vectors of a topic; None: it has none of this width.

    Args:
        bag: The recording.
        name: Of the topic.
        width: Number of elements that are wanted.
    """
    topics = [topic for topic in bag.topics if (topic.name, topic.type) == (name, LABELLED_TYPE)]
    received, rows = [], []
    parts: tuple[tuple[str, int], ...] = ()
    num_messages = 0
    for topic in topics:
        for receive_ns, message in bag.messages(topic):
            num_messages += 1
            if len(message.data) == width:
                received.append(receive_ns)
                rows.append(message.data)
                parts = parts or tuple((part.label, part.size) for part in message.layout.dim)
    if not rows:
        return None
    return Labelled(
        receive_ns=np.array(received, np.int64),
        values=np.array(rows, np.float32),
        parts=parts,
        num_skipped=num_messages - len(rows),
    )
