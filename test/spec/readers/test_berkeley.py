# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from distill_runtime.errors import ConfigError
from distill_runtime.spec.dialect import ModelContext
from distill_runtime.spec.readers.registry import file_sources, read_content
from distill_runtime.spec.sources import merge_sources, SpecSource
import pytest
from support.damage import damage_test
from support.observed import make_samples, observed
import yaml


def humanoid(**changes):
    """Return the file of a robot with an arm and two legs, of which the policy moves the legs."""
    return {
        'policy_checkpoint_path': 'checkpoints/policy_walker.onnx',
        'control_dt': 0.004,
        'policy_dt': 0.04,
        'num_joints': 3,
        'joints': ['arm', 'left', 'right'],
        'joint_kp': [10.0, 20.0, 21.0],
        'joint_kd': [1.0, 2.0, 2.1],
        'effort_limits': [4.0, 6.0, 6.5],
        'default_joint_positions': [0.3, 0.1, -0.2],
        'num_observations': 15,
        'history_length': 0,
        'command_velocity': [0.1, 0.0, 0.0],
        'num_actions': 2,
        'action_scale': 0.25,
        'action_indices': [2, 1],
        'action_limit_lower': -0.5,
        'action_limit_upper': 1.0,
        **changes,
    }


@pytest.fixture
def read(tmp_path):
    def content(**changes):
        context = ModelContext(model=tmp_path / 'checkpoints' / 'policy_walker.onnx')
        return read_content(humanoid(**changes), tmp_path / 'any.yaml', context)

    return content


def test_facts_of_the_file(read):
    merged = merge_sources([read()])
    spec = merged.spec
    assert (spec.name, spec.period) == ('policy_walker', 0.04)
    assert spec.joints == ('arm', 'left', 'right')
    assert spec.limits.effort == (4.0, 6.0, 6.5)
    assert spec.outputs.action.joints == ('right', 'left')
    assert merged.unstated.keys() == {'command'}
    assert merged.sources['stiffness'].endswith('any.yaml: joint_kp')


def test_one_number_applies_to_all_joints_and_names_are_optional(read):
    values = {'joint_kp': 20.0, 'joint_kd': 2, 'effort_limits': 7.5, 'joints': None}
    source = read(**values, action_indices=[0, 1, 2], num_observations=18)
    assert 'joints' not in source.values['outputs']['action']
    assert 'joints' not in source.values['inputs'][0]['terms'][3]
    assert source.values['stiffness'] == [20.0] * 3
    assert source.values['limits'] == {'effort': [7.5] * 3}
    with pytest.raises(
        ConfigError, match=r'^joints is missing, .*: the file has no names of joints'
    ):
        merge_sources([source])
    named = SpecSource(name='user', values={'joints': ['arm', 'left', 'right']})
    assert merge_sources([named, source]).spec.damping == (2.0, 2.0, 2.0)


def test_file_is_found_where_the_repository_puts_it(tmp_path):
    (tmp_path / 'configs').mkdir()
    (tmp_path / 'checkpoints').mkdir()
    path = tmp_path / 'configs' / 'policy_walker.yaml'
    path.write_text(yaml.safe_dump(humanoid()))
    (tmp_path / 'configs' / 'policy_other.yaml').write_text(yaml.safe_dump(humanoid()))
    context = ModelContext(model=tmp_path / 'checkpoints' / 'policy_walker.onnx')
    (source,) = file_sources(context)
    assert source.name.endswith('checkpoints/../configs/policy_walker.yaml')


@pytest.mark.parametrize(
    ('changes', 'hint'),
    [
        ({'joints': None}, 'action_indices has 2 of 3 joints, whose names '),
        ({'history_length': 3}, 'history_length is 3: its training and its program '),
    ],
)
def test_inputs_that_the_user_must_describe(read, changes, hint):
    source = read(**changes)
    assert 'inputs' not in source.values
    assert source.hints['inputs'].startswith(hint)


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'num_observations': 16}, r'num_observations is 16, expected 15 for 2 actions$'),
        (
            {'action_indices': [0, 3]},
            r'action_indices has 3, expected below 3, the number of joints',
        ),
        ({'action_indices': [1, 1]}, r'action_indices is \[1, 1\], expected each joint once$'),
        ({'joint_kd': [1]}, r'joint_kd has 1 elements, expected 3$'),
        ({'action_scale': None}, r'action_scale is missing$'),
    ],
)
def test_file_that_does_not_fit_is_refused(read, changes, message):
    with pytest.raises(ConfigError, match=rf'any\.yaml: {message}'):
        read(**changes)


def test_observations_and_targets(read):
    spec = merge_sources([read()]).spec
    samples = make_samples(3, 2)
    seen, targets = observed(spec, samples)
    last = [0.0, 0.0]
    for step, sample in enumerate(samples):
        _, left, right = sample.position
        expected = [
            *sample.command,
            *sample.angular_velocity,
            *sample.gravity,
            right + 0.2,
            left - 0.1,
            sample.velocity[2],
            sample.velocity[1],
            *last,
        ]
        assert seen[step] == pytest.approx(expected, abs=1e-6)
        last = [min(max(value, -0.5), 1.0) for value in sample.action]
        assert targets[step] == pytest.approx(
            [0.3, 0.1 + 0.25 * last[1], -0.2 + 0.25 * last[0]], abs=1e-6
        )


test_damaged_file_is_read_or_refused = damage_test(humanoid(), 'any.yaml')
