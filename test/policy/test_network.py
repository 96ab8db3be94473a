# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from distill_runtime.policy.session import open_session, PolicySession
import onnx
import pytest
from support.models import save_model, save_recurrent
from support.specs import make_spec

STATE = {'input': 'h_in', 'output': 'h_out', 'shape': [1, 1, 3]}


def policy_of(path, **changes):
    policy = PolicySession(*open_session(path), make_spec(**changes))
    policy.smoke_test()
    return policy


def run(policy, *observation):
    policy.observation[:] = observation
    policy.run()
    return policy.action.tolist()


def test_state_begins_with_its_initial_elements_at_every_reset(tmp_path):
    path = save_recurrent(tmp_path / 'm.onnx')
    policy = policy_of(path, state=[{**STATE, 'initial': [1.0, 2.0, -3.0]}])
    for _ in range(2):
        assert run(policy, 0, 0, 1) == [2.0, 4.0, -4.0]
        assert run(policy, 1, 1, 1) == [4.0, 6.0, -2.0]
        policy.reset()


def save_shared(path):
    """Write sum = obs + a + 2 b; it is the action, and both of the states."""
    return save_model(
        path,
        [
            ('Add', ['b', 'b'], ['twice']),
            ('Add', ['obs', 'a'], ['first']),
            ('Add', ['first', 'twice'], ['sum']),
        ],
        {'obs': [1, 3], 'a': [1, 3], 'b': [1, 3]},
        {'sum': [1, 3]},
    )


def test_one_output_feeds_several_states_and_is_the_action_too(tmp_path):
    state = [{'input': name, 'output': 'sum', 'shape': [1, 3]} for name in ('a', 'b')]
    policy = policy_of(save_shared(tmp_path / 'm.onnx'), state=state, action={'name': 'sum'})
    assert run(policy, 1, 2, 3) == [1.0, 2.0, 3.0]
    assert run(policy, 0, 0, 1) == [3.0, 6.0, 10.0]


def save_doubled(path):
    """Write outputs (junk, junk, act): exporters repeat the name of a traced tensor."""
    save_model(
        path,
        [('Abs', ['obs'], ['junk']), ('Neg', ['obs'], ['act'])],
        {'obs': [1, 3]},
        {'junk': [1, 3], 'act': [1, 3]},
    )
    model = onnx.load(str(path))
    model.graph.output.insert(0, model.graph.output[0])
    onnx.save(model, str(path))
    return path


@pytest.mark.parametrize('name', [2, 'act'])
def test_action_among_outputs_of_one_name(tmp_path, name):
    policy = policy_of(save_doubled(tmp_path / 'm.onnx'), action={'name': name})
    assert run(policy, 1, -2, 3) == [-1.0, 2.0, -3.0]


@pytest.mark.parametrize('name', [0, 1, 'junk'])
def test_output_whose_name_occurs_twice_is_one_tensor(tmp_path, name):
    policy = policy_of(save_doubled(tmp_path / 'm.onnx'), action={'name': name})
    assert run(policy, 1, -2, 3) == [1.0, 2.0, 3.0]
