# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""~/observation and ~/action of a recording: vectors of one width."""

from __future__ import annotations

from dataclasses import dataclass

from distill_runtime.data.bags.bag import Bag
from distill_runtime.data.bags.chunk_rows import read_chunks
from distill_runtime.data.bags.dropped import DroppedCounter, OTHER_WIDTH
from distill_runtime.wire.rows import Columns
import numpy as np

from .row_store import RowStore
from .series import Series

_TYPE = 'std_msgs/msg/Float32MultiArray'


@dataclass(frozen=True, kw_only=True, eq=False)
class VectorSeries(Series):
    """Vectors of one width, in order of receipt."""

    values: RowStore
    """Shape (N, width); a message that cannot be decoded is a row of NaN."""


def read_internals(bag: Bag, name: str, width: int) -> VectorSeries | None:
    """Read the vectors of a topic; None: it has none of this width.

    Args:
        bag: The recording.
        name: Of the topic.
        width: Number of elements of a vector.
    """
    topic = next(
        (topic for topic in bag.topics if (topic.name, topic.type) == (name, _TYPE)), None
    )
    if topic is None:
        return None
    num_read = 0

    def select(group: Columns) -> Columns | str:
        nonlocal num_read
        if group.counts != (width,):
            return OTHER_WIDTH
        num_read += len(group.index)
        return group

    dropped = DroppedCounter()
    received = []
    values = RowStore(width)
    for rows in read_chunks(bag, topic, dropped, select, nan_width=width):
        received.append(rows.receive_ns)
        values.append(rows.gather(width, dtype=np.float32))
    if not num_read:
        return None
    return VectorSeries(
        receive_ns=np.concatenate(received), values=values, dropped=dropped.found()
    )
