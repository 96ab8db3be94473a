# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import time

from distill_runtime.policy.session import TimedPolicy
import numpy as np
import pytest


class Doubling:
    """A network that doubles its input, and counts."""

    def __init__(self):
        self.observation = np.zeros(2, np.float32)
        self.inputs = (self.observation,)
        self.action = np.zeros(2, np.float32)
        self.count = 0

    def run(self):
        np.multiply(self.observation, 2.0, self.action)
        self.count += 1

    def reset(self):
        self.count = 0


def test_it_does_what_the_policy_does_with_the_same_arrays():
    policy = Doubling()
    timed = TimedPolicy(policy)
    assert timed.observation is policy.observation
    assert timed.inputs is policy.inputs
    timed.observation[:] = (1.0, 2.0)
    timed.run()
    assert timed.action.tolist() == [2.0, 4.0]
    timed.reset()
    assert policy.count == 0


def test_mean_goes_to_the_time_of_a_run(monkeypatch):
    now = iter(range(0, 1_000_000, 500))
    monkeypatch.setattr(time, 'perf_counter_ns', lambda: next(now))
    timed = TimedPolicy(Doubling())
    for _ in range(200):
        timed.run()
    assert timed.mean_ns == pytest.approx(500.0, rel=1e-3)


def test_mean_forgets_a_single_slow_run(monkeypatch):
    timed = TimedPolicy(Doubling())
    timed.mean_ns = 100.0
    for duration in (10_100, *[100] * 100):
        now = iter((0, duration))
        monkeypatch.setattr(time, 'perf_counter_ns', lambda now=now: next(now))
        timed.run()
    assert timed.mean_ns == pytest.approx(100.0, abs=10.0)


def test_mean_is_the_time_of_the_first_run_at_first(monkeypatch):
    now = iter((0, 700))
    monkeypatch.setattr(time, 'perf_counter_ns', lambda: next(now))
    timed = TimedPolicy(Doubling())
    assert timed.mean_ns == 0.0
    timed.run()
    assert timed.mean_ns == 700.0
