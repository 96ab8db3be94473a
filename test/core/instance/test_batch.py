# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Observations of many rows at once, against PolicyInstance stepped row by row."""

from __future__ import annotations

import math

from distill_runtime.core.checks.registry import DEFAULT_CHECKS
from distill_runtime.core.instance.action import ActionMap
from distill_runtime.core.instance.batch import (
    action_targets,
    BatchObservations,
    clipped_actions,
    gravity_rows,
    translated_actions,
    zero_old_commands,
)
from distill_runtime.core.instance.policy_instance import PolicyInstance
from distill_runtime.core.rotations import write_gravity_in_base
from distill_runtime.core.sensors import NEVER
from distill_runtime.spec.compile import compile_spec, sensor_layout
from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest
from support.rig import FakePolicy
from support.specs import JOINTS, make_spec

POSITION = {'term': 'joint_position', 'relative': False}
WIDTHS = {
    'base_linear_velocity': 3,
    'base_angular_velocity': 3,
    'projected_gravity': 3,
    'base_orientation': 4,
    'velocity_command': 2,
    'joint_position': 3,
    'joint_velocity': 2,
    'last_action': 3,
    'gait_phase': 4,
    'external': 5,
    'constant': 2,
}
FIXED = {
    'base_orientation': {'quaternion': 'wxyz'},
    'velocity_command': {'components': ['yaw', 'vx']},
    'joint_velocity': {'joints': ['ankle', 'hip'], 'masked': ['hip']},
    'external': {'topic': '/scan', 'width': 5},
    'constant': {'values': [0.25, -3.0]},
}
FINITE = st.floats(-3.0, 3.0)


@st.composite
def terms(draw, major):
    kind = draw(st.sampled_from(sorted(WIDTHS)))
    term = {'term': kind, **FIXED.get(kind, {})}
    if kind == 'joint_position':
        term['relative'] = draw(st.booleans())
    if kind == 'gait_phase':
        term |= {
            'frequency': draw(st.floats(0.5, 5.0)),
            'offsets': [0.0, draw(st.floats(0.0, 6.0))],
            'components': draw(st.permutations(['cos', 'sin'])),
            'advance': draw(st.sampled_from(['before', 'after'])),
        }
        if draw(st.booleans()):
            restart = draw(st.sampled_from([False, True, 'at_offset', 'advanced']))
            term['standing'] = {'below': 0.5, 'phase': 1.0, 'restart': restart}
    if draw(st.booleans()):
        term['scale'] = draw(st.lists(FINITE, min_size=WIDTHS[kind], max_size=WIDTHS[kind]))
    if draw(st.booleans()):
        term['clip'] = draw(st.sampled_from([[-0.5, 0.75], [None, 0.3], [-0.2, None]]))
        term['order'] = draw(st.sampled_from(['clip_then_scale', 'scale_then_clip']))
    if major == 'term' and draw(st.booleans()):
        term['history'] = {'steps': draw(st.sampled_from([[0], [3, 0], [1, 2, 6]]))}
    return term


@st.composite
def tensors(draw, name):
    major = draw(st.sampled_from(['term', 'frame']))
    history = {
        'major': major,
        'order': draw(st.sampled_from(['oldest_first', 'newest_first'])),
        'fill': draw(st.sampled_from(['first', 'zeros'])),
    }
    history |= draw(st.sampled_from([{'length': 1}, {'length': 4}, {'steps': [0, 2, 5]}]))
    chosen = draw(st.lists(terms(major), min_size=1, max_size=6))
    return {'name': name, 'terms': chosen, 'history': history}


@st.composite
def specs(draw):
    changes = {'inputs': [draw(tensors(f'obs{n}')) for n in range(draw(st.integers(1, 2)))]}
    if draw(st.booleans()):
        changes['command'] = {'lower': [-0.5, -0.2, -1.0], 'upper': [0.5, 0.2, 1.0]}
    if draw(st.booleans()):
        changes['action'] = {'clip': [-0.8, 0.6]}
    return make_spec(**changes)


