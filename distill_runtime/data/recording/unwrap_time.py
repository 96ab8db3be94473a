# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Unwrap time where the clock of a recording was set back or a simulation restarted.

Messages received before a jump belong to the segment before it. Segments are laid out one after
another, so that the newest sample at a tick is never one of another segment.
"""

from __future__ import annotations

from distill_runtime.core.arrays import BoolArray, IndexArray, StampArray
import numpy as np

SET_BACK_NS = 1_000_000_000
"""A stamp that goes back by less belongs to a message that arrived out of order."""
_MARGIN_NS = 3_600_000_000_000
"""Longest time of a sample before the first tick of its segment; earlier ones are clipped."""


class Timeline:
    """Unwrapped time of the ticks of one recording.

    Attributes:
        ticks: Times of the ticks, shape (T,), ascending; their stamps if the clock never jumps.
    """

    def __init__(self, stamp_ns: StampArray, receive_ns: StampArray) -> None:
        """Find the jumps, by the stamps of the ticks and when their triggers were received."""
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
        """Return the unwrapped times of samples, by their stamps and times of receipt."""
        if not len(self._begins):
            return stamp_ns
        segment = self._segments(receive_ns)
        least, most = self._least[segment] - _MARGIN_NS, self._most[segment] + 1
        return np.clip(stamp_ns, least, most) + self._shifts[segment]

    def is_same_segment(self, receive_ns: StampArray) -> BoolArray:
        """Return whether the sample that each tick used, received at a time, is of its segment."""
        return self._segments(receive_ns) == self._of_ticks

    def _segments(self, receive_ns: StampArray) -> IndexArray:
        return np.searchsorted(self._begins, receive_ns, side='right')
