# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json

from distill_runtime.errors import ModelError
from distill_runtime.policy.golden import replay_golden
from distill_runtime.policy.model import load_policy
from distill_runtime.policy.self_test import dry_run, first_step, NUM_STEPS, record_self_test
import numpy as np
import pytest
from support.models import save_linear, save_recurrent
from support.real_policies import REAL, real_words
from support.specs import spec_mapping
import yaml


def load(folder, save, *arguments, **changes):
    model, spec = save(folder / 'policy.onnx', *arguments), folder / 'policy.json'
    spec.write_text(json.dumps(spec_mapping(**changes)))
    return load_policy(model, spec)


def test_durations_and_sanity(tmp_path):
    run = dry_run(load(tmp_path, save_linear, np.eye(3)).session, 10)
    assert (run.runs, run.is_finite) == (10, True)
    assert 0.0 < run.median <= run.p99 < 1.0


def test_numbers_that_overflow_are_seen(tmp_path):
    huge = np.full((3, 3), 3e38)
    assert not dry_run(load(tmp_path, save_linear, huge).session, 10).is_finite


def test_recurrent_state_is_zero_again(tmp_path):
    state = [{'input': 'h_in', 'output': 'h_out', 'shape': [1, 1, 3]}]
    policy = load(tmp_path, save_recurrent, state=state)
    dry_run(policy.session, 3)
    policy.session.run()
    np.testing.assert_array_equal(policy.session.action, np.zeros(3))


def test_first_step_stands_level_in_the_default_pose(tmp_path):
    terms = [{'term': 'projected_gravity'}, {'term': 'joint_position', 'relative': False}]
    weights = np.vstack([np.eye(3), np.zeros((3, 3))])
    inputs = [{'name': 'obs', 'terms': terms}]
    step = first_step(load(tmp_path, save_linear, weights, inputs=inputs))
    np.testing.assert_allclose(step.observation, [0, 0, -1, 0.1, 0.6, -0.5], rtol=1e-6)
    np.testing.assert_allclose(step.target, [0.1, 0.6, -0.5 - 0.5], rtol=1e-6)


def test_network_that_gives_no_number_is_refused(tmp_path):
    policy = load(tmp_path, save_linear, np.full((3, 3), np.nan))
    with pytest.raises(ModelError, match='first step at standstill is refused: '):
        first_step(policy)


TERMS = [
    {'term': 'joint_position', 'relative': True},
    {'term': 'velocity_command'},
    {'term': 'external', 'topic': '/scan', 'width': 2},
]


def load_small(tmp_path, weights=None, terms=TERMS, **changes):
    mapping = {
        'name': 'small',
        'period': 0.02,
        'joints': ['hip', 'knee'],
        'default_position': [0.1, 0.2],
        'inputs': [{'name': 'obs', 'terms': terms}],
        'outputs': {'action': {'name': 'actions', 'scale': 0.5, 'offset': 'default'}},
        **changes,
    }
    (tmp_path / 'model.spec.yaml').write_text(yaml.safe_dump(mapping))
    weights = np.ones((7, 2)) if weights is None else weights
    return load_policy(save_linear(tmp_path / 'model.onnx', weights))


def test_first_steps_are_at_rest_and_the_others_are_not(tmp_path):
    observation = np.array(record_self_test(load_small(tmp_path)).observation)
    assert observation.shape == (NUM_STEPS, 7)
    assert not observation[:2].any()
    assert observation[2:].all()
    assert len(np.unique(observation[2:], axis=0)) == NUM_STEPS - 2


def test_same_policy_gives_the_same_steps(tmp_path):
    policy = load_small(tmp_path)
    assert record_self_test(policy) == record_self_test(policy)


def test_commands_are_those_of_the_training(tmp_path):
    command = {'lower': [1.0, -0.5, 0.0], 'upper': [2.0, -0.25, 0.0]}
    observation = np.array(record_self_test(load_small(tmp_path, command=command)).observation)[2:]
    assert (observation[:, 2] >= 1.0).all()
    assert (observation[:, 3] <= -0.25).all()
    assert not observation[:, 4].any()


def test_tolerance_grows_with_large_outputs(tmp_path):
    assert record_self_test(
        load_small(tmp_path, 0.1 * np.ones((7, 2)))
    ).tolerance == pytest.approx(1e-4)
    golden = record_self_test(load_small(tmp_path, 100.0 * np.ones((7, 2))))
    assert golden.tolerance == pytest.approx(1e-4 * np.abs(golden.action).max())


def test_recurrent_policy_is_replayed_from_its_reset(tmp_path):
    mapping = {
        'name': 'recurrent',
        'period': 0.02,
        'joints': ['a', 'b', 'c'],
        'default_position': [0, 0, 0],
        'inputs': [{'name': 'obs', 'terms': [{'term': 'joint_velocity'}]}],
        'state': [{'input': 'h_in', 'output': 'h_out', 'shape': [1, 1, 3]}],
        'outputs': {'action': {'name': 'actions', 'scale': 0.5, 'offset': 'default'}},
    }
    (tmp_path / 'model.spec.yaml').write_text(yaml.safe_dump(mapping))
    policy = load_policy(save_recurrent(tmp_path / 'model.onnx'))
    assert replay_golden(policy.session, record_self_test(policy)) == 0.0


def test_network_without_numbers_is_refused(tmp_path):
    with pytest.raises(ModelError, match=r'step 2 of the self-test is refused: action\.too_large'):
        record_self_test(load_small(tmp_path, np.full((7, 2), 3e38)))


@pytest.mark.parametrize('name', sorted(REAL))
def test_real_policies_replay_their_trial(name, shared_data):
    model, *options = real_words(name, shared_data)
    given = dict(zip(options[::2], options[1::2], strict=True))
    policy = load_policy(model, given.get('--spec'), given['--robot'])
    golden = record_self_test(policy)
    assert replay_golden(policy.session, golden) == 0.0
    assert np.isfinite(golden.action).all()
