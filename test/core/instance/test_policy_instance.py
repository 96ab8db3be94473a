# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import replace
import math

from distill_runtime.core.checks.registry import CHECKS, DEFAULT_CHECKS
from distill_runtime.core.instance.policy_instance import PolicyInstance
from distill_runtime.core.swap.history import StepHistory
from distill_runtime.spec.compile import compile_spec
import numpy as np
import pytest
from support.rig import COMMAND_TERM, FakePolicy
from support.specs import make_spec

POSITION = {'term': 'joint_position', 'relative': False}
LAST_ACTION = {'term': 'last_action'}
GAIT = {
    'term': 'gait_phase',
    'frequency': 5.0,
    'offsets': [0.0],
    'components': ['sin'],
    'advance': 'after',
}
RESTARTING = {**GAIT, 'standing': {'below': 0.1, 'phase': 0.0, 'restart': True}}
RESTARTS = {
    restart: {**RESTARTING, 'standing': {**RESTARTING['standing'], 'restart': restart}}
    for restart in (True, 'at_offset', 'advanced')
}
TURN = 2.0 * math.pi * 5.0 * 0.02  # per step


def make_instance(*terms, output=0.0, checks=DEFAULT_CHECKS, **spec):
    compiled = compile_spec(make_spec(*terms, **spec))
    return PolicyInstance(compiled, FakePolicy(compiled, output), checks)


def sensor_vector_of(instance, position=(0.0, 0.0, 0.0), command=(0.0, 0.0, 0.0)):
    sensor_vector = np.zeros(instance.compiled.gravity.stop)
    layout = instance.compiled.layout
    sensor_vector[layout.joint_position] = position
    sensor_vector[layout.velocity_command] = command
    return sensor_vector


def seen(instance):
    return instance.policy.observation.tolist()


class ActiveInstance:
    """The active instance, and the history of its steps."""

    def __init__(self, instance, depth=8):
        self.instance = instance
        compiled = instance.compiled
        self.history = StepHistory(compiled.gravity.stop, 3, compiled.action, depth)

    def step(self, **sensor_vector):
        instance, history = self.instance, self.history
        values = sensor_vector_of(instance, **sensor_vector)
        action = instance.compiled.action
        history.push(
            values, instance.target, instance.last_action, action, instance.elapsed, history.count
        )
        instance.step(values)


def test_command_is_clipped_in_the_vector_of_the_policy_alone():
    instance = make_instance(COMMAND_TERM, command={'lower': [-1, -1, -1], 'upper': [1, 1, 1]})
    sensor_vector = sensor_vector_of(instance, command=[3.0, -3.0, 0.5])
    instance.step(sensor_vector)
    assert seen(instance) == [1.0, -1.0, 0.5]
    assert sensor_vector[instance.compiled.layout.velocity_command].tolist() == [3.0, -3.0, 0.5]


@pytest.mark.parametrize('wrong', [np.nan, np.inf, 1e30])
def test_invalid_output_keeps_target_and_last_action(wrong):
    instance = make_instance(POSITION)
    instance.policy.output = 1.0
    instance.step(sensor_vector_of(instance))
    target = instance.target.tolist()
    instance.policy.output = wrong
    instance.step(sensor_vector_of(instance))
    assert not instance.is_valid
    assert instance.target.tolist() == target
    assert instance.last_action.tolist() == [1.0] * 3
    instance.policy.output = 2.0
    instance.step(sensor_vector_of(instance))
    assert instance.is_valid
    assert instance.last_action.tolist() == [2.0] * 3


def test_network_that_fails_gives_a_problem_until_it_runs_again():
    def fail(run):
        raise RuntimeError('indices element out of\n data bounds')

    instance = make_instance(POSITION, output=1.0)
    instance.step(sensor_vector_of(instance))
    target = instance.target.tolist()
    instance.policy.output = fail
    instance.step(sensor_vector_of(instance))
    assert not instance.is_valid
    assert (
        instance.problem == 'action.failed: the network fails: indices element out of data bounds'
    )
    assert np.isnan(instance.policy.action).all()
    assert (instance.target.tolist(), instance.last_action.tolist()) == (target, [1.0] * 3)
    instance.policy.output = [0.0, math.inf, 0.0]
    instance.step(sensor_vector_of(instance))
    assert instance.problem == 'action.not_finite: network output element 1 is inf'
    instance.policy.output = 2.0
    instance.step(sensor_vector_of(instance))
    assert instance.is_valid
    assert instance.next_step == 4


