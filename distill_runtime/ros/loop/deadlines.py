# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Deadlines on an absolute grid: a late tick does not move the ones that follow."""

from __future__ import annotations

from collections.abc import Callable
import time

SPIN_NS = 150_000
"""The last part of a wait is spun: the scheduler wakes a sleeper that much late."""
LONGEST_SLEEP_NS = 100_000_000
"""A policy of 1 Hz must not keep the node from ending."""


class Grid:
    """Deadline k lies at ``start + k * period // ticks``; passed ones are skipped and counted."""

    def __init__(self, start_ns: int, period_ns: int, ticks: int) -> None:
        """Make the deadline at the start the next one.

        Args:
            start_ns: Time of deadline 0.
            period_ns: Period of that many ticks, so that a rate that does not divide it stays
                exact.
            ticks: Deadlines per period.
        """
        self._start_ns = start_ns
        self._period_ns = period_ns
        self._ticks = ticks
        self._next = 0

    @property
    def deadline_ns(self) -> int:
        """The next deadline."""
        return self._start_ns + self._next * self._period_ns // self._ticks

    def advance(self, now_ns: int) -> int:
        """Go on to the first deadline after now; return how many were skipped."""
        self._next += 1
        passed = (now_ns - self._start_ns) * self._ticks // self._period_ns
        skipped = max(0, passed + 1 - self._next)
        self._next += skipped
        return skipped


def sleep_until(deadline_ns: int, is_cancelled: Callable[[], bool]) -> None:
    """Wait for a moment of the monotonic clock: sleep, then spin.

    Args:
        deadline_ns: The moment.
        is_cancelled: Ends the wait early where it says so, at the latest after LONGEST_SLEEP_NS.
    """
    while (rest_ns := deadline_ns - SPIN_NS - time.monotonic_ns()) > 0:
        time.sleep(min(rest_ns, LONGEST_SLEEP_NS) / 1e9)
        if is_cancelled():
            return
    while time.monotonic_ns() < deadline_ns:
        pass
