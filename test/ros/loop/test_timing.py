# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from fractions import Fraction
import time

from distill_runtime.ros.loop.timing import Grid, sleep_until, Timing
from hypothesis import given
from hypothesis import strategies as st
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


def test_rate_that_does_not_divide_the_period_does_not_drift():
    grid = Grid(0, 20_000_000, 3)
    for k in range(30_000):
        assert 0 <= Fraction(k * 20_000_000, 3) - grid.deadline_ns < 1
        assert grid.advance(grid.deadline_ns) == 0
    assert grid.deadline_ns == 200_000_000_000


@pytest.mark.parametrize(
    ('now', 'skipped', 'following'),
    [(1000, 0, 1020), (1019, 0, 1020), (1020, 1, 1040), (1021, 1, 1040), (1059, 2, 1060)],
)
def test_passed_deadlines_are_skipped_and_counted(now, skipped, following):
    grid = Grid(1000, 20, 1)
    assert grid.advance(now) == skipped
    assert grid.deadline_ns == following


@given(
    st.integers(0, 10**18),
    st.integers(1_000, 10**10),
    st.integers(1, 100),
    st.lists(st.integers(0, 10**11), min_size=1, max_size=20),
)
def test_next_deadline_is_after_now_and_no_deadline_is_lost(start, period, ticks, delays):
    grid = Grid(start, period, ticks)
    passed = 0
    for delay in delays:
        now = grid.deadline_ns + delay
        passed += 1 + grid.advance(now)
        assert grid.deadline_ns == start + passed * period // ticks
        assert grid.deadline_ns > now - 1
        assert start + (passed - 1) * period // ticks <= now


def test_wait_ends_at_the_deadline_not_before():
    for ahead_ns in (-1_000_000, 0, 100_000, 3_000_000):
        deadline_ns = time.monotonic_ns() + ahead_ns
        sleep_until(deadline_ns, lambda: False)
        assert time.monotonic_ns() >= deadline_ns


def test_long_wait_ends_early_when_it_is_cancelled(monkeypatch):
    slept = []
    monkeypatch.setattr(time, 'sleep', slept.append)
    sleep_until(time.monotonic_ns() + 10_000_000_000, lambda: len(slept) == 3)
    assert slept == [0.1, 0.1, 0.1]