def random_rows(layout, num_rows, rng):
    """Return sensor rows, with commands of zero and beyond their range among them."""
    rows = rng.normal(0.0, 1.0, (num_rows, layout.size))
    quats = rows[:, layout.quat_base_to_world]
    quats *= rng.uniform(0.995, 1.005, (num_rows, 1)) / np.linalg.norm(quats, axis=1)[:, None]
    rows[:, layout.velocity_command] *= rng.choice([0.0, -0.0, 0.1, 1.0], (num_rows, 1))
    return rows


def stepped(compiled, rows, starts, outputs):
    """Return observations and last actions of PolicyInstance, row by row."""
    policy = FakePolicy(compiled, 0.0)
    instance = PolicyInstance(compiled, policy, DEFAULT_CHECKS)
    observations, last_actions = [], []
    for row, is_start, output in zip(rows, starts, outputs, strict=True):
        if is_start:
            instance.restart()
        sensor_vector = np.zeros(compiled.gravity.stop)
        sensor_vector[: compiled.layout.size] = row
        if compiled.needs_imu:
            quat = row[compiled.layout.quat_base_to_world]
            assert write_gravity_in_base(quat, sensor_vector[compiled.gravity])
        policy.output = output
        last_actions.append(instance.last_action.copy())
        instance.step(sensor_vector)
        observations.append(policy.observation.copy())
    return np.array(observations), np.array(last_actions)


@pytest.mark.fuzz
@given(
    specs(),
    st.integers(0, 2**32 - 1),
    st.lists(st.booleans(), min_size=1, max_size=40),
    st.integers(1, 40),
    st.booleans(),
)
def test_rows_at_once_are_the_steps_one_by_one(spec, seed, starts, chunk, is_other_order):
    robot_joints = (*JOINTS[::-1], 'arm') if is_other_order else None
    compiled = compile_spec(spec, sensor_layout(spec, robot_joints))
    rng = np.random.default_rng(seed)
    num_rows = 3 * len(starts)
    starts = np.array(starts).repeat(3) & (rng.random(num_rows) < 0.3)
    rows = random_rows(compiled.layout, num_rows, rng)
    outputs = rng.normal(0.0, 1.0, (num_rows, compiled.action.width)).astype(np.float32)
    expected, last_action = stepped(compiled, rows, starts, outputs)
    batch = BatchObservations(compiled)
    found = [
        batch.compute(rows[part], last_action[part], starts[part])
        for part in (slice(begin, begin + chunk) for begin in range(0, num_rows, chunk))
    ]
    np.testing.assert_array_equal(
        np.concatenate(found).view(np.uint32), expected.view(np.uint32), strict=True
    )


@pytest.mark.fuzz
@given(specs(), st.integers(0, 2**32 - 1), st.integers(1, 60), st.integers(1, 60))
def test_last_actions_are_written_as_the_network_gives_them(spec, seed, num_rows, chunk):
    compiled = compile_spec(spec)
    rng = np.random.default_rng(seed)
    starts = rng.random(num_rows) < 0.15
    starts[0] = True
    rows = random_rows(compiled.layout, num_rows, rng)
    outputs = rng.normal(0.0, 1.0, (num_rows, compiled.action.width)).astype(np.float32)
    expected, _ = stepped(compiled, rows, starts, outputs)
    actions = clipped_actions(compiled.action, outputs)
    batch, before = BatchObservations(compiled), np.zeros(compiled.action.width)
    for begin in range(0, num_rows, chunk):
        part = slice(begin, begin + chunk)
        last_action = np.zeros_like(actions[part])
        last_action[0] = before
        found = batch.compute(rows[part], last_action, starts[part])
        whole = []

        def act(row, begin=begin, found=found, whole=whole):
            whole.append(found[row].copy())
            return actions[begin + row]

        batch.complete(found, starts[part], act)
        before = actions[part][-1]
        for seen in (np.array(whole), found):
            np.testing.assert_array_equal(
                seen.view(np.uint32), expected[part].view(np.uint32), strict=True
            )


