# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Statistics of time stamps: rate, jitter, gaps, jumps back."""

from __future__ import annotations

from dataclasses import dataclass

from distill_runtime.data.bags.chunk import StampArray
import numpy as np

LONG_GAP = 0.1
"""Default of max_input_age of student_node, in [s]."""


@dataclass(frozen=True, kw_only=True)
class RateStats:
    """Statistics of a series of times; in [s], times of the series in [ns] of its clock."""

    rate: float
    """Mean, in [Hz]; 0 if no time passes."""
    period: float
    """Median interval."""
    jitter: float
    """99th percentile of the distance of an interval from the median."""
    longest_gap: float
    longest_gap_at_ns: int
    """Begin of the gap."""
    num_gaps: int
    """Intervals above LONG_GAP."""
    num_back: int
    """Number of jumps back."""
    first_back_ns: int | None
    """First time that is before its predecessor; None: there is none."""


def rate_stats(times_ns: StampArray) -> RateStats | None:
    """Compute the statistics of a series of times; None for less than two.

    Args:
        times_ns: In order of arrival, in [ns], shape (N,).
    """
    if len(times_ns) < 2:
        return None
    steps_ns = np.diff(times_ns)
    forward_ns = np.maximum(steps_ns, 0)
    longest = int(forward_ns.argmax())
    back = np.flatnonzero(steps_ns < 0)
    median_ns = float(np.median(steps_ns))
    passed_ns = float(forward_ns.sum())
    return RateStats(
        rate=len(steps_ns) / (passed_ns * 1e-9) if passed_ns else 0.0,
        period=median_ns * 1e-9,
        jitter=float(np.percentile(np.abs(steps_ns - median_ns), 99.0)) * 1e-9,
        longest_gap=float(forward_ns[longest]) * 1e-9,
        longest_gap_at_ns=int(times_ns[longest]),
        num_gaps=int(np.count_nonzero(forward_ns > LONG_GAP * 1e9)),
        num_back=len(back),
        first_back_ns=int(times_ns[back[0] + 1]) if len(back) else None,
    )
