# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Time without jumps, where the clock of a recording was set back or a simulation started over.

What was received before the jump belongs to the time before it. The stretches are put behind one
another, so that the newest sample at a tick is never one of another stretch.
"""

from __future__ import annotations

from distill_runtime.core.arrays import IndexArray
from distill_runtime.data.bags.chunk import BoolArray, StampArray
import numpy as np

SET_BACK_NS = 1_000_000_000
"""A stamp that lies back by less is of a message that was overtaken."""
_MARGIN_NS = 3_600_000_000_000
"""Samples are told apart up to so long before the first tick of their stretch."""


class Timeline:
    """Of the ticks of one recording.

    Attributes:
        ticks: Times of the ticks, shape (T,), ascending: their stamps where the clock never jumps.
    """

    def __init__(self, stamp_ns: StampArray, receive_ns: StampArray) -> None:
        """Find the jumps.

        Args:
            stamp_ns: Of the ticks.
            receive_ns: When what gave each tick was received.
        """
        starts = np.flatnonzero(np.diff(stamp_ns) < 0) + 1
        self._begins = receive_ns[starts]
        firsts, lasts = np.append(0, starts), np.append(starts - 1, len(stamp_ns) - 1)
        self._least, self._most = stamp_ns[firsts], stamp_ns[lasts]
        lengths = self._most - self._least + 2 * _MARGIN_NS
        self._shifts = np.append(0, np.cumsum(lengths)[:-1]) + self._least[0] - self._least
        is_start = np.zeros(len(stamp_ns), np.intp)
        is_start[starts] = 1
        self._of_ticks: IndexArray = np.cumsum(is_start)
        self.ticks: StampArray = stamp_ns + self._shifts[self._of_ticks]

    def unwrapped(self, stamp_ns: StampArray, receive_ns: StampArray) -> StampArray:
        """Return the times of samples on this line.

        Args:
            stamp_ns: Of the samples.
            receive_ns: When they were received.
        """
        if not len(self._begins):
            return stamp_ns
        stretch = self._stretches(receive_ns)
        least, most = self._least[stretch] - _MARGIN_NS, self._most[stretch] + 1
        return np.clip(stamp_ns, least, most) + self._shifts[stretch]

    def belong(self, receive_ns: StampArray) -> BoolArray:
        """Return whether the sample of each tick is of the same stretch.

        Args:
            receive_ns: When each was received.
        """
        return self._stretches(receive_ns) == self._of_ticks

    def _stretches(self, receive_ns: StampArray) -> IndexArray:
        return np.searchsorted(self._begins, receive_ns, side='right')
