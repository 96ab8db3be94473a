# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Many rows at once, against the session of the robot run row by row."""

from __future__ import annotations

import json
from pathlib import Path
import sys

from distill_runtime.policy.model import load_policy
from distill_runtime.policy.offline.batch import BatchPolicy
from distill_runtime.policy.offline.taps import expose, find_taps
from distill_runtime.policy.session import open_session
from distill_runtime.spec.readers.native import SPEC_KEY
import numpy as np
import pytest
from support.models import save_linear, save_model, save_recurrent
from support.real_policies import REAL, real_words
from support.specs import spec_mapping

STUDENT = Path(__file__).resolve().parents[3] / 'models' / 'quadruped_student.onnx'
WEIGHTS = np.random.default_rng(0).normal(size=(3, 3)).astype(np.float32)
VELOCITY = {'term': 'joint_velocity'}
TWO_STAGES = {
    'encoder': {'model': 'encoder.onnx'},
    'inputs': [
        {'name': 0, 'network': 'encoder', 'terms': [VELOCITY]},
        {'name': 0, 'terms': [{'term': 'latent', 'width': 2}, VELOCITY]},
    ],
}


def metadata(**changes):
    return {SPEC_KEY: json.dumps(spec_mapping(**changes))}


def rows_of(policy, count=50):
    width = policy.session.observation.size
    return np.random.default_rng(1).normal(size=(count, width)).astype(np.float32)


def stepped(policy, rows, starts=()):
    """Return actions and observations, row by row."""
    session, actions, observations = policy.session, [], []
    session.reset()
    for number, row in enumerate(rows):
        if number in starts:
            session.reset()
        session.observation[:] = row
        session.run()
        actions.append(session.action.copy())
        observations.append(session.observation.copy())
    return np.array(actions), np.array(observations)


def check_close(policy, batch, count=50):
    """Compare actions, and the observations with the latents in them."""
    rows = rows_of(policy, count)
    actions, observations = stepped(policy, rows)
    tolerance = 1e-6 * max(1.0, np.abs(actions).max())
    np.testing.assert_allclose(batch.run(rows), actions, rtol=0, atol=tolerance)
    np.testing.assert_allclose(rows, observations, rtol=0, atol=1e-5)


def test_student_takes_many_rows_and_no_row_depends_on_its_number():
    policy = load_policy(STUDENT)
    batch = BatchPolicy(policy)
    assert (batch.method, batch.reason) == ('batch', '')
    check_close(policy, batch, count=1500)
    assert batch.run(np.zeros((0, 225), np.float32)).shape == (0, 12)


@pytest.mark.parametrize('name', REAL)
def test_real_policies(name, shared_data):
    model, *options = real_words(name, shared_data)
    words = dict(zip(options[::2], options[1::2], strict=True))
    policy = load_policy(model, words.get('--spec'), words['--robot'])
    batch = BatchPolicy(policy, find_taps(model).hidden)
    if name == 'unitree_rl_gym_g1_lstm':
        assert (batch.method, batch.reason) == ('loop', 'the network is recurrent')
    else:
        assert (batch.method, batch.reason) == ('rewritten', '')
    check_close(policy, batch)


def test_recurrent_state_is_reset_where_an_episode_starts(tmp_path):
    state = [{'input': 'h_in', 'output': 'h_out', 'shape': [1, 1, 3]}]
    policy = load_policy(save_recurrent(tmp_path / 'm.onnx', metadata(state=state)))
    batch, rows = BatchPolicy(policy, ['sum', 'h_out', 'actions']), rows_of(policy)
    starts = np.isin(np.arange(50), (0, 7, 20))
    expected, _ = stepped(policy, rows, (0, 7, 20))
    for part in (slice(0, 11), slice(11, 50)):
        action, tensors = batch.run_tapped(rows[part], starts[part])
        np.testing.assert_array_equal(action, expected[part])
        np.testing.assert_array_equal(tensors['actions'], action)
        for name in ('sum', 'h_out'):
            np.testing.assert_array_equal(2.0 * tensors[name], action)
    assert not BatchPolicy(policy).run_tapped(rows).tensors


@pytest.mark.parametrize('rank', [1, 2])
def test_encoder_runs_before_the_policy(tmp_path, rank):
    rng = np.random.default_rng(0)
    encoder, main = rng.normal(size=(3, 2)), rng.normal(size=(5, 3))
    save_linear(tmp_path / 'encoder.onnx', encoder, rank, names=('frame', 'latent'))
    path = save_linear(tmp_path / 'm.onnx', main, rank, metadata=metadata(**TWO_STAGES))
    policy = load_policy(path)
    batch = BatchPolicy(policy)
    assert batch.method == ('loop' if rank == 1 else 'rewritten')
    check_close(policy, batch)


