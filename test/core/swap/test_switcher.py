# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Swaps at once, after a shadow, blended, and refused."""

from __future__ import annotations

from functools import partial
from types import SimpleNamespace

from distill_runtime.core.modes import Mode
from distill_runtime.core.swap.swap import SwapState
from distill_runtime.core.swap.switcher import Blend
import numpy as np
import pytest
from support.rig import TICK_NS
from support.specs import DEFAULT, make_spec
from support.walk_rig import (
    AT_ONCE,
    Failing,
    giving,
    hips,
    Network,
    SENSOR_TERMS,
    still,
    take_changes,
    Walk,
)

HIGHER = {'default_position': [value + 0.5 for value in DEFAULT]}


def test_policy_takes_over_at_the_next_step_and_is_reported_once():
    walk = still()
    walk.tick()
    swap = walk.offer(walk.instance(make=giving(1.0)), **AT_ONCE)
    assert walk.switcher.is_swapping
    assert (swap.state, take_changes(walk)) == (SwapState.WAITING, [])
    assert hips(walk, 2) == [0.5, 0.5]
    assert (swap.state, swap.reason, swap.stamp_ns) == (SwapState.ACTING, '', walk.now - TICK_NS)
    assert take_changes(walk) == [swap]
    assert not walk.switcher.is_swapping
    assert walk.runner.policy is swap.candidate.instance.policy


def test_policy_takes_over_with_a_policy_step_and_not_between_two():
    walk = still(ticks_per_step=4)
    walk.ticks(2)
    swap = walk.offer(walk.instance(make=giving(1.0)), **AT_ONCE)
    assert hips(walk, 3) == [0.0, 0.0, 0.5]
    assert swap.stamp_ns == walk.now


def test_second_offer_is_refused_while_the_first_one_waits():
    walk = still()
    walk.tick()
    swap = walk.offer(shadow_time=0.04)
    assert not walk.switcher.offer(walk.swap())
    assert walk.switcher.swap is swap
    walk.ticks(4)
    assert swap.state is SwapState.ACTING
    assert walk.switcher.offer(walk.swap())


def test_policy_that_was_offered_late_catches_up_before_it_takes_over():
    walk = Walk(make=Network)
    walk.tick()
    swap = walk.swap(**AT_ONCE)
    walk.ticks(5)
    walk.switcher.offer(swap)
    states = []
    for _ in range(4):
        walk.tick()
        states.append((swap.state, swap.candidate.instance.next_step))
    assert states[0] == (SwapState.WAITING, 3)  # two in a tick, no more
    assert states[-1] == (SwapState.ACTING, 10)


@pytest.mark.parametrize('steps', [2, 5, 10])
def test_blend_is_linear_and_ends_at_the_target_exactly(steps):
    walk = still()
    walk.tick()
    walk.offer(walk.instance(make=giving(1.0)), blend_time=0.02 * steps)
    shares = [0.5 * (step + 1) / steps for step in range(steps)]
    assert hips(walk, steps + 1) == pytest.approx([*shares, 0.5])
    assert walk.tick().command.tolist() == (np.array(DEFAULT) + 0.5).tolist()


def test_both_policies_read_the_sensors_during_a_blend():
    walk, before, after = (Walk(make=Network) for _ in range(3))
    for each in (walk, before, after):
        each.ticks(5)
    spec = make_spec(*SENSOR_TERMS, action={'scale': 0.25})
    after.offer(after.instance(spec), **AT_ONCE)
    walk.offer(walk.instance(spec), blend_time=0.1)
    for share in (0.2, 0.4, 0.6, 0.8, 1.0):
        mixture = walk.tick().command
        source, target = walk.switcher.previous.instance.target, walk.switcher.active.target
        assert target.tolist() == after.tick().command.tolist()
        assert mixture == pytest.approx((1.0 - share) * source + share * target)
    assert walk.switcher.previous.instance.next_step == 10


@pytest.mark.parametrize('interpolation', ['hold', 'linear'])
def test_no_command_of_a_blend_is_further_than_the_step_limit(interpolation):
    walk = Walk(make=Network, max_joint_step=0.1, ticks_per_step=2, interpolation=interpolation)
    walk.ticks(4)
    walk.offer(walk.instance(make_spec(*SENSOR_TERMS, **HIGHER)), blend_time=0.08)
    commands = walk.ticks(20)
    assert np.abs(np.diff(commands, axis=0)).max() <= 0.1 + 1e-12
    assert commands[-1].min() > -0.5


def test_blend_between_ticks_of_a_step_is_interpolated_like_any_target():
    walk = still(ticks_per_step=2, interpolation='linear')
    walk.ticks(2)
    walk.offer(walk.instance(make=giving(1.0)), blend_time=0.04)
    assert hips(walk, 6) == pytest.approx([0.125, 0.25, 0.375, 0.5, 0.5, 0.5])


