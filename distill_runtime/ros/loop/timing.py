# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""When the ticks of a loop began and how long they took, in fixed memory."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


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
        """Make the ring.

        Args:
            period_ns: Nominal period.
            size: Number of ticks kept.
        """
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
