# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""A policy that does not do well after it took over has to go; the one before goes on."""

from __future__ import annotations

from dataclasses import replace

from distill_runtime.core.checks import ANY_MOTION, CHECKS, DEFAULT_CHECKS, Finding
from distill_runtime.core.modes import Event, Mode
from distill_runtime.core.swap import SwapState
import numpy as np
import pytest
from support.rig import FakePolicy
from support.specs import DEFAULT, make_spec
from support.walk_rig import AT_ONCE, giving, Network, SENSOR_TERMS, Walk

LIMITS = {'limits': {'position': [[-2.0, 2.0]] * 3}}
SPEC = make_spec(*SENSOR_TERMS, **LIMITS)
SATURATION = {**ANY_MOTION, 'action_saturation': replace(CHECKS['action_saturation'].default)}
SLOW = [Finding('inference_time', 'inference.slow: the network takes too long')]


class Failing(FakePolicy):
    """A network that fails at its tenth run."""

    def __init__(self, plan):
        super().__init__(plan, 1.0)

    def run(self):
        """Compute, or fail."""
        super().run()
        if self.num_runs == 10:
            raise RuntimeError('out of bounds')


def changed(make, before=giving(0.0), terms=AT_ONCE, steps=5, **options):  # noqa: B008
    """Return a walk and the change by which another policy has taken over after some steps."""
    walk = Walk(SPEC, before, **options)
    walk.ticks(steps)
    swap = walk.offer(walk.actor(make=make), **terms)
    walk.tick()
    assert swap.state is SwapState.ACTING
    walk.pilot.news.clear()
    return walk, swap


def write_fall(sensors, number):
    """Write what is measured of a robot that lies on its side."""
    sensors.quat_base_to_world[:] = np.sqrt([0.5, 0.5, 0.0, 0.0])
    for values in (sensors.joint_position, sensors.angular_velocity):
        values[0] = 1e-3 * number  # no sample repeats the one before


def until_rolled_back(walk, swap, most=60):
    """Step until the change is undone; return the commands of these ticks."""
    commands = []
    for _ in range(most):
        commands.append(walk.tick().command.copy())
        if swap.state is SwapState.ROLLED_BACK:
            return np.array(commands)
    raise AssertionError(f'{swap.state} after {most} ticks')


def assert_goes_on(walk, swap, reason):
    """Say that the policy before acts, in mode policy, and that this was told once."""
    assert swap.reason.startswith(reason)
    assert list(walk.pilot.news) == [swap]
    assert walk.pilot.actor.policy is walk.policy
    for _ in range(30):
        step = walk.tick()
        assert (step.mode, step.sends) == (Mode.POLICY, True)
        assert np.all(np.isfinite(step.command))
    assert step.command.tolist() == list(DEFAULT)
    assert list(walk.pilot.news) == [swap]


@pytest.mark.parametrize('wrong', [np.nan, -np.inf, 1e20])
@pytest.mark.parametrize('first', [6, 9])
def test_output_that_is_no_target_leads_back_within_the_same_step(wrong, first):
    walk, swap = changed(giving(lambda run: 1.0 if run < first else wrong))
    commands = until_rolled_back(walk, swap)
    assert len(commands) == first - 5
    assert commands[-1].tolist() == list(DEFAULT)
    assert swap.stamp_ns == walk.now
    assert_goes_on(walk, swap, 'action.')


def test_policy_whose_first_step_is_unsound_never_moves_the_robot():
    walk = Walk(SPEC, giving(0.0))
    walk.ticks(5)
    swap = walk.offer(walk.actor(make=giving(lambda run: 1.0 if run < 5 else np.nan)), **AT_ONCE)
    assert walk.tick().command.tolist() == list(DEFAULT)
    assert swap.state is SwapState.ROLLED_BACK
    assert_goes_on(walk, swap, 'action.not_finite')


def test_network_that_fails_leads_back_within_the_same_step():
    walk, swap = changed(Failing)
    commands = until_rolled_back(walk, swap)
    assert commands[-1].tolist() == list(DEFAULT)
    assert_goes_on(walk, swap, 'action.failed: the network fails: out of bounds')


