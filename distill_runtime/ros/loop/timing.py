# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""When ticks begin, and how long they take: the grid of deadlines, its clocks, the figures.

A late tick does not move the deadlines that follow.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
import time

import numpy as np
from rclpy.clock import Clock


@dataclass(frozen=True, kw_only=True)
class TimingSummary:
    """Figures over the newest ticks."""

    ticks: int
    """Ticks since the start."""
    missed: int
    """Deadlines without a tick since the start."""
    rate: float
    """Mean rate over the window, in [Hz]; 0 before two ticks."""
    latency_p50: float
    """Median time from the start of a tick to its command handed over, in [s]."""
    latency_p99: float
    jitter_p99: float
    """99th percentile of the deviation of a period from its nominal length, in [s]."""


class Timing:
    """Ring of the newest ticks; written by the control thread, read by any other."""

    def __init__(self, period_ns: int, size: int = 1024) -> None:
        """Allocate a ring of size ticks."""
        self._period_ns = period_ns
        self._starts = np.zeros(size, dtype=np.int64)
        self._latencies = np.zeros(size, dtype=np.int64)
        self.ticks = 0
        self.missed = 0

    def add(self, start_ns: int, end_ns: int) -> None:
        """Note one tick, by the monotonic clock."""
        slot = self.ticks % len(self._starts)
        self._starts[slot] = start_ns
        self._latencies[slot] = end_ns - start_ns
        self.ticks += 1

    def summary(self) -> TimingSummary:
        """Return the figures of the newest ticks."""
        ticks = self.ticks
        count = min(ticks, len(self._starts))
        newest = np.arange(ticks - count, ticks) % len(self._starts)
        starts, latencies = self._starts[newest], self._latencies[newest] / 1e9
        periods = np.diff(starts)
        deviations = np.abs(periods - self._period_ns) / 1e9
        has_periods = len(periods) > 0
        return TimingSummary(
            ticks=ticks,
            missed=self.missed,
            rate=1e9 * len(periods) / float(starts[-1] - starts[0]) if has_periods else 0.0,
            latency_p50=float(np.percentile(latencies, 50)) if count else 0.0,
            latency_p99=float(np.percentile(latencies, 99)) if count else 0.0,
            jitter_p99=float(np.percentile(deviations, 99)) if has_periods else 0.0,
        )


SPIN_NS = 150_000
"""The last part of a wait is spun: the scheduler wakes a sleeper that much late."""
LONGEST_SLEEP_NS = 100_000_000
"""A policy of 1 Hz must not keep the node from ending."""


class Grid:
    """Deadline k lies at ``start + k * period // ticks``; passed ones are skipped and counted."""

    def __init__(self, start_ns: int, period_ns: int, ticks: int) -> None:
        """Make the deadline at the start the next one; a period has a number of ticks."""
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


def ros_now(clock: Clock) -> Callable[[], int]:
    """Return what reads a ROS clock, in [ns].

    Without simulated time that clock is the system's: to ask it directly costs a tenth.
    """
    return (lambda: int(clock.now().nanoseconds)) if clock.ros_time_is_active else time.time_ns
