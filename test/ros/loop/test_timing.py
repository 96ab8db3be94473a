# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from distill_runtime.ros.loop.timing import Timing
import numpy as np
import pytest

MS = 1_000_000


def noted(*ticks, period_ms=20, **options):
    """Return the summary of ticks given as start and duration in [ms]."""
    timing = Timing(period_ms * MS, **options)
    for start, duration in ticks:
        timing.add(round(start * MS), round((start + duration) * MS))
    return timing.summary()


def test_figures_before_the_first_tick_are_zero():
    summary = noted()
    assert (summary.ticks, summary.missed, summary.rate) == (0, 0, 0.0)
    assert summary.latency_p50 == summary.latency_p99 == summary.jitter_p99 == 0.0


def test_one_tick_has_a_latency_and_no_rate():
    summary = noted((5, 2))
    assert (summary.ticks, summary.rate, summary.jitter_p99) == (1, 0.0, 0.0)
    assert summary.latency_p50 == summary.latency_p99 == pytest.approx(2e-3)


def test_figures_of_four_ticks_worked_out_by_hand():
    # periods 20, 21, 16 ms: deviations 0, 1, 4 ms; 3 periods in 57 ms
    summary = noted((0, 1), (20, 2), (41, 3), (57, 10))
    assert summary.rate == pytest.approx(3 / 0.057)
    assert summary.latency_p50 == pytest.approx(2.5e-3)
    assert summary.latency_p99 == pytest.approx(1e-3 * (3 + 0.97 * 7))
    assert summary.jitter_p99 == pytest.approx(1e-3 * (1 + 0.98 * 3))


def test_only_the_newest_ticks_count_but_all_are_numbered():
    old = [(start, 50) for start in range(0, 100, 10)]
    new = [(1000 + 20 * number, 1) for number in range(4)]
    summary = noted(*old, *new, size=4)
    assert summary.ticks == 14
    assert summary.rate == pytest.approx(50.0)
    assert summary.latency_p99 == pytest.approx(1e-3)
    assert summary.jitter_p99 == 0.0


def test_ring_keeps_the_order_of_time_where_it_wraps():
    for number in range(1, 12):
        ticks = [(20 * k, 1) for k in range(number)]
        assert noted(*ticks, size=5).jitter_p99 == 0.0


def test_missed_deadlines_are_passed_on():
    timing = Timing(20 * MS)
    timing.missed += 3
    assert timing.summary().missed == 3


def test_noting_a_tick_keeps_the_memory():
    timing = Timing(20 * MS, size=8)
    before = timing._starts
    for number in range(100):
        timing.add(number, number + 1)
    assert timing._starts is before
    assert np.sort(timing._starts).tolist() == list(range(92, 100))
