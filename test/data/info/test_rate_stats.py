# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from distill_runtime.data.info.rate_stats import rate_stats
import numpy as np
import pytest
from support.bags import MS


def test_even_times_have_a_rate_and_no_jitter():
    found = rate_stats(np.arange(11) * 20 * MS)
    assert found.rate == pytest.approx(50.0)
    assert found.period == pytest.approx(0.02)
    assert (found.jitter, found.num_gaps, found.num_back, found.first_back_ns) == (0.0, 0, 0, None)


def test_longest_gap_has_its_begin():
    found = rate_stats(np.array([0, 10, 20, 170, 180, 300]) * MS)
    assert found.longest_gap == pytest.approx(0.15)
    assert found.longest_gap_at_ns == 20 * MS
    assert found.num_gaps == 2


def test_jump_back_is_no_gap_and_does_not_reduce_the_rate():
    found = rate_stats(np.array([0, 10, 20, 5, 15, 25]) * MS)
    assert (found.num_back, found.first_back_ns) == (1, 5 * MS)
    assert found.longest_gap == pytest.approx(0.01)
    assert found.rate == pytest.approx(5 / 0.04)


def test_equal_times_have_no_rate():
    assert rate_stats(np.array([7, 7, 7])).rate == 0.0


@pytest.mark.parametrize('count', [0, 1])
def test_too_few_times_have_no_statistics(count):
    assert rate_stats(np.zeros(count, np.int64)) is None
