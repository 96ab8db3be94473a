# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from distill_runtime.core.checks.registry import DEFAULT_CHECKS
from distill_runtime.core.swap.candidate import Candidate
import numpy as np
import pytest
from support.rig import FakePolicy
from support.specs import DEFAULT, make_spec
from support.walk_rig import AT_ONCE, giving, Walk

LONG = 600  # more steps than are remembered


class Failing(FakePolicy):
    """A network that fails at its third run."""

    def __init__(self, compiled):
        super().__init__(compiled, 0.0)

    def run(self):
        """Compute, or fail."""
        super().run()
        if self.num_runs == 3:
            raise RuntimeError('indices element out of\n data bounds')


def walked(steps, make=None, **options):
    """Return a walk of so many steps."""
    walk = Walk(**({} if make is None else {'make': make}), **options)
    walk.ticks(steps)
    return walk


def test_primed_shadow_has_seen_all_that_is_remembered():
    walk = walked(5)
    shadow = walk.shadow()
    assert shadow.is_up_to_date(walk.switcher.ring)
    assert shadow.instance.policy.num_runs == 5
    assert shadow.instance.target.tolist() == walk.switcher.active.target.tolist()


def test_prime_tells_when_the_history_begins():
    walk = Walk()
    assert Candidate(walk.instance(), walk.runner.config).prime(walk.switcher.ring.copy()) == -1
    walk.ticks(3)
    period_ns, now = walk.compiled.period_ns, walk.now
    shadow = Candidate(walk.instance(), walk.runner.config)
    assert shadow.prime(walk.switcher.ring.copy()) == now - 2 * period_ns
    walk.ticks(LONG)
    shadow = Candidate(walk.instance(), walk.runner.config)
    oldest = walk.switcher.ring.oldest
    assert shadow.prime(walk.switcher.ring.copy()) == walk.now - (2 + LONG - oldest) * period_ns
    assert shadow.instance.policy.num_runs == 3 + LONG - oldest


def test_priming_leaves_what_acts_alone():
    walk, other = walked(4), walked(4)
    walk.shadow()
    assert walk.ticks(3).tolist() == other.ticks(3).tolist()


def test_actor_that_acted_before_begins_anew_where_nothing_is_remembered():
    walk = walked(4)
    gone = walk.switcher.active
    walk.offer(**AT_ONCE)
    walk.ticks(2)
    walk.runner.reset()
    shadow = walk.shadow(gone)
    assert shadow.is_up_to_date(walk.switcher.ring)
    walk.ticks(2)
    shadow.follow(walk.switcher.ring)
    assert shadow.is_up_to_date(walk.switcher.ring)
    assert gone.target.tolist() == walk.switcher.active.target.tolist()


def test_few_steps_are_seen_at_a_time():
    walk = walked(2)
    shadow = walk.shadow()
    walk.ticks(5)
    seen = []
    for _ in range(4):
        shadow.follow(walk.switcher.ring)
        seen.append((shadow.instance.next_step, shadow.is_up_to_date(walk.switcher.ring)))
    assert seen == [(4, False), (6, False), (7, True), (7, True)]


def test_shadow_that_was_primed_in_another_run_sees_the_steps_of_this_one():
    """A policy is loaded while the robot is stopped and started again."""
    walk = walked(3)
    shadow = walk.shadow()
    walk.runner.reset()
    for _ in range(3):
        assert not shadow.is_up_to_date(walk.switcher.ring)
        walk.tick()
    assert walk.switcher.ring.count == shadow.instance.next_step  # of another run
    assert not shadow.is_up_to_date(walk.switcher.ring)
    for _ in range(2):
        shadow.follow(walk.switcher.ring)
    assert shadow.is_up_to_date(walk.switcher.ring)
    assert shadow.instance.policy.num_runs == 3
    assert shadow.instance.target.tolist() == walk.switcher.active.target.tolist()


def test_shadow_that_is_left_behind_must_not_act():
    walk = walked(2)
    shadow = walk.shadow()
    walk.ticks(LONG)
    shadow.follow(walk.switcher.ring)
    assert shadow.problem.startswith(
        'shadow.behind: more steps were missed than the history holds'
    )
    assert shadow.instance.next_step == 2