def test_elapsed_steps_are_counted_with_and_without_a_gait_clock():
    for term in (POSITION, GAIT, RESTARTING):
        instance = make_instance(term)
        assert instance.elapsed == 0
        for _ in range(3):
            instance.step(sensor_vector_of(instance, command=[1.0, 0.0, 0.0]))
        assert instance.elapsed == 3
    instance.step(sensor_vector_of(instance))  # stands
    instance.step(sensor_vector_of(instance, command=[1.0, 0.0, 0.0]))
    assert instance.elapsed == 1


def test_step_that_is_not_its_next_one_is_the_first_of_a_follower():
    active = ActiveInstance(make_instance(POSITION, output=0.5))
    history = {'length': 2, 'major': 'frame', 'order': 'oldest_first', 'fill': 'first'}
    follower = make_instance(POSITION, LAST_ACTION, history=history)
    for number in range(4):
        active.step(position=[float(number)] * 3)
    follower.follow(active.history, 0)
    follower.follow(active.history, 3)
    assert seen(follower) == ([3.0] * 3 + [0.5] * 3) * 2
    assert follower.next_step == 4


@pytest.mark.parametrize('first', [0, 1, 3, 4, 5])
@pytest.mark.parametrize(
    ('advance', 'restart', 'turns'),
    [
        ('after', True, 2),
        ('before', True, 3),
        ('after', 'at_offset', 2),
        ('before', 'at_offset', 2),
        ('after', 'advanced', 3),
        ('before', 'advanced', 3),
    ],
)
def test_follower_takes_over_the_gait_phase_at_any_step(first, advance, restart, turns):
    """The robot stands in steps 2 and 3, so that the clock begins again in step 4."""
    term = {**RESTARTS[restart], 'advance': advance}
    active = ActiveInstance(make_instance(term))
    follower = make_instance(term)
    for number in range(7):
        active.step(command=[0.0 if number in (2, 3) else 1.0, 0.0, 0.0])
    follower.join(active.history, first)
    for number in range(first, 7):
        follower.follow(active.history, number)
    assert seen(follower) == seen(active.instance)
    assert seen(follower) == pytest.approx([math.sin(turns * TURN)])


def test_follower_without_a_clock_of_the_other_counts_from_its_first_step():
    active = ActiveInstance(make_instance(POSITION), depth=4)
    for _ in range(6):
        active.step()
    follower = make_instance(GAIT)
    follower.join(active.history, active.history.oldest)
    follower.follow(active.history, 3)
    assert seen(follower) == pytest.approx([math.sin(3 * TURN)])


def test_findings_are_of_the_targets_and_of_what_training_has_not_seen():
    checks = {
        **DEFAULT_CHECKS,
        'target_step': replace(CHECKS['target_step'].default, limit=0.5),
        'observation_range': replace(CHECKS['observation_range'].default, limit=0.0),
    }
    term = {**POSITION, 'trained_range': [-1.0, 1.0]}
    instance = make_instance(term, output=lambda run: 4.0 * run, checks=checks)
    found = []
    for position in (1.0, 1.5, 0.0):
        instance.step(sensor_vector_of(instance, position=[position, 0.0, 0.0]))
        instance.judge()
        found.append([finding.check for finding in instance.findings])
    assert found == [[], ['target_step', 'observation_range'], ['target_step']]
    instance.restart()
    assert instance.findings == ()
    instance.policy.output = -4.0
    instance.step(sensor_vector_of(instance))
    instance.judge()
    assert instance.findings == ()  # the first target after a restart does not jump
