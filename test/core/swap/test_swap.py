# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from distill_runtime.core.checks.registry import DEFAULT_CHECKS
from distill_runtime.core.swap.swap import Candidate, SwapOptions
from distill_runtime.errors import ConfigError
import numpy as np
import pytest
from support.specs import DEFAULT, make_spec
from support.walk_rig import AT_ONCE, giving, Walk

OPTIONS = ('blend_time', 'shadow_time', 'max_divergence', 'probation_time')
MS = 1_000_000


@pytest.mark.parametrize('name', OPTIONS)
@pytest.mark.parametrize('value', [-1e-9, float('nan'), float('inf'), 1e6])
def test_options_out_of_range_are_refused(name, value):
    with pytest.raises(ConfigError, match=f'{name} is {value}, expected at least 0 and finite'):
        SwapOptions(**{name: value})


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


LONG = 600  # more steps than the history holds


def walked(steps, make=None, **options):
    """Return a walk after some steps."""
    walk = Walk(**({} if make is None else {'make': make}), **options)
    walk.ticks(steps)
    return walk


def test_primed_candidate_has_followed_the_whole_history():
    walk = walked(5)
    candidate = walk.candidate()
    assert candidate.is_up_to_date(walk.switcher.history)
    assert candidate.instance.policy.num_runs == 5
    assert candidate.instance.target.tolist() == walk.switcher.active.target.tolist()


def test_prime_returns_the_time_of_the_first_step():
    walk = Walk()
    assert Candidate(walk.instance(), walk.runner.config).prime(walk.switcher.history.copy()) == -1
    walk.ticks(3)
    period_ns, now = walk.compiled.period_ns, walk.now
    candidate = Candidate(walk.instance(), walk.runner.config)
    assert candidate.prime(walk.switcher.history.copy()) == now - 2 * period_ns
    walk.ticks(LONG)
    candidate = Candidate(walk.instance(), walk.runner.config)
    oldest = walk.switcher.history.oldest
    assert (
        candidate.prime(walk.switcher.history.copy()) == walk.now - (2 + LONG - oldest) * period_ns
    )
    assert candidate.instance.policy.num_runs == 3 + LONG - oldest


def test_instance_that_was_active_restarts_with_an_empty_history():
    walk = walked(4)
    previous = walk.switcher.active
    walk.offer(**AT_ONCE)
    walk.ticks(2)
    walk.runner.reset()
    candidate = walk.candidate(previous)
    assert candidate.is_up_to_date(walk.switcher.history)
    walk.ticks(2)
    candidate.follow(walk.switcher.history)
    assert candidate.is_up_to_date(walk.switcher.history)
    assert previous.target.tolist() == walk.switcher.active.target.tolist()


def test_few_steps_are_seen_at_a_time():
    walk = walked(2)
    candidate = walk.candidate()
    walk.ticks(5)
    seen = []
    for _ in range(4):
        candidate.follow(walk.switcher.history)
        seen.append((candidate.instance.next_step, candidate.is_up_to_date(walk.switcher.history)))
    assert seen == [(4, False), (6, False), (7, True), (7, True)]


def test_candidate_primed_in_another_run_follows_the_present_one():
    """A policy is loaded while the robot is stopped and started again."""
    walk = walked(3)
    candidate = walk.candidate()
    walk.runner.reset()
    for _ in range(3):
        assert not candidate.is_up_to_date(walk.switcher.history)
        walk.tick()
    assert walk.switcher.history.count == candidate.instance.next_step  # of another run
    assert not candidate.is_up_to_date(walk.switcher.history)
    for _ in range(2):
        candidate.follow(walk.switcher.history)
    assert candidate.is_up_to_date(walk.switcher.history)
    assert candidate.instance.policy.num_runs == 3
    assert candidate.instance.target.tolist() == walk.switcher.active.target.tolist()


def test_candidate_that_missed_too_many_steps_has_a_problem():
    walk = walked(2)
    candidate = walk.candidate()
    walk.ticks(LONG)
    candidate.follow(walk.switcher.history)
    assert candidate.problem.startswith(
        'shadow.behind: more steps were missed than the history holds'
    )
    assert candidate.instance.next_step == 2