def test_reshape_to_one_row_is_rewritten(tmp_path):
    nodes = [
        ('Reshape', ['obs', 'split'], ['parts']),
        ('Reshape', ['parts', 'flat'], ['row']),
        ('MatMul', ['row', 'weights'], ['actions']),
    ]
    constants = {'split': np.array([1, 3, 1]), 'flat': np.array([1, -1]), 'weights': WEIGHTS}
    path = save_model(
        tmp_path / 'm.onnx', nodes, {'obs': [1, 3]}, {'actions': [1, 3]}, constants, metadata()
    )
    policy = load_policy(path)
    batch = BatchPolicy(policy)
    assert batch.method == 'rewritten'
    check_close(policy, batch)


def test_inner_tensors_of_many_rows_are_those_of_each_row():
    policy, rows = load_policy(STUDENT), rows_of(load_policy(STUDENT), 1100)
    taps = (*find_taps(STUDENT).hidden, find_taps(STUDENT).logits)
    batch = BatchPolicy(policy, taps)
    assert batch.method == 'batch'
    action, tensors = batch.run_tapped(rows)
    np.testing.assert_allclose(action, BatchPolicy(policy).run(rows), atol=1e-6)
    session, _ = open_session(expose(STUDENT, taps))
    for row in (0, 1023, 1099):
        for name, values in zip(
            taps, session.run(taps, {'obs': rows[row : row + 1]}), strict=True
        ):
            assert tensors[name].shape == (1100, values.shape[1])
            np.testing.assert_allclose(tensors[name][row], values[0], rtol=0, atol=1e-5)
    assert batch.run_tapped(rows[:0]).tensors.keys() == set(taps)


def test_constant_standard_deviation_is_repeated_in_each_row(tmp_path):
    nodes = [('MatMul', ['obs', 'weights'], ['actions']), ('Exp', ['log_std'], ['std'])]
    constants = {'weights': WEIGHTS, 'log_std': np.float32([0.0, -1.0, 1.0])}
    path = save_model(
        tmp_path / 'm.onnx', nodes, {'obs': [1, 3]}, {'actions': [1, 3]}, constants, metadata()
    )
    batch = BatchPolicy(load_policy(path), ['std'])
    assert batch.method == 'rewritten'
    std = batch.run_tapped(np.zeros((4, 3), np.float32)).tensors['std']
    np.testing.assert_allclose(std, [np.exp([0.0, -1.0, 1.0])] * 4, rtol=1e-6)


@pytest.mark.parametrize(
    ('nodes', 'constants', 'reason'),  # of onnxruntime where it is empty
    [
        (
            [('ReduceSum', ['obs', 'axis'], ['sum']), ('Add', ['sum', 'obs'], ['actions'])],
            {'axis': np.array([0])},
            'many rows at once differ by',
        ),
        (
            [('Squeeze', ['obs', 'axis'], ['row']), ('Unsqueeze', ['row', 'axis'], ['actions'])],
            {'axis': np.array([0])},
            '',
        ),
    ],
)
def test_graph_that_mixes_or_fixes_rows_runs_row_by_row(tmp_path, nodes, constants, reason):
    path = save_model(
        tmp_path / 'm.onnx', nodes, {'obs': [1, 3]}, {'actions': [1, 3]}, constants, metadata()
    )
    policy = load_policy(path)
    batch, rows = BatchPolicy(policy), rows_of(policy)
    assert batch.method == 'loop'
    assert batch.reason.startswith(reason)
    assert batch.reason
    np.testing.assert_array_equal(batch.run(rows.copy()), stepped(policy, rows)[0])


def test_fixed_batch_axis_runs_row_by_row_where_onnx_is_not_installed(tmp_path, monkeypatch):
    policy = load_policy(save_linear(tmp_path / 'm.onnx', WEIGHTS, metadata=metadata()))
    monkeypatch.setitem(sys.modules, 'distill_runtime.policy.offline.taps', None)
    batch, rows = BatchPolicy(policy), rows_of(policy)
    assert batch.method == 'loop'
    assert 'taps' in batch.reason
    np.testing.assert_array_equal(batch.run(rows), stepped(policy, rows)[0])
    assert BatchPolicy(load_policy(STUDENT)).method == 'batch'