def test_targets_beyond_all_limits_lead_back_once_that_lasts():
    walk, swap = changed(giving(9.0), checks=SATURATION)
    commands = until_rolled_back(walk, swap)
    assert len(commands) == pytest.approx(0.5 / 0.02, abs=2)
    assert np.abs(commands).max() <= 2.0
    assert_goes_on(walk, swap, 'action.saturated')


def test_slow_network_leads_back():
    walk, swap = changed(giving(1.0))
    walk.runner.outside = SLOW
    until_rolled_back(walk, swap)
    walk.runner.outside = []
    assert_goes_on(walk, swap, 'inference.slow')


def test_what_was_found_of_the_policy_that_left_is_not_held_against_the_other():
    """Where it leaves the robot, the policy before may need some steps of the kind itself."""
    changes = []

    def output(run):
        return 9.0 if changes and changes[0].state is SwapState.ROLLED_BACK else 0.0

    walk, swap = changed(giving(9.0), giving(output), checks=SATURATION)
    changes.append(swap)
    until_rolled_back(walk, swap)
    walk.ticks(20)  # less than the check bears
    assert (walk.runner.mode, walk.pilot.actor.policy) == (Mode.POLICY, walk.policy)
    walk.ticks(10)
    assert walk.runner.mode is Mode.FAULT
    assert walk.runner.fault.startswith('action.saturated')


def test_fall_leads_back_and_is_a_fault_all_the_same():
    walk, swap = changed(giving(1.0), start_tilt_limit=0.5, checks=DEFAULT_CHECKS)
    walk.move = lambda number: write_fall(walk.sensors, number)
    while walk.tick().mode is not Mode.FAULT:
        assert swap.state is SwapState.ACTING
    assert swap.stamp_ns == walk.now
    assert walk.runner.fault.startswith('tilt.limit')
    assert (swap.state, swap.reason) == (SwapState.ROLLED_BACK, walk.runner.fault)
    assert walk.pilot.actor.policy is walk.policy


def test_second_fault_after_a_way_back_does_not_lead_to_the_policy_that_left():
    walk, swap = changed(giving(1.0), terms={'blend_time': 0.2})
    walk.runner.outside = SLOW
    until_rolled_back(walk, swap)
    actor = walk.pilot.actor
    walk.ticks(10)
    assert walk.runner.mode is Mode.FAULT  # still slow: it was not the policy
    assert walk.runner.fault.startswith('inference.slow')
    assert walk.pilot.actor is actor
    walk.pilot.ask_back('a test wants it')
    walk.tick()
    assert walk.pilot.actor is actor


@pytest.mark.parametrize('stopped', [False, True])
def test_stop_by_hand_and_lost_inputs_are_faults_and_no_way_back(stopped):
    walk, swap = changed(giving(1.0))
    if stopped:
        walk.ask(Event.ESTOP)
    else:
        for _ in range(8):
            walk.tick(but={'joint'})
    assert walk.runner.mode is Mode.FAULT
    assert swap.state is SwapState.ACTING
    assert walk.pilot.actor is swap.shadow.actor


@pytest.mark.parametrize('probation_time', [0.0, 0.1, 0.4])
def test_after_the_probation_a_fault_is_a_fault(probation_time):
    walk, swap = changed(giving(1.0), terms={**AT_ONCE, 'probation_time': probation_time})
    walk.ticks(round(probation_time / 0.02))
    walk.runner.outside = SLOW
    walk.ticks(10)
    assert walk.runner.mode is Mode.FAULT
    assert swap.state is SwapState.ACTING
    assert walk.pilot.actor is swap.shadow.actor


def test_within_the_probation_it_is_not():
    walk, swap = changed(giving(1.0), terms={**AT_ONCE, 'probation_time': 0.4})
    walk.ticks(12)
    walk.runner.outside = SLOW
    until_rolled_back(walk, swap, 7)
    assert walk.runner.mode is Mode.POLICY


