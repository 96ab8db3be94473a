# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Swaps and rollbacks while no policy moves the robot."""

from __future__ import annotations

from distill_runtime.core.modes import Event, Mode
from distill_runtime.core.swap.swap import Candidate, Swap, SwapOptions, SwapState
import numpy as np
import pytest
from support.specs import DEFAULT, make_spec
from support.walk_rig import (
    AT_ONCE,
    giving,
    hips,
    LIMITED,
    Network,
    SENSOR_TERMS,
    still,
    swapped,
    take_changes,
    Walk,
)

HIGHER = {'default_position': [value + 0.5 for value in DEFAULT]}


def test_start_after_a_stop_in_a_blend_begins_without_it():
    walk = still(ramp_time=0.0, stop_timeout=0.0)
    walk.tick()
    walk.offer(walk.instance(make=giving(1.0)), blend_time=1.0)
    walk.ticks(3)
    walk.ask(Event.STOP)
    walk.ask(Event.START)
    assert hips(walk, 2) == [0.5, 0.5]


def test_swap_in_standby_ramps_to_the_default_pose_of_the_new_policy():
    walk = still(start_in='standby', ramp_time=0.2)
    walk.ticks(12)
    swap = walk.offer(walk.instance(make_spec(*SENSOR_TERMS, **HIGHER)), blend_time=0.4)
    commands = walk.ticks(12)
    assert (swap.state, walk.runner.mode) == (SwapState.ACTING, Mode.STANDBY)
    assert np.abs(np.diff(commands, axis=0)).max() < 0.1
    assert commands[-1].tolist() == HIGHER['default_position']
    assert take_changes(walk) == [swap]
    step = walk.ask(Event.START)
    assert step.mode is Mode.POLICY
    assert step.command.tolist() == HIGHER['default_position']


def test_policy_swapped_in_standby_steps_like_the_first_one():
    walk, alone = Walk(start_in='standby'), Walk(start_in='standby')
    for each in (walk, alone):
        each.ticks(3)
    walk.offer()
    for each in (walk, alone):
        each.tick()
        each.runner.request(Event.START)
    assert walk.ticks(10).tolist() == alone.ticks(10).tolist()


@pytest.mark.parametrize('fault_action', ['hold', 'damp', 'default_pose', 'stop'])
def test_policy_swapped_in_a_fault_runs_after_the_reset(fault_action):
    walk = Walk(fault_action=fault_action, ramp_time=0.1, escalation_time=0.0)
    walk.ticks(3)
    walk.ask(Event.ESTOP)
    swap = walk.offer(walk.instance(make_spec(*SENSOR_TERMS, **HIGHER)))
    walk.ticks(8)
    assert (swap.state, walk.runner.mode) == (SwapState.ACTING, Mode.FAULT)
    assert walk.runner.fault.startswith('estop')
    step = walk.tick()
    assert step.sends is (fault_action != 'stop')
    if fault_action == 'default_pose':
        assert step.command.tolist() == HIGHER['default_position']
    walk.ask(Event.RESET_FAULT)
    walk.ask(Event.START)
    assert walk.switcher.active is swap.candidate.instance
    assert walk.runner.mode is Mode.POLICY


def test_swap_before_any_sample_waits_for_the_first_step():
    walk = still()
    swap = walk.offer(walk.instance(make=giving(1.0)), **AT_ONCE)
    assert not walk.tick(but={'joint'}).sends
    assert swap.state is SwapState.WAITING
    assert hips(walk, 1) == [0.5]
    assert swap.state is SwapState.ACTING


def test_stop_cancels_a_shadow_and_the_active_policy_can_start_again():
    walk = still(stop_timeout=0.0)
    walk.tick()
    swap = walk.offer(walk.instance(make=giving(1.0)), shadow_time=1.0)
    walk.ticks(2)
    walk.ask(Event.STOP)
    assert (swap.state, walk.runner.mode) == (SwapState.REFUSED, Mode.STANDBY)
    assert swap.reason.startswith('swap.cancelled')
    walk.ask(Event.START)
    assert hips(walk, 60) == [0.0] * 60


