# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path
import re

from distill_runtime.errors import ConfigError
from distill_runtime.spec.dialect import ModelContext
from distill_runtime.spec.mapping import read_dataclass
from distill_runtime.spec.readers.registry import read_content
from distill_runtime.spec.spec import PolicySpec
import numpy as np
import pytest
from support.damage import damage_test
from support.drive import driven, Samples

JOINTS = ['hip', 'knee', 'ankle']
DEFAULT = [0.1, -0.6, 0.4]
COMPONENTS = [
    {'name': 'BaseAngularVelocity', 'scale': 0.25},
    {'name': 'ProjectedGravityB'},
    {'name': 'JointPos', 'pos_steps': [0], 'subtract_default': True, 'scale': 1.0},
    {'name': 'JointPositions', 'joint_names': ['robot/ankle', 'robot/hip']},
    {'name': 'JointVelocities', 'scale': [0.1, 0.2, 0.3], 'joint_names': 'isaac'},
    {'name': 'PrevActions', 'history_steps': 1},
    {'name': 'SimpleVelocityCommand', 'scale': [2.0, 2.0, 0.25]},
    {'name': 'BaseLinearVelocity', 'world_frame': False},
]


def policy_json(components=COMPONENTS, **changes):
    return {
        'policy_joint_names': [f'robot/{name}' for name in JOINTS],
        'default_joint_pos': DEFAULT,
        'obs_config': {'obs': components},
        'action_scale': [0.5, 0.25, 0.125],
        'stiffness': 30.0,
        'damping': [1.0, 2.0, 3.0],
        'control_type': 'joint_position',
        'onnx': {'meta': {'in_keys': ['obs'], 'out_keys': ['value', 'action']}, 'path': 'x.onnx'},
        **changes,
    }


def read(path='walker.json', **changes):
    context = ModelContext(model=Path('policy.onnx'))
    return read_content(policy_json(**changes), Path(path), context)


def spec_of(**changes):
    return read_dataclass(PolicySpec, {**read(**changes).values, 'period': 0.02}, '')


def test_observations_equal_those_of_a_scalar_loop():
    samples = Samples(['knee', 'ankle', 'hip'])
    outputs = np.random.default_rng(5).normal(size=(6, 3))
    steps = driven(spec_of(), samples, lambda run: outputs[run])
    for tick, (observation, target) in enumerate(steps):
        expected = [0.25 * value for value in samples.gyro[tick]]
        expected += samples.gravity(tick)
        expected += [samples.q(tick, name) - DEFAULT[at] for at, name in enumerate(JOINTS)]
        expected += [samples.q(tick, 'ankle'), samples.q(tick, 'hip')]
        expected += [
            (0.1, 0.2, 0.3)[at] * samples.dq(tick, name) for at, name in enumerate(JOINTS)
        ]
        expected += list(outputs[tick - 1]) if tick else [0.0] * 3
        vx, vy, yaw = samples.command[tick]
        expected += [2.0 * vx, 2.0 * vy, 0.25 * yaw, *samples.linear[tick]]
        assert observation == pytest.approx(expected, abs=1e-6)
        assert target == pytest.approx(
            [DEFAULT[at] + (0.5, 0.25, 0.125)[at] * outputs[tick][at] for at in range(3)],
            abs=1e-6,
        )


def test_joints_lose_the_name_of_the_robot():
    assert read().values['joints'] == JOINTS
    mixed = ['a/hip', 'b/hip', 'b/knee']
    assert read(policy_joint_names=mixed).values['joints'] == mixed


def test_group_of_components_without_frames():
    assert read(obs_config={'obs': {'components': COMPONENTS}}).values == read().values


def test_policy_is_named_after_a_file_with_a_specific_name():
    names = [read(f'{stem}.json').values['name'] for stem in ('policy', 'mjswan', 'trot')]
    assert names == ['policy', 'policy', 'trot']


def test_gains_may_be_one_number_and_may_be_left_out():
    values = read().values
    assert (values['stiffness'], values['damping']) == ([30.0] * 3, [1.0, 2.0, 3.0])
    assert 'stiffness' not in read(stiffness=None, damping=None).values


def test_tensors_are_named_by_their_position():
    two = {'command': COMPONENTS[6:7], 'obs': COMPONENTS[:2]}
    meta = {'in_keys': ['obs', 'command'], 'out_keys': ['action']}
    values = read(obs_config=two, onnx={'meta': meta}).values
    assert [entry['name'] for entry in values['inputs']] == [0, 1]
    assert [len(entry['terms']) for entry in values['inputs']] == [2, 1]
    assert values['outputs']['action']['name'] == 0
    assert read().values['outputs']['action']['name'] == 1
    values = read(onnx=None).values
    assert (values['inputs'][0]['name'], values['outputs']['action']['name']) == (0, 0)


@pytest.mark.parametrize(
    ('message', 'changes'),
    {
        r"obs_config\.obs\[0\] is 'ImpedanceCommand', which is none of \['BaseAngular": {
            'components': [{'name': 'ImpedanceCommand'}]
        },
        r'obs_config\.obs\[0\]\.history_steps is 3: mjswan wrote the newest frame first in ': {
            'components': [{'name': 'PrevActions', 'history_steps': 3}]
        },
        r'obs_config\.obs\.history_steps is 6: ': {
            'obs_config': {'obs': {'history_steps': 6, 'components': COMPONENTS}}
        },
        r'obs_config\.obs\[0\]\.pos_steps has other frames than the newest': {
            'components': [{'name': 'JointPos', 'pos_steps': [0, 1]}]
        },
        r'obs_config\.obs\[0\]\.world_frame is true, and no term is in that frame': {
            'components': [{'name': 'BaseLinearVelocity', 'world_frame': True}]
        },
        r"inputs \['is_init'\] of the graph are not in obs_config": {
            'onnx': {'meta': {'in_keys': ['obs', 'is_init']}}
        },
    }.items(),
)
def test_ambiguous_inputs_are_left_to_the_user(changes, message):
    source = read(**changes)
    assert 'inputs' not in source.values
    assert re.match(
        f'^{message}.*: describe all inputs in a file with --spec$', source.hints['inputs']
    )


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'control_type': 'torque'}, r"control_type is 'torque', expected 'joint_position'$"),
        ({'encoder_bias': [0.1]}, r'encoder_bias is given, expected none: it shifts the targets'),
        (
            {'onnx': {'meta': {'out_keys': ['mean']}}},
            r"onnx\.meta\.out_keys is \['mean'\], expected 'action' once$",
        ),
        (
            {'onnx': {'meta': {'in_keys': []}}},
            r"obs_config has \['obs'\], expected \[\], those of in_keys$",
        ),
        ({'components': []}, r'obs_config\.obs is \[\], expected a list of components$'),
        ({'default_joint_pos': [1.0]}, r'default_joint_pos has 1 elements, expected 3$'),
        ({'action_scale': None}, r'action_scale is missing$'),
    ],
)
def test_what_does_not_fit_is_refused(changes, message):
    with pytest.raises(ConfigError, match=message):
        read(**changes)


test_damaged_file_is_read_or_refused = damage_test(policy_json(), 'a.json')