def test_new_run_of_ticks_begins_no_probation_that_was_over():
    walk, swap = changed(giving(1.0), terms={**AT_ONCE, 'probation_time': 0.1})
    walk.ticks(10)
    assert not walk.pilot.is_on_probation(walk.now)
    walk.runner.reset()
    walk.ticks(2)
    assert not walk.pilot.is_on_probation(walk.now)
    assert not walk.pilot.follows_previous(walk.now)
    assert swap.state is SwapState.ACTING


def test_probation_of_a_policy_that_came_in_standby_begins_with_its_first_step():
    walk, _ = changed(giving(0.5), ramp_time=0.1)
    walk.ask(Event.STOP)
    swap = walk.offer(walk.actor(make=giving(1.0)), probation_time=0.2)
    walk.ticks(50)
    assert walk.pilot.is_on_probation(walk.now)
    walk.ask(Event.START)
    walk.ticks(5)
    assert walk.pilot.is_on_probation(walk.now)
    walk.pilot.ask_back('a test wants it')
    walk.tick()
    assert swap.state is SwapState.ROLLED_BACK
    assert walk.runner.mode is Mode.POLICY


def test_way_back_is_blended_and_ends_at_the_targets_of_the_policy_before():
    walk, swap = changed(giving(1.0), terms={'blend_time': 0.1}, steps=8)
    walk.ticks(8)
    walk.pilot.ask_back('a test wants it')
    hips = walk.ticks(7)[:, 0] - DEFAULT[0]
    assert hips.tolist() == pytest.approx([0.4, 0.3, 0.2, 0.1, 0.0, 0.0, 0.0])
    assert (swap.state, swap.reason) == (SwapState.ROLLED_BACK, 'a test wants it')
    assert not walk.pilot.is_asked_back


@pytest.mark.parametrize('interpolation', ['hold', 'linear'])
def test_way_back_between_two_steps_begins_with_the_next_step(interpolation):
    """What is found is found in the tick after a step; three more ticks belong to that step."""
    options = {'ticks_per_step': 4, 'interpolation': interpolation}
    walk, swap = changed(giving(1.0), terms={'blend_time': 0.1}, steps=20, **options)
    walk.ticks(80)
    walk.runner.outside = [Finding('missed_deadlines', 'deadline.missed: 10 in a row')]
    hips = [walk.tick().command[0] - DEFAULT[0]]
    walk.runner.outside = []
    assert swap.state is SwapState.ROLLED_BACK
    hips += (walk.ticks(30)[:, 0] - DEFAULT[0]).tolist()
    assert np.diff(hips).max() <= 1e-12  # all the way down
    assert np.diff(hips).min() >= -0.1 - 1e-12
    assert hips[0] == pytest.approx(0.5)
    assert hips[-1] == 0.0


def test_policy_before_goes_on_for_the_whole_of_a_blend():
    terms = {'blend_time': 0.2, 'probation_time': 0.0}
    walk, swap = changed(giving(1.0), giving(lambda run: run % 2), terms=terms, steps=4)
    for share in (0.8, 0.7):
        hip = walk.tick().command[0] - DEFAULT[0]
        assert walk.policy.action[0] == (walk.policy.num_runs - 1) % 2
        source = 0.5 * walk.policy.action[0]
        assert hip == pytest.approx(share * source + (1.0 - share) * 0.5)
    walk.pilot.ask_back('a test wants it')
    walk.tick()
    assert swap.state is SwapState.ROLLED_BACK


@pytest.mark.parametrize('make', [Network, lambda plan: Network(plan, is_recurrent=True)])
def test_stop_and_start_within_the_probation_leave_the_way_back_open(make):
    walk, alone = Walk(make=make), Walk(make=make)
    walk.ticks(9)
    swap = walk.offer(**AT_ONCE)
    for each in (walk, alone):
        each.ticks(3)
        each.ask(Event.STOP)
        each.number = 0
        each.ask(Event.START)
        each.ticks(5)
    walk.pilot.ask_back('a test wants it')
    assert walk.ticks(5).tolist() == alone.ticks(5).tolist()
    assert swap.state is SwapState.ROLLED_BACK