@pytest.mark.parametrize('stop_timeout', [0.0, 5.0])
def test_stop_and_start_between_two_ticks_change_nothing(stop_timeout):
    walk = Walk(make=Network, stop_timeout=stop_timeout)
    walk.ticks(5)
    swap = walk.offer(shadow_time=1.0)
    walk.ticks(5)
    for event in (Event.STOP, Event.START):
        assert walk.runner.request(event)[0]
    walk.ticks(3)
    assert swap.state is SwapState.WAITING
    assert swap.candidate.instance.policy.num_runs == walk.policy.num_runs == 13
    assert swap.candidate.divergence.tolist() == [0.0] * 3


def test_policy_without_history_may_take_over_with_the_start():
    walk = still(stop_timeout=0.0)
    walk.ticks(5)
    walk.ask(Event.STOP)
    instance = walk.instance(make=giving(1.0))
    instance.next_step = walk.switcher.history.count
    assert walk.runner.request(Event.START)[0]
    assert walk.switcher.offer(
        Swap(Candidate(instance, walk.runner.config), SwapOptions(blend_time=0.0))
    )
    assert hips(walk, 2) == [0.5, 0.5]
    assert (walk.switcher.active, instance.next_step) == (instance, 2)


def test_end_of_the_ticks_cancels_a_swap_that_waits():
    walk = still()
    walk.tick()
    swap = walk.offer(shadow_time=1.0)
    walk.ticks(2)
    walk.runner.reset()
    assert (swap.state, take_changes(walk)) == (SwapState.REFUSED, [swap])
    assert swap.reason == 'swap.cancelled: the ticks ended'
    assert not walk.switcher.is_swapping


def test_new_run_of_ticks_does_not_restart_a_probation():
    walk, swap = swapped(giving(1.0), options={**AT_ONCE, 'probation_time': 0.1})
    walk.ticks(10)
    assert not walk.switcher.is_on_probation(walk.now)
    walk.runner.reset()
    walk.ticks(2)
    assert not walk.switcher.is_on_probation(walk.now)
    assert not walk.switcher.follows_previous(walk.now)
    assert swap.state is SwapState.ACTING


def test_probation_of_a_policy_swapped_in_standby_starts_with_its_first_step():
    walk, _ = swapped(giving(0.5), ramp_time=0.1, stop_timeout=0.0)
    walk.ask(Event.STOP)
    swap = walk.offer(walk.instance(make=giving(1.0)), probation_time=0.2)
    walk.ticks(50)
    assert walk.switcher.is_on_probation(walk.now)
    walk.ask(Event.START)
    walk.ticks(5)
    assert walk.switcher.is_on_probation(walk.now)
    walk.switcher.request_rollback('requested by a test')
    walk.tick()
    assert swap.state is SwapState.ROLLED_BACK
    assert walk.runner.mode is Mode.POLICY


@pytest.mark.parametrize('make', [Network, lambda compiled: Network(compiled, is_recurrent=True)])
def test_rollback_is_possible_after_a_stop_and_start_within_the_probation(make):
    walk, alone = (Walk(make=make, stop_timeout=0.0) for _ in range(2))
    walk.ticks(9)
    swap = walk.offer(**AT_ONCE)
    for each in (walk, alone):
        each.ticks(3)
        each.ask(Event.STOP)
        each.number = 0
        each.ask(Event.START)
        each.ticks(5)
    walk.switcher.request_rollback('requested by a test')
    assert walk.ticks(5).tolist() == alone.ticks(5).tolist()
    assert swap.state is SwapState.ROLLED_BACK


def test_rollback_in_standby_ramps_to_the_default_pose_of_the_previous_policy():
    walk = Walk(LIMITED, giving(0.0), start_in='standby', ramp_time=0.1)
    walk.ticks(10)
    pose = [value + 0.5 for value in DEFAULT]
    spec = make_spec(*SENSOR_TERMS, default_position=pose)
    swap = walk.offer(walk.instance(spec))
    assert walk.ticks(10)[-1].tolist() == pose
    walk.switcher.request_rollback('requested by a test')
    assert walk.ticks(10)[-1].tolist() == list(DEFAULT)
    assert swap.state is SwapState.ROLLED_BACK
    walk.switcher.request_rollback('requested by a test')
    assert walk.ticks(10)[-1].tolist() == list(DEFAULT)
