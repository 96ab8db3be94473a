# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""No bit of the commands changes with a copy, and another spec observes what it would alone."""

from __future__ import annotations

from functools import cache, partial

from distill_runtime.core.config import RunnerConfig
from distill_runtime.core.runner import PolicyRunner
from distill_runtime.core.swap.history import DEPTH
from distill_runtime.core.swap.swap import SwapState
from distill_runtime.spec.compile import compile_spec, sensor_layout
from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest
from support.specs import DEFAULT, JOINTS, make_spec
from support.walk_rig import AT_ONCE, LAST_ACTION, Network, ROBOT_JOINTS, SENSOR_TERMS, Walk

NUM_STEPS = 30
GAIT = {
    'term': 'gait_phase',
    'frequency': 3.7,
    'offsets': [0.0, 2.0],
    'components': ['cos', 'sin'],
    'advance': 'after',
}
STANDING = {'below': 0.1, 'phase': 3.0}
TERMS = (*SENSOR_TERMS, LAST_ACTION)
SPECS = {
    'plain': make_spec(*SENSOR_TERMS),
    'last_action': make_spec(*TERMS),
    'gait': make_spec(*TERMS, GAIT),
    'gait_of_other_time': make_spec(*TERMS, {**GAIT, 'advance': 'before', 'standing': STANDING}),
    'gait_that_restarts': make_spec(*TERMS, {**GAIT, 'standing': {**STANDING, 'restart': True}}),
    'gait_at_offset': make_spec(
        *TERMS,
        {**GAIT, 'advance': 'before', 'standing': {**STANDING, 'restart': 'at_offset'}},
    ),
    'gait_advanced': make_spec(*TERMS, {**GAIT, 'standing': {**STANDING, 'restart': 'advanced'}}),
    'few_joints': make_spec(*TERMS, action={'joints': ['ankle', 'hip'], 'clip': [-0.5, 0.5]}),
    'range': make_spec(*TERMS, command={'lower': [0.3, -0.1, -0.1], 'upper': [0.5, 0.1, 0.1]}),
    **{
        f'{major}_{order}_{fill}': make_spec(
            *TERMS, history={'length': 5, 'major': major, 'order': order, 'fill': fill}
        )
        for major in ('term', 'frame')
        for order in ('oldest_first', 'newest_first')
        for fill in ('first', 'zeros')
    },
    'some_steps': make_spec(
        *TERMS, history={'steps': [0, 1, 2, 4, 8], 'major': 'frame', 'fill': 'first'}
    ),
}
NETWORKS = {'plain': Network, 'recurrent': partial(Network, is_recurrent=True)}
RATES = {
    'policy': {},
    'hold': {'ticks_per_step': 3},
    'linear': {'ticks_per_step': 3, 'interpolation': 'linear'},
}


@cache
def commands(spec, network, rate, num_steps=NUM_STEPS, swap_at=None, lag=0):
    """Return all commands of a walk, shape (ticks, num_joints).

    Args:
        spec, network, rate: Of the policy and of its copy.
        num_steps: How many policy steps.
        swap_at: Tick before which the copy follows the history; None: no swap.
        lag: Ticks from then until it is offered.
    """
    walk = Walk(SPECS[spec], NETWORKS[network], **RATES[rate])
    ticks = num_steps * walk.runner.config.ticks_per_step
    if swap_at is None:
        return walk.ticks(ticks)
    before = walk.ticks(swap_at)
    swap = walk.swap(**AT_ONCE)
    between = walk.ticks(lag)
    assert walk.switcher.offer(swap)
    after = walk.ticks(ticks - swap_at - lag)
    assert swap.state is SwapState.ACTING
    assert walk.switcher.active is swap.candidate.instance
    return np.vstack([before, between, after])


@pytest.mark.parametrize('rate', RATES)
@pytest.mark.parametrize('network', NETWORKS)
@pytest.mark.parametrize('spec', SPECS)
def test_copy_gives_the_same_commands_bit_for_bit(spec, network, rate):
    alone = commands(spec, network, rate)
    for swap_at in (0, 3, 20):
        assert np.array_equal(commands(spec, network, rate, swap_at=swap_at), alone)


