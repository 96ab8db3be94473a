# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from distill_runtime.core.swap.swap import SwapOptions, SwapState
from distill_runtime.errors import ConfigError
import pytest
from support.walk_rig import Walk

OPTIONS = ('blend_time', 'shadow_time', 'max_divergence', 'probation_time')
MS = 1_000_000


@pytest.mark.parametrize('name', OPTIONS)
def test_options_may_be_zero_or_more(name):
    for value in (0.0, 1e-3, 99.0):
        assert getattr(SwapOptions(**{name: value}), name) == value


@pytest.mark.parametrize('name', OPTIONS)
@pytest.mark.parametrize('value', [-1e-9, float('nan'), float('inf'), 1e6])
def test_options_out_of_range_are_refused(name, value):
    with pytest.raises(ConfigError, match=f'{name} is {value}, expected at least 0 and finite'):
        SwapOptions(**{name: value})


def test_new_swap_waits():
    swap = Walk().swap()
    assert (swap.state, swap.reason) == (SwapState.WAITING, '')
    assert (swap.since_ns, swap.stamp_ns, swap.is_compared) == (-1, -1, False)


def test_primed_swap_has_the_time_of_its_first_step():
    walk = Walk()
    walk.ticks(4)
    assert walk.swap().since_ns == walk.now - 3 * walk.compiled.period_ns


def test_candidate_without_shadow_time_is_due_once_up_to_date():
    walk = Walk()
    walk.ticks(2)
    swap = walk.swap()
    walk.tick()
    assert not swap.is_due(walk.switcher.history, walk.now)
    assert not swap.is_compared
    swap.candidate.follow(walk.switcher.history)
    assert swap.is_due(walk.switcher.history, walk.now)


def test_shadow_time_counts_from_when_the_candidate_is_up_to_date():
    walk = Walk()
    walk.tick()
    swap = walk.swap(shadow_time=0.05)
    history = walk.switcher.history
    assert not swap.is_due(history, 1000 * MS)
    assert swap.is_compared
    assert not swap.is_due(history, 1050 * MS - 1)
    assert swap.is_due(history, 1050 * MS)


def test_candidate_with_a_problem_is_never_due():
    walk = Walk()
    walk.tick()
    swap = walk.swap()
    swap.candidate.problem = 'shadow.shed: set by a test'
    assert not swap.is_due(walk.switcher.history, walk.now)