def test_policy_before_is_not_asked_once_it_does_not_follow_any_more():
    walk, swap = changed(giving(1.0), terms={**AT_ONCE, 'probation_time': 0.1})
    walk.ticks(20)
    runs = walk.policy.num_runs
    walk.pilot.ask_back('a test wants it')
    walk.ticks(5)
    assert (swap.state, walk.policy.num_runs) == (SwapState.ACTING, runs)
    assert not walk.pilot.is_asked_back


def test_policy_that_left_is_not_run_any_more():
    walk, swap = changed(giving(1.0), terms={'blend_time': 0.2})
    walk.ticks(5)
    walk.pilot.ask_back('a test wants it')
    until_rolled_back(walk, swap)
    runs = swap.shadow.actor.policy.num_runs
    walk.ticks(20)
    assert swap.shadow.actor.policy.num_runs == runs


def test_policy_before_that_does_badly_itself_is_no_way_back():
    walk, swap = changed(
        giving(lambda run: 1.0 if run < 20 else np.nan),
        giving(lambda run: 0.0 if run < 12 else np.nan),
    )
    walk.ticks(20)
    assert walk.runner.mode is Mode.FAULT
    assert walk.runner.fault.startswith('action.not_finite')
    assert swap.state is SwapState.ACTING
    assert walk.pilot.previous.problem.startswith('action.not_finite')


def test_policy_that_had_to_go_may_be_offered_again():
    walk, alone = Walk(SPEC), Walk(SPEC)
    alone.ticks(10)
    walk.ticks(10)
    swap = walk.offer(walk.actor(make=giving(1.0)), blend_time=0.1)
    walk.ticks(3)
    walk.pilot.ask_back('a test wants it')
    until_rolled_back(walk, swap)
    left = walk.pilot.previous.actor
    again = walk.offer(left, **AT_ONCE)
    step = walk.tick()
    assert (again.state, walk.pilot.actor) == (SwapState.ACTING, left)
    assert step.command.tolist() == (np.array(DEFAULT) + 0.5).tolist()
    walk.pilot.ask_back('a test wants it')
    until_rolled_back(walk, again)
    assert walk.ticks(5).tolist() == alone.ticks(11)[6:].tolist()


@pytest.mark.parametrize('refused', [False, True])
def test_another_offer_ends_no_probation(refused):
    walk, swap = changed(giving(1.0))
    make = giving(np.nan) if refused else giving(0.5)
    other = walk.offer(walk.actor(make=make), shadow_time=0.4, **AT_ONCE)
    walk.ticks(3)
    assert other.state is (SwapState.REFUSED if refused else SwapState.WAITING)
    walk.pilot.news.clear()
    walk.runner.outside = SLOW
    until_rolled_back(walk, swap)
    walk.runner.outside = []
    assert list(walk.pilot.news) == [swap]
    assert walk.pilot.actor.policy is walk.policy
    walk.ticks(30)
    assert walk.runner.mode is Mode.POLICY
    acts = walk.policy if refused else other.shadow.actor.policy
    assert walk.runner.policy is acts


def test_way_back_in_standby_takes_the_robot_to_the_default_pose_of_the_policy_before():
    walk = Walk(SPEC, giving(0.0), start_in='standby', ramp_time=0.1)
    walk.ticks(10)
    pose = [value + 0.5 for value in DEFAULT]
    spec = make_spec(*SENSOR_TERMS, default_position=pose, **LIMITS)
    swap = walk.offer(walk.actor(spec))
    assert walk.ticks(10)[-1].tolist() == pose
    walk.pilot.ask_back('a test wants it')
    assert walk.ticks(10)[-1].tolist() == list(DEFAULT)
    assert swap.state is SwapState.ROLLED_BACK
    walk.pilot.ask_back('a test wants it')
    assert walk.ticks(10)[-1].tolist() == list(DEFAULT)