@pytest.mark.fuzz
@given(
    spec=st.sampled_from(sorted(SPECS)),
    network=st.sampled_from(sorted(NETWORKS)),
    rate=st.sampled_from(sorted(RATES)),
    swap_at=st.integers(0, NUM_STEPS - 15),
    lag=st.integers(0, 9),
)
def test_copy_may_be_offered_at_any_tick(spec, network, rate, swap_at, lag):
    changed = commands(spec, network, rate, NUM_STEPS, swap_at, lag)
    assert np.array_equal(changed, commands(spec, network, rate))


@pytest.mark.parametrize(
    'spec', ['some_steps', 'gait_that_restarts', 'gait_at_offset', 'frame_newest_first_first']
)
@pytest.mark.parametrize('more', [-1, 0, 6, 40])
def test_copy_takes_over_after_the_first_steps_left_the_history(spec, more):
    num_steps = DEPTH + 60
    changed = commands(spec, 'plain', 'policy', num_steps, DEPTH + more)
    assert np.array_equal(changed, commands(spec, 'plain', 'policy', num_steps))


def test_recurrent_copy_is_close_after_the_first_steps_left_the_history():
    num_steps = DEPTH + 60
    alone = commands('last_action', 'recurrent', 'policy', num_steps)
    changed = commands('last_action', 'recurrent', 'policy', num_steps, DEPTH + 50)
    assert changed == pytest.approx(alone, abs=1e-6)


def test_copies_may_take_over_one_after_another():
    alone = commands('some_steps', 'plain', 'linear')
    walk = Walk(SPECS['some_steps'], NETWORKS['plain'], **RATES['linear'])
    changed = []
    for _ in range(NUM_STEPS):
        swap = walk.offer(**AT_ONCE)
        changed.append(walk.ticks(3))
        assert swap.state is SwapState.ACTING
    assert np.array_equal(np.vstack(changed), alone)


def test_rollback_changes_no_bit():
    alone = commands('term_oldest_first_zeros', 'recurrent', 'hold')
    walk = Walk(SPECS['term_oldest_first_zeros'], NETWORKS['recurrent'], **RATES['hold'])
    first = walk.switcher.active
    swap = walk.offer(**AT_ONCE)
    changed = [walk.ticks(31)]
    assert walk.switcher.active is not first
    walk.switcher.request_rollback('requested by a test')
    changed.append(walk.ticks(len(alone) - 31))
    assert (walk.switcher.active, swap.state) == (first, SwapState.ROLLED_BACK)
    assert np.array_equal(np.vstack(changed), alone)


def test_copy_in_a_blend_is_the_policy_but_for_rounding():
    alone = commands('some_steps', 'plain', 'policy')
    walk = Walk(SPECS['some_steps'], NETWORKS['plain'])
    before = walk.ticks(10)
    walk.offer(blend_time=0.2)
    changed = np.vstack([before, walk.ticks(NUM_STEPS - 10)])
    assert changed == pytest.approx(alone, abs=1e-15)
    assert np.array_equal(changed[20:], alone[20:])


TURNED = {
    'joints': ['ankle', 'hip', 'knee'],
    'default_position': [DEFAULT[2], DEFAULT[0], DEFAULT[1]],
}
OTHERS = {
    'scale': {'action': {'scale': [0.25, 0.3, 1.5]}},
    'offset': {'action': {'offset': [0.5, 0.0, -0.25]}},
    'clip': {'action': {'scale': 0.25, 'clip': [-0.75, 0.5]}},
    'default': {'default_position': [0.0, 0.5, -0.4]},
    'order': TURNED,
    'order_of_actions': {'action': {'joints': ['knee', 'ankle', 'hip']}},
    'order_and_scale': {**TURNED, 'action': {'scale': [0.25, 0.3, 1.5]}},
    'few': {'action': {'joints': ['knee'], 'scale': 0.3}},
    'history': {
        'history': {'length': 4, 'major': 'term', 'order': 'newest_first', 'fill': 'zeros'}
    },
    'history_and_order': {
        **TURNED,
        'action': {'scale': 0.125},
        'history': {'steps': [0, 1, 4], 'major': 'frame', 'fill': 'first'},
    },
}


