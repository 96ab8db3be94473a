# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Rollback to the previous policy: when it is possible, and the commands that it gives."""

from __future__ import annotations

from distill_runtime.core.checks.registry import Finding
from distill_runtime.core.modes import Mode
from distill_runtime.core.swap.swap import SwapState
import numpy as np
import pytest
from support.specs import DEFAULT
from support.walk_rig import (
    AT_ONCE,
    giving,
    LIMITED,
    swapped,
    until_rolled_back,
    Walk,
)


def test_rollback_is_blended_and_ends_at_the_targets_of_the_previous_policy():
    walk, swap = swapped(giving(1.0), options={'blend_time': 0.1}, steps=8)
    walk.ticks(8)
    walk.switcher.request_rollback('requested by a test')
    hips = walk.ticks(7)[:, 0] - DEFAULT[0]
    assert hips.tolist() == pytest.approx([0.4, 0.3, 0.2, 0.1, 0.0, 0.0, 0.0])
    assert (swap.state, swap.reason) == (SwapState.ROLLED_BACK, 'requested by a test')
    assert not walk.switcher.is_rollback_requested


@pytest.mark.parametrize('interpolation', ['hold', 'linear'])
def test_rollback_between_two_steps_starts_with_the_next_step(interpolation):
    """A finding comes in the tick after a step; three more ticks belong to that step."""
    options = {'ticks_per_step': 4, 'interpolation': interpolation}
    walk, swap = swapped(giving(1.0), options={'blend_time': 0.1}, steps=20, **options)
    walk.ticks(80)
    walk.runner.caller_findings = [Finding('missed_deadlines', 'deadline.missed: 10 in a row')]
    hips = [walk.tick().command[0] - DEFAULT[0]]
    walk.runner.caller_findings = []
    assert swap.state is SwapState.ROLLED_BACK
    hips += (walk.ticks(30)[:, 0] - DEFAULT[0]).tolist()
    assert np.diff(hips).max() <= 1e-12  # all the way down
    assert np.diff(hips).min() >= -0.1 - 1e-12
    assert hips[0] == pytest.approx(0.5)
    assert hips[-1] == 0.0


def test_previous_policy_runs_until_the_end_of_a_blend():
    options = {'blend_time': 0.2, 'probation_time': 0.0}
    walk, swap = swapped(giving(1.0), giving(lambda run: run % 2), options=options, steps=4)
    for share in (0.8, 0.7):
        hip = walk.tick().command[0] - DEFAULT[0]
        assert walk.policy.action[0] == (walk.policy.num_runs - 1) % 2
        source = 0.5 * walk.policy.action[0]
        assert hip == pytest.approx(share * source + (1.0 - share) * 0.5)
    walk.switcher.request_rollback('requested by a test')
    walk.tick()
    assert swap.state is SwapState.ROLLED_BACK


def test_no_rollback_once_the_previous_policy_no_longer_follows():
    walk, swap = swapped(giving(1.0), options={**AT_ONCE, 'probation_time': 0.1})
    walk.ticks(20)
    runs = walk.policy.num_runs
    walk.switcher.request_rollback('requested by a test')
    walk.ticks(5)
    assert (swap.state, walk.policy.num_runs) == (SwapState.ACTING, runs)
    assert not walk.switcher.is_rollback_requested


def test_rejected_policy_runs_no_more():
    walk, swap = swapped(giving(1.0), options={'blend_time': 0.2})
    walk.ticks(5)
    walk.switcher.request_rollback('requested by a test')
    until_rolled_back(walk, swap)
    runs = swap.candidate.instance.policy.num_runs
    walk.ticks(20)
    assert swap.candidate.instance.policy.num_runs == runs


def test_no_rollback_to_a_previous_policy_with_a_problem():
    walk, swap = swapped(
        giving(lambda run: 1.0 if run < 20 else np.nan),
        giving(lambda run: 0.0 if run < 12 else np.nan),
    )
    walk.ticks(20)
    assert walk.runner.mode is Mode.FAULT
    assert walk.runner.fault.startswith('action.not_finite')
    assert swap.state is SwapState.ACTING
    assert walk.switcher.previous.problem.startswith('action.not_finite')


def test_rejected_policy_may_be_offered_again():
    walk, alone = Walk(LIMITED), Walk(LIMITED)
    alone.ticks(10)
    walk.ticks(10)
    swap = walk.offer(walk.instance(make=giving(1.0)), blend_time=0.1)
    walk.ticks(3)
    walk.switcher.request_rollback('requested by a test')
    until_rolled_back(walk, swap)
    left = walk.switcher.previous.instance
    again = walk.offer(left, **AT_ONCE)
    step = walk.tick()
    assert (again.state, walk.switcher.active) == (SwapState.ACTING, left)
    assert step.command.tolist() == (np.array(DEFAULT) + 0.5).tolist()
    walk.switcher.request_rollback('requested by a test')
    until_rolled_back(walk, again)
    assert walk.ticks(5).tolist() == alone.ticks(11)[6:].tolist()
