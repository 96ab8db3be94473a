# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Which deadlines the control loop missed, and whether the machine kept it from meeting them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[np.int64]
"""Of ticks: number, stamp, lateness at wake-up; of a witness: moment, lateness. Times in [ns]."""
ENOUGH = 0.5
"""Share of a period that explains a miss: what a tick may take beside it is far less."""


class Miss(NamedTuple):
    """Deadlines in a row that passed without a tick."""

    deadline_ns: int
    """Of the tick before, in [ns] since 1970."""
    deadlines: int
    """That passed behind it."""
    late_before_ns: int
    """By which the tick before began behind its deadline."""
    late_after_ns: int
    """By which the tick behind them began behind its own."""
    held_up_ns: int
    """How long a witness was kept from its processor meanwhile, the worst of all."""
    is_explained: bool


def find_misses(ticks: Rows, witnesses: Sequence[Rows], period_ns: int) -> list[Miss]:
    """Return all misses, in order.

    A miss is explained where a witness, a thread of a higher priority than the control loop's
    that does nothing but wake, was itself kept from its processor for half a period or longer
    between the deadline of the tick before and the begin of the tick behind.

    Args:
        ticks: Number, stamp and lateness of each tick that was seen, shape (num_ticks, 3).
        witnesses: Moment and lateness of each late wake-up, per processor, shape (num, 2).
        period_ns: Of the ticks.
    """
    numbers, stamps, lateness = ticks.T
    deadlines = stamps - lateness
    passed = np.rint(np.diff(deadlines) / period_ns).astype(np.int64) - np.diff(numbers)
    misses = []
    for place in np.flatnonzero(passed > 0).tolist():
        begin, end = int(deadlines[place]), int(stamps[place + 1])
        held_up = max((_held_up(rows, begin, end) for rows in witnesses), default=0)
        misses.append(
            Miss(
                begin,
                int(passed[place]),
                int(lateness[place]),
                int(lateness[place + 1]),
                held_up,
                held_up >= ENOUGH * period_ns,
            )
        )
    return misses


def _held_up(rows: Rows, begin_ns: int, end_ns: int) -> int:
    """Return how long a witness was late between two moments, in [ns]."""
    ends = np.minimum(rows[:, 0], end_ns)
    begins = np.maximum(rows[:, 0] - rows[:, 1], begin_ns)
    return int(np.maximum(ends - begins, 0).sum())