def test_divergence_has_a_sign_per_joint_and_worst_its_magnitude():
    walk = walked(1, giving(0.0))
    candidate = walk.candidate(walk.instance(make=giving([0.5, -1.0, 0.0])))
    candidate.compare(walk.switcher.active.target)
    assert candidate.divergence.tolist() == pytest.approx([0.25, -0.5, 0.0])
    candidate.instance.policy.output = [-0.1, 0.2, 0.0]
    walk.tick()
    candidate.follow(walk.switcher.history)
    candidate.compare(walk.switcher.active.target)
    assert candidate.divergence.tolist() == pytest.approx([-0.05, 0.1, 0.0])
    assert candidate.worst.tolist() == pytest.approx([0.25, 0.5, 0.0])
    assert (candidate.compared, candidate.problem) == (2, '')


def test_divergence_above_its_bound_is_a_problem_with_a_name():
    walk = walked(1, giving(0.0))
    candidate = walk.candidate(walk.instance(make=giving([0.25, -0.75, 0.5])), max_divergence=0.3)
    candidate.compare(walk.switcher.active.target)
    assert candidate.problem == (
        'shadow.divergence: target of knee differs by -0.3750 from that of the active policy, '
        'expected within 0.3000'
    )


def test_divergence_at_its_bound_is_no_problem():
    walk = walked(1, giving(0.0))
    offset = {'action': {'scale': 0.5, 'offset': [0.0, 0.0, 0.0]}}
    instance = walk.instance(make_spec(**offset), giving([0.0, 0.0, 0.0]))
    candidate = walk.candidate(instance, max_divergence=max(abs(value) for value in DEFAULT))
    candidate.compare(walk.switcher.active.target)
    assert candidate.problem == ''


def test_joints_are_compared_in_the_order_of_the_commands():
    walk = walked(1, giving([0.25, 0.5, 1.0]))
    names = ['ankle', 'hip', 'knee']
    spec = make_spec(joints=names, default_position=[DEFAULT[2], DEFAULT[0], DEFAULT[1]])
    candidate = walk.candidate(walk.instance(spec, giving([1.0, 0.25, 0.75])), max_divergence=0.1)
    candidate.compare(walk.switcher.active.target)
    assert candidate.divergence.tolist() == pytest.approx([0.0, 0.125, 0.0])
    assert 'target of knee differs by 0.1250' in candidate.problem


@pytest.mark.parametrize('wrong', [np.nan, np.inf, 1e30])
def test_output_that_is_no_target_is_a_problem(wrong):
    walk = walked(3)
    candidate = walk.candidate(walk.instance(make=giving([0.0, wrong, 0.0])))
    assert candidate.problem.startswith('action.')
    assert 'element 1' in candidate.problem
    assert candidate.instance.next_step == 1  # it follows no more


def test_findings_of_the_candidate_are_a_problem_once_they_outlast_the_debounce():
    """Targets jump by 2 rad in every step; the check tolerates that for 0.1 s."""
    walk = walked(3, checks=DEFAULT_CHECKS)
    candidate = walk.candidate(walk.instance(make=giving(lambda run: 2.0 * (-1.0) ** run)))
    assert candidate.problem == ''
    for _ in range(3):
        walk.tick()
        candidate.follow(walk.switcher.history)
        assert candidate.problem == ''
    walk.tick()
    candidate.follow(walk.switcher.history)
    assert candidate.problem.startswith('target.step: target of hip jumps by')


def test_some_skipped_steps_in_a_row_are_tolerated():
    candidate = walked(1).candidate()
    for _ in range(100):
        candidate.skip()
    assert (candidate.problem, candidate.shed) == ('', 100)
    candidate.skip()
    assert candidate.problem.startswith('shadow.shed: 101 steps in a row took too long')


def test_any_number_of_skipped_steps_is_tolerated_with_others_between():
    walk = walked(1)
    candidate = walk.candidate()
    for _ in range(3):
        for _ in range(100):
            candidate.skip()
        candidate.follow(walk.switcher.history)
    assert (candidate.problem, candidate.shed) == ('', 300)
