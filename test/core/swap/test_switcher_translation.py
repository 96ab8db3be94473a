# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""A policy with another spec observes after a swap what it would have observed alone."""

from __future__ import annotations

from distill_runtime.core.config import RunnerConfig
from distill_runtime.core.runner import PolicyRunner
from distill_runtime.core.swap.swap import SwapState
from distill_runtime.spec.compile import compile_spec, sensor_layout
import numpy as np
import pytest
from support.specs import DEFAULT, JOINTS, make_spec
from support.walk_rig import AT_ONCE, LAST_ACTION, Network, ROBOT_JOINTS, SENSOR_TERMS, Walk

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