def test_swap_during_a_blend_starts_from_the_mixture():
    walk = still()
    walk.tick()
    walk.offer(walk.instance(make=giving(1.0)), blend_time=0.2)
    assert hips(walk, 5) == pytest.approx([0.05, 0.1, 0.15, 0.2, 0.25])
    walk.offer(walk.instance(make=giving(np.nan)), **AT_ONCE)  # refused: the blend continues
    assert hips(walk, 2) == pytest.approx([0.3, 0.35])
    walk.offer(walk.instance(make=giving(-1.0)), blend_time=0.04)
    assert hips(walk, 2)[1] == -0.5


def test_candidate_takes_over_after_its_shadow_time():
    walk = still()
    walk.tick()
    swap = walk.offer(walk.instance(make=giving(1.0)), shadow_time=0.1, **AT_ONCE)
    assert hips(walk, 6) == [0.0] * 5 + [0.5]
    assert swap.stamp_ns == walk.now
    assert swap.candidate.compared == 5
    assert swap.candidate.worst.tolist() == pytest.approx([0.5] * 3)


def test_candidate_that_diverges_is_refused_with_its_reason():
    walk = still()
    walk.tick()
    instance = walk.instance(make=giving([0.0, 0.0, 1.0]))
    swap = walk.offer(instance, shadow_time=0.2, max_divergence=0.25)
    assert hips(walk, 3) == [0.0] * 3
    assert swap.state is SwapState.REFUSED
    assert swap.reason.startswith('shadow.divergence: target of ankle differs by 0.5000')
    assert take_changes(walk) == [swap]
    assert walk.switcher.active.policy is walk.policy


@pytest.mark.parametrize(
    ('make', 'reason'),
    [
        (giving(lambda run: 0.0 if run < 3 else np.nan), 'action.not_finite'),
        (partial(Failing, run=6), 'action.failed: the network fails: index is out of bounds'),
    ],
)
def test_candidate_that_fails_is_refused_and_the_policy_stays_active(make, reason):
    walk = still()
    walk.tick()
    swap = walk.offer(walk.instance(make=make), shadow_time=0.2)
    assert hips(walk, 10) == [0.0] * 10
    assert (swap.state, walk.runner.mode) == (SwapState.REFUSED, Mode.POLICY)
    assert swap.reason.startswith(reason)
    assert walk.switcher.previous is None


def test_candidate_catches_up_when_there_is_time_again():
    walk = Walk(make=Network)
    walk.tick()
    swap = walk.offer(**AT_ONCE)
    walk.switcher.may_shadow = False
    walk.ticks(1)
    assert swap.state is SwapState.ACTING  # it was up to date: one policy runs at a time
    swap = walk.offer(shadow_time=0.02, **AT_ONCE)
    walk.ticks(20)
    assert swap.state is SwapState.WAITING
    walk.switcher.may_shadow = True
    commands, alone = walk.ticks(20), Walk(make=Network)
    assert swap.state is SwapState.ACTING
    assert commands.tolist() == alone.ticks(42)[22:].tolist()


POSE = np.array([1.0, -1.0])
TARGET = np.array([2.0, 3.0])


def source_of(*target):
    """Return what a blend needs of an instance."""
    return SimpleNamespace(is_valid=True, target=np.array(target))


def blend_of(steps, source=None, pose=POSE):
    blend = Blend(2)
    blend.begin(pose, source, steps)
    return blend


def mixed(blend, target=TARGET):
    return blend.mix(np.array(target)).tolist()


@pytest.mark.parametrize('steps', [0, 1])
def test_blend_of_no_time_is_at_the_target_at_once(steps):
    blend = blend_of(steps, source_of(9.0, 9.0))
    assert blend.is_active is (steps == 1)
    target = np.array([0.1, 0.7])
    assert blend.mix(target) is target
    assert not blend.is_active


def test_invalid_source_is_replaced_by_its_last_valid_target():
    source = source_of(0.0, 4.0)
    blend = blend_of(4, source)
    assert mixed(blend, [1.0, 0.0]) == [0.25, 3.0]
    source.is_valid = False
    source.target[:] = np.nan
    assert mixed(blend, [1.0, 0.0]) == [0.5, 2.0]
    assert mixed(blend, [1.0, 0.0]) == [0.75, 1.0]


def test_source_is_needed_only_while_it_is_blended_from():
    source = source_of(0.0, 0.0)
    assert blend_of(0, source).source is None
    blend = blend_of(2, source)
    assert blend.source is source
    blend.mix(TARGET)
    blend.mix(TARGET)
    assert blend.source is None
    blend.begin(POSE, source, 2)
    blend.stop()
    assert (blend.source, blend.is_active) == (None, False)


def test_pose_and_target_are_not_written():
    pose, target = POSE.copy(), TARGET.copy()
    blend = blend_of(3, pose=pose)
    mixture = blend.mix(target)
    mixture[:] = 9.0
    assert pose.tolist() == POSE.tolist()
    assert target.tolist() == TARGET.tolist()
    assert blend.mix(target).tolist() == pytest.approx([1.0 + 2.0 / 3.0, -1.0 + 8.0 / 3.0])