CHOICES = {'scale': None, 'offset': None, 'choices': [[0, 0, 0], [1, 2, 3], [4, 5, 6]]}
ACTIONS = {
    'clipped': {'clip': [-0.8, 0.6]},
    'other order': {'joints': ['ankle', 'hip', 'knee'], 'scale': [0.3, 0.7, 1 / 3]},
    'some joints': {'joints': ['knee', 'hip'], 'scale': 0.1, 'offset': [0.2, -0.1]},
    'zero scale': {'scale': [0.0, 0.1, 0.3]},
    'target clip': {'scale': 1.0, 'target_clip': [[-0.4, 0.4], [None, 1.0], [-1.0, None]]},
    'choices': CHOICES,
}


@pytest.mark.parametrize('name', ACTIONS)
@pytest.mark.parametrize('other_name', ACTIONS)
def test_many_executed_actions_are_translated_as_one_at_a_swap(name, other_name):
    """The layouts share the joint order of the commands."""
    compiled, other = (
        compile_spec(make_spec(action=ACTIONS[key]), command_joints=JOINTS)
        for key in (name, other_name)
    )
    outputs = np.random.default_rng(0).normal(size=(20, other.action.width)).astype(np.float32)
    default_command = other.joints.default_command
    last, translated = np.zeros(other.action.width), np.zeros(compiled.action.width)
    acting = ActionMap(other.action, default_command, last)
    reading = ActionMap(compiled.action, compiled.joints.default_command, translated)
    targets, expected = [], []
    for output in outputs:
        acting.apply(output)
        reading.translate(other.action, last, acting.target)
        targets.append(acting.target.copy())
        expected.append(translated.copy())
    actions = clipped_actions(other.action, outputs)
    found_targets = action_targets(other.action, actions, default_command)
    np.testing.assert_array_equal(found_targets, targets)
    found = translated_actions(compiled.action, other.action, actions, found_targets)
    np.testing.assert_array_equal(found, expected, strict=True)


def test_no_rows_give_no_observations_and_the_first_row_starts_an_episode():
    compiled = compile_spec(make_spec({'term': 'last_action'}))
    batch = BatchObservations(compiled)
    none = batch.compute(np.zeros((0, compiled.layout.size)), np.zeros((0, 3)), np.zeros(0, bool))
    assert none.shape == (0, 3)
    row = np.zeros((1, compiled.layout.size))
    assert batch.compute(row, np.ones((1, 3)), np.zeros(1, bool)).tolist() == [[0, 0, 0]]
    assert batch.compute(row, np.ones((1, 3)), np.zeros(1, bool)).tolist() == [[1, 1, 1]]


def test_gravity_of_what_is_no_rotation_is_not_a_number():
    half = math.sqrt(0.5)
    gravity = gravity_rows(np.array([[1.0, 0, 0, 0], [half, half, 0, 0], [0.5, 0, 0, 0]]))
    assert gravity[0].tolist() == [0.0, 0.0, -1.0]
    assert gravity[1].tolist() == pytest.approx([0.0, -1.0, 0.0], abs=1e-15)
    assert np.isnan(gravity[2]).all()


@pytest.mark.parametrize(
    ('sample_ns', 'max_age_ns', 'expected'),
    [(90, 10, 1.0), (89, 10, 0.0), (110, 10, 1.0), (111, 10, 0.0), (5, 0, 1.0), (NEVER, 0, 0.0)],
)
def test_command_that_is_old_or_missing_is_zero(sample_ns, max_age_ns, expected):
    commands = np.ones((1, 3))
    zero_old_commands(commands, np.array([sample_ns]), np.array([100]), max_age_ns)
    assert commands.tolist() == [[expected] * 3]
