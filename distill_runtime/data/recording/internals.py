# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""~/observation and ~/action of a recording: vectors of one width."""

from __future__ import annotations

from dataclasses import dataclass, field

from distill_runtime.data.bags.bag import Bag
from distill_runtime.data.bags.chunk import StampArray
from distill_runtime.data.bags.columns import array_parts
from distill_runtime.data.bags.dropped import (
    count,
    DroppedCounter,
    LeftOut,
    OTHER_WIDTH,
    UNDECODABLE,
)
import numpy as np

from .row_store import RowStore

LABELLED_TYPE = 'std_msgs/msg/Float32MultiArray'


@dataclass(frozen=True, kw_only=True, eq=False)
class VectorSeries:
    """Vectors of one width, in order of receipt."""

    receive_ns: StampArray
    values: RowStore
    """Shape (N, width); NaN where a message cannot be decoded: it keeps its place."""
    left_out: LeftOut = field(default_factory=dict)
    """Messages that could not be used."""

    @property
    def num_skipped(self) -> int:
        """How many messages could not be used."""
        return count(self.left_out)


def read_internals(bag: Bag, name: str, width: int) -> VectorSeries | None:
    """Read the vectors of a topic; None: it has none of this width.

    Args:
        bag: The recording.
        name: Of the topic.
        width: Number of elements that are wanted.
    """
    leaving_out = DroppedCounter()
    received: list[StampArray] = []
    values = RowStore(width)
    num_read = 0
    for topic in bag.topics:
        if (topic.name, topic.type) != (name, LABELLED_TYPE):
            continue
        for chunk in bag.chunks(topic):
            alike, undecodable = array_parts(bag, topic, chunk)
            leaving_out.add(UNDECODABLE, chunk.receive_ns[undecodable])
            rows = np.full((len(chunk.sizes), width), np.nan, np.float32)
            is_kept = np.zeros(len(rows), np.bool_)
            is_kept[undecodable] = True
            for part in alike:
                if part.counts == (width,):
                    rows[part.places] = part.numbers()
                    is_kept[part.places] = True
                    num_read += len(part.places)
                else:
                    leaving_out.add(OTHER_WIDTH, chunk.receive_ns[part.places])
            received.append(chunk.receive_ns[is_kept])
            values.append(rows[is_kept])
    if not num_read:
        return None
    return VectorSeries(
        receive_ns=np.concatenate(received), values=values, left_out=leaving_out.found()
    )