def translated(spec, targets):
    """Return the action that gives targets, by joint name, through a spec."""
    action = spec.outputs.action
    defaults = dict(zip(spec.joints, spec.default_position, strict=True))
    num = len(spec.action_joints)
    scales = action.scale if isinstance(action.scale, tuple) else (action.scale,) * num
    offsets = action.offset if isinstance(action.offset, tuple) else None
    lower, upper = action.clip if action.clip else (-np.inf, np.inf)
    values = []
    for index, name in enumerate(spec.action_joints):
        offset = offsets[index] if offsets else defaults[name]
        value = (targets[name] - offset) / scales[index]
        values.append(min(max(value, lower), upper))
    return values


class Alone:
    """A runner of one policy, whose last action the test writes."""

    def __init__(self, spec, network):
        compiled = compile_spec(spec, sensor_layout(spec, ROBOT_JOINTS))
        config = RunnerConfig(start_in='policy', max_joint_step=0.0)
        self.runner = PolicyRunner(compiled, network(compiled), config)

    def step(self, walk, last_action=None):
        """Step on the sensors of a walk; return the observation."""
        if last_action is not None:
            self.runner.switcher.active.last_action[:] = last_action
        return self.runner.step(walk.sensors, walk.now).observation.copy()


@pytest.mark.parametrize('is_recurrent', [False, True])
@pytest.mark.parametrize('other', OTHERS)
@pytest.mark.parametrize('swap_at', [1, 12])
def test_policy_observes_the_same_as_alone_with_its_last_action_translated(
    other, is_recurrent, swap_at
):
    def network(compiled):
        return Network(compiled, is_recurrent, seed=1)

    walk = Walk()
    spec = make_spec(*SENSOR_TERMS, LAST_ACTION, **OTHERS[other])
    alone, targets = Alone(spec, network), None
    for _ in range(swap_at):
        walk.tick()
        alone.step(walk, targets and translated(spec, targets))
        targets = dict(zip(JOINTS, walk.switcher.active.target.tolist(), strict=True))
    swap = walk.offer(walk.instance(spec, network), **AT_ONCE)
    for number in range(8):
        step = walk.tick()
        seen = alone.step(walk, None if number else translated(spec, targets))
        assert step.observation.tolist() == seen.tolist()
    assert swap.state is SwapState.ACTING
    assert walk.switcher.active is swap.candidate.instance
    assert step.action.tolist() == alone.runner.policy.action.tolist()


@pytest.mark.parametrize('other', OTHERS)
def test_candidate_reads_the_translated_action_at_each_step(other):
    walk = Walk()
    spec = make_spec(*SENSOR_TERMS, LAST_ACTION, **OTHERS[other])
    alone, targets = Alone(spec, Network), None
    swap = walk.offer(walk.instance(spec), shadow_time=1.0)
    for _ in range(20):
        walk.tick()
        seen = alone.step(walk, targets and translated(spec, targets))
        assert swap.candidate.instance.policy.observation.tolist() == seen.tolist()
        targets = dict(zip(JOINTS, walk.switcher.active.target.tolist(), strict=True))
    assert swap.state is SwapState.WAITING


def test_commands_stay_in_the_order_of_the_first_policy():
    walk = Walk()
    walk.ticks(3)
    spec = make_spec(*SENSOR_TERMS, **TURNED)
    walk.offer(walk.instance(spec), **AT_ONCE)
    step = walk.tick()
    by_name = dict(
        zip(spec.joints, 0.5 * step.action + np.array(spec.default_position), strict=True)
    )
    assert step.command.tolist() == pytest.approx([by_name[name] for name in JOINTS])
    assert step.target.tolist() == step.command.tolist()


def test_history_holds_all_actions_of_a_wider_policy():
    few = make_spec(*SENSOR_TERMS, LAST_ACTION, action={'joints': ['knee']})
    wide = make_spec(*SENSOR_TERMS, LAST_ACTION)
    walk = Walk(few)
    walk.ticks(4)
    walk.offer(walk.instance(wide), **AT_ONCE)
    walk.ticks(4)
    alone = walk.ticks(4)
    again = Walk(few)
    again.ticks(4)
    again.offer(again.instance(wide), **AT_ONCE)
    again.ticks(4)
    again.offer(again.instance(wide), **AT_ONCE)
    assert again.ticks(4).tolist() == alone.tolist()
