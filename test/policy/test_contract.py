# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""What every implementation of core.step.Policy keeps to."""

from __future__ import annotations

from pathlib import Path

import distill_runtime
from distill_runtime.core.step import Policy
from distill_runtime.policy.session import open_session, PolicySession, TimedPolicy
from distill_runtime.spec.compile import compile_spec
import numpy as np
import pytest
from support.implementations import implementations
from support.models import save_linear, save_model, save_recurrent
from support.rig import FakePolicy
from support.specs import make_spec

PACKAGE = Path(distill_runtime.__file__).parent
STATE = [{'input': 'h_in', 'output': 'h_out', 'shape': [1, 1, 3]}]


def session_of(path, **changes):
    return PolicySession(*open_session(path), make_spec(**changes))


def linear(tmp_path, **shape):
    weights = np.random.default_rng(0).normal(size=(3, 3))
    return session_of(save_linear(tmp_path / 'm.onnx', weights, **shape))


def two_inputs(tmp_path):
    path = save_model(
        tmp_path / 'm.onnx',
        [('Sub', ['a', 'b'], ['actions'])],
        {'a': [1, 3], 'b': [3]},
        {'actions': [1, 3]},
    )
    terms = [{'term': 'joint_velocity'}]
    return session_of(path, inputs=[{'name': 'a', 'terms': terms}, {'name': 'b', 'terms': terms}])


def recurrent(tmp_path, name='m.onnx'):
    return session_of(save_recurrent(tmp_path / name), state=STATE)


def recorded(tmp_path):
    from distill_runtime.data.replay.swap_driver import RecordedActions

    actions = np.linspace(-1.0, 1.0, 12, dtype=np.float32).reshape(4, 3)
    policy = RecordedActions(compile_spec(make_spec()), actions)
    policy.tick = 2
    return policy


POLICIES = {
    'FakePolicy': lambda tmp_path: FakePolicy(compile_spec(make_spec()), lambda run: 0.5 * run),
    'PolicySession, rank 1': lambda tmp_path: linear(tmp_path, rank=1),
    'PolicySession, rank 2': linear,
    'PolicySession, symbolic batch': lambda tmp_path: linear(tmp_path, batch='batch'),
    'PolicySession, two inputs': two_inputs,
    'PolicySession, recurrent': recurrent,
    'TimedPolicy': lambda tmp_path: TimedPolicy(recurrent(tmp_path)),
    'RecordedActions': recorded,
}
"""How to make each implementation, by the name of its class."""
NEEDS = {'RecordedActions': [pytest.mark.needs('data')]}


@pytest.fixture(params=[pytest.param(name, marks=NEEDS.get(name, ())) for name in POLICIES])
def policy(request, tmp_path):
    made = POLICIES[request.param](tmp_path)
    assert type(made).__name__ == request.param.partition(',')[0]
    return made


def test_every_implementation_of_the_package_is_tested_here():
    stand_ins = {'FakePolicy'}
    assert implementations(PACKAGE, Policy) | stand_ins == {
        name.partition(',')[0] for name in POLICIES
    }


def test_implementation_is_found_whatever_its_form(tmp_path):
    (tmp_path / 'new.py').write_text(
        'class Base:\n'
        '    action: int = 0\n'
        '    def run(self): ...\n'
        '    def reset(self): ...\n'
        'class New(Base):\n'
        '    def __init__(self):\n'
        '        self.observation, self.inputs = 0, 1\n'
        'class ByProperty(New):\n'
        '    @property\n'
        '    def inputs(self): ...\n'
        'class Reader:\n'
        '    def run(self): print(self.observation, self.inputs, self.action, self.reset)\n'
    )
    assert implementations(tmp_path, Policy) == {'New', 'ByProperty'}


def episode(policy, num_steps=5):
    """Return the actions of some steps from a reset."""
    rng = np.random.default_rng(1)
    policy.reset()
    actions = []
    for _ in range(num_steps):
        policy.observation[:] = rng.normal(size=policy.observation.shape)
        policy.run()
        actions.append(policy.action.copy())
    return np.array(actions)


def test_inputs_are_flat_views_that_cover_the_observation_once(policy):
    for array in (policy.observation, policy.action, *policy.inputs):
        assert (array.ndim, array.dtype) == (1, np.float32)
    assert policy.action.shape == (3,)
    for number, view in enumerate(policy.inputs, 1):
        assert np.shares_memory(view, policy.observation)
        view[:] = number
    sizes = [len(view) for view in policy.inputs]
    expected = np.repeat(np.arange(1, len(sizes) + 1), sizes)
    assert policy.observation.tolist() == expected.tolist()


def test_run_writes_the_same_buffer_and_not_its_inputs(policy):
    def addresses():
        return [a.ctypes.data for a in (policy.observation, policy.action, *policy.inputs)]

    before = addresses()
    assert np.isfinite(episode(policy)).all()
    policy.observation[:] = np.linspace(-1.0, 1.0, policy.observation.size)
    observation = policy.observation.copy()
    policy.run()
    assert policy.observation.tobytes() == observation.tobytes()
    assert addresses() == before


def test_same_observations_from_a_reset_give_the_same_bits(policy):
    expected = episode(policy, 3)
    episode(policy, 5)
    assert episode(policy, 3).tobytes() == expected.tobytes()
