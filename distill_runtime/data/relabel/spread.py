# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Mark the steps that still depend on an event, through history or recurrent state."""

from __future__ import annotations

from distill_runtime.core.arrays import BoolArray
import numpy as np


class Spread:
    """Marks an event and the steps after it, chunk by chunk."""

    def __init__(self, depth: int | None) -> None:
        """Start without an event.

        Args:
            depth: Number of steps that an event marks, itself included; None: all until cleared.
        """
        self._depth = np.iinfo(np.int64).max if depth is None else depth
        self._left = 0

    def mark(self, events: BoolArray, clears: BoolArray) -> BoolArray:
        """Return the marked steps.

        Args:
            events: Where events are, shape (n,).
            clears: Where nothing before matters any more, shape (n,); an event there still counts.
        """
        marked = np.zeros(len(events), np.bool_)
        left, begin = self._left, 0
        for row in np.flatnonzero(events | clears).tolist():
            marked[begin : min(row, begin + left)] = True
            left, begin = max(0, left - (row - begin)), row
            if clears[row]:
                left = 0
            if events[row]:
                left = self._depth
        marked[begin : min(len(events), begin + left)] = True
        self._left = max(0, left - (len(events) - begin))
        return marked
