# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

from distill_runtime.policy.model_file.mjlab_keys import KEYS, mjlab_keys
from distill_runtime.spec.dialect import ModelContext, TensorShape
from distill_runtime.spec.readers.mjlab import MJLAB
from distill_runtime.spec.sources import merge_sources, SpecSource
import pytest
from support.specs import make_spec

TERMS = (
    {'term': 'base_angular_velocity', 'scale': 0.2, 'clip': [-5, None]},
    {'term': 'velocity_command', 'scale': [2.0, 2.0, 0.25]},
    {'term': 'joint_position', 'relative': True},
    {'term': 'last_action'},
)
HISTORY = {'length': 3, 'major': 'term', 'order': 'oldest_first', 'fill': 'first'}
GAINS = {'stiffness': [0.0745, 1 / 3, 1e-17], 'damping': [1, 2, 3]}


def full(**changes):
    return make_spec(*changes.pop('terms', TERMS), **{'history': HISTORY, **GAINS, **changes})


def test_every_key_is_written_if_the_format_can_express_it():
    keys = mjlab_keys(full())
    assert set(keys) == set(KEYS)
    assert keys['joint_names'] == 'hip,knee,ankle'
    assert keys['joint_stiffness'] == '0.0745,0.3333333333333333,1e-17'
    assert keys['default_joint_pos'] == '0.1,0.6,-0.5'
    assert keys['action_scale'] == '0.5,0.5,0.5'
    assert keys['observation_names'] == 'base_ang_vel,command,joint_pos,actions'
    assert keys['observation_terms_clip'] == '-5.0;inf,-inf;inf,-inf;inf,-inf;inf'
    assert keys['observation_terms_history_length'] == '3.0,3.0,3.0,3.0'
    assert keys['command_names'] == 'twist'


@pytest.mark.parametrize('history', [HISTORY, {'length': 1}])
def test_reader_of_that_form_gets_the_same_contract(history):
    spec = full(history=history)
    keys = mjlab_keys(spec)
    assert MJLAB.matches(keys)
    context = ModelContext(
        model=Path('policy.onnx'),
        robot=None,
        inputs=(TensorShape(name='obs', shape=(1, spec.input_dim(spec.inputs[0]))),),
        outputs=(TensorShape(name='actions', shape=(1, 3)),),
    )
    period = SpecSource(name='user', values={'name': 'small', 'period': 0.02})
    read = merge_sources([period, MJLAB.read(keys, context)]).spec
    for field in ('joints', 'default_position', 'stiffness', 'damping'):
        assert getattr(read, field) == getattr(spec, field)
    (left,), (right,) = read.inputs, spec.inputs
    assert [left.lags(term) for term in left.terms] == [right.lags(term) for term in right.terms]
    assert [(t.kind, t.clip) for t in left.terms] == [(t.kind, t.clip) for t in right.terms]


@pytest.mark.parametrize(
    'changes',
    [
        {'history': {**HISTORY, 'major': 'frame'}},
        {'history': {**HISTORY, 'order': 'newest_first'}},
        {'history': {**HISTORY, 'fill': 'zeros'}},
        {'history': {'steps': [4, 2, 0], 'major': 'term', 'fill': 'first'}},
        {'terms': [{'term': 'joint_position', 'relative': False}]},
        {'terms': [{'term': 'joint_velocity', 'joints': ['hip']}]},
        {'terms': [{'term': 'joint_velocity', 'masked': ['hip']}]},
        {'terms': [{'term': 'velocity_command', 'components': ['vx', 'yaw']}]},
        {'terms': [{'term': 'joint_velocity', 'clip': [-1, 1], 'order': 'scale_then_clip'}]},
        {'terms': [{'term': 'external', 'topic': '/scan', 'width': 2}]},
    ],
)
def test_inexpressible_observations_are_omitted(changes):
    keys = mjlab_keys(full(**changes))
    assert not any(key.startswith(('observation', 'command')) for key in keys)
    assert 'joint_names' in keys


@pytest.mark.parametrize(
    'changes',
    [
        {'action': {'offset': [0.0, 0.0, 0.0]}},
        {'action': {'joints': ['hip']}, 'terms': TERMS[:3]},
        {'mode': 'velocity', 'action': {'offset': 'default'}},
        {'action': {'choices': [[0, 0, 0], [1, 1, 1]], 'scale': None, 'offset': None}},
    ],
)
def test_inexpressible_action_is_omitted(changes):
    assert 'action_scale' not in mjlab_keys(full(**changes))


def test_missing_gains_and_names_with_a_comma_are_omitted():
    assert 'joint_stiffness' not in mjlab_keys(full(stiffness=None, damping=None))
    assert mjlab_keys(full(joints=['a,b', 'c', 'd'])) == {}