def test_divergence_is_told_by_joint_with_its_sign_and_its_greatest_amount():
    walk = walked(1, giving(0.0))
    shadow = walk.shadow(walk.instance(make=giving([0.5, -1.0, 0.0])))
    shadow.compare(walk.switcher.active.target)
    assert shadow.divergence.tolist() == pytest.approx([0.25, -0.5, 0.0])
    shadow.instance.policy.output = [-0.1, 0.2, 0.0]
    walk.tick()
    shadow.follow(walk.switcher.ring)
    shadow.compare(walk.switcher.active.target)
    assert shadow.divergence.tolist() == pytest.approx([-0.05, 0.1, 0.0])
    assert shadow.worst.tolist() == pytest.approx([0.25, 0.5, 0.0])
    assert (shadow.compared, shadow.problem) == (2, '')


def test_divergence_above_its_bound_is_a_problem_with_a_name():
    walk = walked(1, giving(0.0))
    shadow = walk.shadow(walk.instance(make=giving([0.25, -0.75, 0.5])), max_divergence=0.3)
    shadow.compare(walk.switcher.active.target)
    assert shadow.problem == (
        'shadow.divergence: target of knee differs by -0.3750 from that of the active policy, '
        'expected within 0.3000'
    )


def test_divergence_at_its_bound_is_none():
    walk = walked(1, giving(0.0))
    offset = {'action': {'scale': 0.5, 'offset': [0.0, 0.0, 0.0]}}
    instance = walk.instance(make_spec(**offset), giving([0.0, 0.0, 0.0]))
    shadow = walk.shadow(instance, max_divergence=max(abs(value) for value in DEFAULT))
    shadow.compare(walk.switcher.active.target)
    assert shadow.problem == ''


def test_joints_are_compared_in_the_order_of_the_commands():
    walk = walked(1, giving([0.25, 0.5, 1.0]))
    names = ['ankle', 'hip', 'knee']
    spec = make_spec(joints=names, default_position=[DEFAULT[2], DEFAULT[0], DEFAULT[1]])
    shadow = walk.shadow(walk.instance(spec, giving([1.0, 0.25, 0.75])), max_divergence=0.1)
    shadow.compare(walk.switcher.active.target)
    assert shadow.divergence.tolist() == pytest.approx([0.0, 0.125, 0.0])
    assert 'target of knee differs by 0.1250' in shadow.problem


@pytest.mark.parametrize('wrong', [np.nan, np.inf, 1e30])
def test_output_that_is_no_target_is_a_problem(wrong):
    walk = walked(3)
    shadow = walk.shadow(walk.instance(make=giving([0.0, wrong, 0.0])))
    assert shadow.problem.startswith('action.')
    assert 'element 1' in shadow.problem
    assert shadow.instance.next_step == 1  # it is not looked at further


def test_network_that_fails_is_a_problem_in_one_line():
    walk = walked(5)
    shadow = walk.shadow(walk.instance(make=Failing))
    assert shadow.problem == 'action.failed: the network fails: indices element out of data bounds'


def test_own_findings_are_a_problem_once_they_last():
    """Targets jump by 2 rad in every step; the check bears 0.1 s of that."""
    walk = walked(3, checks=DEFAULT_CHECKS)
    shadow = walk.shadow(walk.instance(make=giving(lambda run: 2.0 * (-1.0) ** run)))
    assert shadow.problem == ''
    for _ in range(3):
        walk.tick()
        shadow.follow(walk.switcher.ring)
        assert shadow.problem == ''
    walk.tick()
    shadow.follow(walk.switcher.ring)
    assert shadow.problem.startswith('target.step: target of hip jumps by')


def test_problem_stays_and_the_shadow_stands_still():
    walk = walked(1, giving(0.0))
    shadow = walk.shadow(walk.instance(make=giving(1.0)), max_divergence=0.1)
    shadow.compare(walk.switcher.active.target)
    problem = shadow.problem
    walk.tick()
    shadow.follow(walk.switcher.ring)
    assert (shadow.problem, shadow.instance.next_step) == (problem, 1)


def test_steps_without_time_for_it_are_borne_for_a_while():
    shadow = walked(1).shadow()
    for _ in range(100):
        shadow.skip()
    assert (shadow.problem, shadow.shed) == ('', 100)
    shadow.skip()
    assert shadow.problem.startswith('shadow.shed: 101 steps in a row took too long')


def test_steps_without_time_are_borne_for_ever_where_some_have_time():
    walk = walked(1)
    shadow = walk.shadow()
    for _ in range(3):
        for _ in range(100):
            shadow.skip()
        shadow.follow(walk.switcher.ring)
    assert (shadow.problem, shadow.shed) == ('', 300)
