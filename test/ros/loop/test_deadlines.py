# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from fractions import Fraction
import time

from distill_runtime.ros.loop import deadlines
from distill_runtime.ros.loop.timing import Grid, sleep_until
from hypothesis import given
from hypothesis import strategies as st
import pytest


def test_deadlines_lie_at_whole_periods_after_the_start():
    grid = Grid(1000, 20, 1)
    deadlines = []
    for _ in range(4):
        deadlines.append(grid.deadline_ns)
        assert grid.advance(grid.deadline_ns + 5) == 0
    assert deadlines == [1000, 1020, 1040, 1060]


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
    monkeypatch.setattr(deadlines.time, 'sleep', slept.append)
    sleep_until(time.monotonic_ns() + 10_000_000_000, lambda: len(slept) == 3)
    assert slept == [0.1, 0.1, 0.1]
