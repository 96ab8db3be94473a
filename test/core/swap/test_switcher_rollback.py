# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Rollback to the previous policy: on request, and by findings during the probation."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from distill_runtime.core.checks.registry import ANY_MOTION, CHECKS, DEFAULT_CHECKS, Finding
from distill_runtime.core.modes import Event, Mode
from distill_runtime.core.swap.swap import SwapState
import numpy as np
import pytest
from support.specs import DEFAULT
from support.walk_rig import (
    AT_ONCE,
    Failing,
    giving,
    LIMITED,
    swapped,
    take_changes,
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


SATURATION = {**ANY_MOTION, 'action_saturation': replace(CHECKS['action_saturation'].default)}
SLOW = [Finding('inference_time', 'inference.slow: the network takes too long')]


def write_fall(sensors, number):
    """Write the samples of a robot that lies on its side."""
    sensors.quat_base_to_world[:] = np.sqrt([0.5, 0.5, 0.0, 0.0])
    for values in (sensors.joint_position, sensors.angular_velocity):
        values[0] = 1e-3 * number  # no sample repeats the one before


def assert_rolled_back(walk, swap, reason):
    """Assert that the previous policy is active, and that the swap was reported once."""
    assert swap.reason.startswith(reason)
    assert list(walk.switcher.changed_swaps) == [swap]
    assert walk.switcher.active.policy is walk.policy
    for _ in range(30):
        step = walk.tick()
        assert (step.mode, step.sends) == (Mode.POLICY, True)
        assert np.all(np.isfinite(step.command))
    assert step.command.tolist() == list(DEFAULT)
    assert list(walk.switcher.changed_swaps) == [swap]


@pytest.mark.parametrize('wrong', [np.nan, -np.inf, 1e20, None])
@pytest.mark.parametrize('first', [6, 9])
def test_invalid_output_or_failing_network_rolls_back_within_the_same_step(wrong, first):
    make = giving(lambda run: 1.0 if run < first else wrong)
    if wrong is None:
        make = partial(Failing, run=first + 1, output=1.0)
    walk, swap = swapped(make)
    commands = until_rolled_back(walk, swap)
    assert len(commands) == first - 5
    assert commands[-1].tolist() == list(DEFAULT)
    assert swap.stamp_ns == walk.now
    assert_rolled_back(walk, swap, 'action.failed: ' if wrong is None else 'action.')


def test_policy_whose_first_step_is_invalid_never_moves_the_robot():
    walk = Walk(LIMITED, giving(0.0))
    walk.ticks(5)
    swap = walk.offer(
        walk.instance(make=giving(lambda run: 1.0 if run < 5 else np.nan)), **AT_ONCE
    )
    assert walk.tick().command.tolist() == list(DEFAULT)
    assert swap.state is SwapState.ROLLED_BACK
    assert_rolled_back(walk, swap, 'action.not_finite')


def test_saturated_targets_roll_back_after_the_debounce():
    walk, swap = swapped(giving(9.0), checks=SATURATION)
    commands = until_rolled_back(walk, swap)
    assert len(commands) == pytest.approx(0.5 / 0.02, abs=2)
    assert np.abs(commands).max() <= 2.0
    assert_rolled_back(walk, swap, 'action.saturated')


def test_debounce_restarts_after_a_rollback():
    """From where the rejected policy left the robot, the previous one may saturate, too."""
    changes = []

    def output(run):
        return 9.0 if changes and changes[0].state is SwapState.ROLLED_BACK else 0.0

    walk, swap = swapped(giving(9.0), giving(output), checks=SATURATION)
    changes.append(swap)
    until_rolled_back(walk, swap)
    walk.ticks(20)  # shorter than the debounce
    assert (walk.runner.mode, walk.switcher.active.policy) == (Mode.POLICY, walk.policy)
    walk.ticks(10)
    assert walk.runner.mode is Mode.FAULT
    assert walk.runner.fault.startswith('action.saturated')


def test_fall_rolls_back_and_is_a_fault():
    walk, swap = swapped(giving(1.0), start_tilt_limit=0.5, checks=DEFAULT_CHECKS)
    walk.move = lambda number: write_fall(walk.sensors, number)
    while walk.tick().mode is not Mode.FAULT:
        assert swap.state is SwapState.ACTING
    assert swap.stamp_ns == walk.now
    assert walk.runner.fault.startswith('tilt.limit')
    assert (swap.state, swap.reason) == (SwapState.ROLLED_BACK, walk.runner.fault)
    assert walk.switcher.active.policy is walk.policy


def test_second_fault_does_not_return_to_the_rejected_policy():
    walk, swap = swapped(giving(1.0), options={'blend_time': 0.2})
    walk.runner.caller_findings = SLOW
    until_rolled_back(walk, swap)
    instance = walk.switcher.active
    walk.ticks(10)
    assert walk.runner.mode is Mode.FAULT  # still slow: it was not the policy
    assert walk.runner.fault.startswith('inference.slow')
    assert walk.switcher.active is instance
    walk.switcher.request_rollback('requested by a test')
    walk.tick()
    assert walk.switcher.active is instance


@pytest.mark.parametrize('stopped', [False, True])
def test_estop_and_lost_inputs_are_faults_without_a_rollback(stopped):
    walk, swap = swapped(giving(1.0))
    if stopped:
        walk.ask(Event.ESTOP)
    else:
        for _ in range(8):
            walk.tick(but={'joint'})
    assert walk.runner.mode is Mode.FAULT
    assert swap.state is SwapState.ACTING
    assert walk.switcher.active is swap.candidate.instance


@pytest.mark.parametrize('probation_time', [0.0, 0.1, 0.4])
def test_after_the_probation_a_fault_is_a_fault(probation_time):
    walk, swap = swapped(giving(1.0), options={**AT_ONCE, 'probation_time': probation_time})
    walk.ticks(round(probation_time / 0.02))
    walk.runner.caller_findings = SLOW
    walk.ticks(10)
    assert walk.runner.mode is Mode.FAULT
    assert swap.state is SwapState.ACTING
    assert walk.switcher.active is swap.candidate.instance


def test_finding_within_the_probation_rolls_back():
    walk, swap = swapped(giving(1.0), options={**AT_ONCE, 'probation_time': 0.4})
    walk.ticks(12)
    walk.runner.caller_findings = SLOW
    until_rolled_back(walk, swap, 7)
    assert walk.runner.mode is Mode.POLICY


@pytest.mark.parametrize('refused', [False, True])
def test_another_offer_ends_no_probation(refused):
    walk, swap = swapped(giving(1.0))
    make = giving(np.nan) if refused else giving(0.5)
    other = walk.offer(walk.instance(make=make), shadow_time=0.4, **AT_ONCE)
    walk.ticks(3)
    assert other.state is (SwapState.REFUSED if refused else SwapState.WAITING)
    take_changes(walk)
    walk.runner.caller_findings = SLOW
    until_rolled_back(walk, swap)
    walk.runner.caller_findings = []
    assert list(walk.switcher.changed_swaps) == [swap]
    assert walk.switcher.active.policy is walk.policy
    walk.ticks(30)
    assert walk.runner.mode is Mode.POLICY
    acts = walk.policy if refused else other.candidate.instance.policy
    assert walk.runner.policy is acts
