# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Find missed deadlines of the control loop, and those that a late wake-up probe explains."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[np.int64]
"""Of ticks: number, stamp, lateness at wake-up; of a probe: time, lateness. Times in [ns]."""
MIN_STALL = 0.5
"""Fraction of a period that explains a miss: a tick takes far less than the remainder."""


class Miss(NamedTuple):
    """Consecutive deadlines without a tick."""

    deadline_ns: int
    """Deadline of the last tick before them, in [ns] since 1970."""
    deadlines: int
    """Number of missed deadlines."""
    late_before_ns: int
    """Lateness of the last tick before them."""
    late_after_ns: int
    """Lateness of the first tick after them."""
    held_up_ns: int
    """Longest time that a probe was kept from its processor meanwhile."""
    is_explained: bool


def find_misses(ticks: Rows, probes: Sequence[Rows], period_ns: int) -> list[Miss]:
    """Return all misses, in order.

    A miss is explained if a probe, whose priority is above the control loop's, was kept from its
    processor for half a period or longer between the deadline of the tick before and the start
    of the tick after.

    Args:
        ticks: Number, stamp and lateness of each received tick, shape (num_ticks, 3).
        probes: Time and lateness of each late wake-up, per processor, shape (num, 2).
        period_ns: Control period.
    """
    numbers, stamps, lateness = ticks.T
    deadlines = stamps - lateness
    passed = np.rint(np.diff(deadlines) / period_ns).astype(np.int64) - np.diff(numbers)
    misses = []
    for index in np.flatnonzero(passed > 0).tolist():
        begin, end = int(deadlines[index]), int(stamps[index + 1])
        held_up = max((_held_up(rows, begin, end) for rows in probes), default=0)
        misses.append(
            Miss(
                begin,
                int(passed[index]),
                int(lateness[index]),
                int(lateness[index + 1]),
                held_up,
                held_up >= MIN_STALL * period_ns,
            )
        )
    return misses


def _held_up(rows: Rows, begin_ns: int, end_ns: int) -> int:
    """Return how long a probe was late between two times, in [ns]."""
    ends = np.minimum(rows[:, 0], end_ns)
    begins = np.maximum(rows[:, 0] - rows[:, 1], begin_ns)
    return int(np.maximum(ends - begins, 0).sum())
