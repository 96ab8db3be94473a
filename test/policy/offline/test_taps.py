# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

from distill_runtime.errors import ModelError
from distill_runtime.policy.offline.taps import expose, find_taps
from distill_runtime.policy.session import open_session
import numpy as np
import onnx
from onnx import numpy_helper
import pytest
from support.models import save_linear, save_model

STUDENT = Path(__file__).resolve().parents[3] / 'models' / 'quadruped_student.onnx'
RNG = np.random.default_rng(0)
FIRST, LAST = (RNG.normal(size=shape).astype(np.float32) for shape in ((3, 4), (4, 6)))
BIAS = np.array([0.5, -0.5, 0.25, 0.0], np.float32)
OBS = RNG.normal(size=(1, 3)).astype(np.float32)
LEAST = np.float32(0.001)
HALVES = np.array([3, 3])


def run(model, obs, **state):
    """Return all outputs of a model by name."""
    session, graph = open_session(model)
    feeds = {graph.inputs[0].name: obs, **state}
    names = [info.name for info in graph.outputs]
    return dict(zip(names, session.run(names, feeds), strict=True))


def sigmoid(values):
    return 1.0 / (1.0 + np.exp(-values))


def elu(values):
    return np.where(values > 0, values, np.expm1(np.minimum(values, 0)))


def swish_policy(path, *more):
    """Write a policy of two layers with Swish between, mean and scale split from the last."""
    nodes = [
        ('MatMul', ['obs', 'first'], ['a']),
        ('Add', ['a', 'bias'], ['b']),
        ('Sigmoid', ['b'], ['c']),
        ('Mul', ['b', 'c'], ['d']),
        ('MatMul', ['d', 'last'], ['e']),
        ('Split', ['e', 'halves'], ['mean', 'raw']),
        ('Tanh', ['mean'], ['actions']),
        *more,
    ]
    constants = {'first': FIRST, 'bias': BIAS, 'last': LAST, 'halves': HALVES, 'least': LEAST}
    path = save_model(path, nodes, {'obs': [1, 3]}, {'actions': [1, 3]}, constants)
    proto = onnx.load(path)
    for node in proto.graph.node:
        if node.op_type == 'Split':
            node.attribute.append(onnx.helper.make_attribute('axis', 1))
    onnx.save(proto, path)
    return path


def test_layers_end_after_bias_and_activation(tmp_path):
    path = swish_policy(tmp_path / 'm.onnx')
    taps = find_taps(path)
    assert (taps.hidden, taps.logits, taps.std) == (('d', 'e'), 'e', None)
    found = run(expose(path, [taps.hidden[0], taps.logits]), OBS)
    assert list(found) == ['actions', 'd', 'e']
    linear = OBS @ FIRST + BIAS
    hidden = linear * sigmoid(linear)
    np.testing.assert_allclose(found['d'], hidden, atol=1e-6)
    np.testing.assert_allclose(found['e'], hidden @ LAST, atol=1e-6)
    np.testing.assert_array_equal(found['actions'], run(path, OBS)['actions'])


def test_standard_deviation_is_what_is_added_to_a_softplus_of_the_raw_scale(tmp_path):
    more = [('Softplus', ['raw'], ['soft']), ('Add', ['soft', 'least'], ['scale'])]
    path = swish_policy(tmp_path / 'm.onnx', *more)
    taps = find_taps(path)
    assert (taps.hidden, taps.std) == (('d', 'e'), 'scale')
    found = run(expose(path, [taps.std, 'raw']), OBS)
    expected = np.log1p(np.exp(found['raw'])) + LEAST
    np.testing.assert_allclose(found['scale'], expected, atol=1e-6)


def test_standard_deviation_that_noise_is_scaled_by_is_not_the_action(tmp_path):
    nodes = [
        ('MatMul', ['obs', 'weights'], ['mean']),
        ('Exp', ['log_std'], ['std']),
        ('Mul', ['std', 'obs'], ['noise']),
        ('Add', ['mean', 'noise'], ['actions']),
    ]
    constants = {'weights': FIRST[:, :3], 'log_std': np.float32([0.0, -1.0, 1.0])}
    path = save_model(tmp_path / 'm.onnx', nodes, {'obs': [1, 3]}, {'actions': [1, 3]}, constants)
    taps = find_taps(path)
    assert taps.std == 'std'
    found = run(expose(path, [taps.std]), OBS)
    np.testing.assert_allclose(found['std'], np.exp([0.0, -1.0, 1.0]), rtol=1e-6)


def test_activations_of_the_student_are_those_of_the_same_network_in_numpy():
    taps = find_taps(STUDENT)
    assert (len(taps.hidden), taps.hidden[-1], taps.std) == (3, 'actions', None)
    obs = RNG.normal(size=(5, 225)).astype(np.float32)
    found = run(expose(STUDENT, [*taps.hidden, taps.logits]), obs)
    weights = {
        entry.name: numpy_helper.to_array(entry) for entry in onnx.load(STUDENT).graph.initializer
    }
    values = (obs - weights['mean']) / weights['std']
    for number, name in enumerate(taps.hidden):
        linear = values @ weights[f'layer_{number}/weight'].T + weights[f'layer_{number}/bias']
        is_last = name == 'actions'
        values = np.tanh(linear) if is_last else elu(linear)
        np.testing.assert_allclose(found[name], values, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(found[taps.logits], linear, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ('name', 'widths', 'logits'),
    [
        ('mjlab_anymal_c', [512, 256, 128, 12], 12),
        ('playground_g1', [512, 256, 128, 58], 58),
        ('playground_go1', [512, 256, 128, 24], 24),
        ('rl_sar_go2_himloco', [128, 64, 19, 512, 256, 128, 12], 12),
        ('unitree_rl_gym_g1_lstm', [32, 12], 12),
        ('unitree_rl_lab_g1', [512, 256, 128, 29], 29),
    ],
)
def test_layers_of_real_policies(name, widths, logits, shared_data):
    path = shared_data / 'policies' / name / 'policy.onnx'
    taps = find_taps(path)
    model = expose(path, [*taps.hidden, taps.logits])
    _, graph = open_session(path)
    rng = np.random.default_rng(0)
    obs, *state = (rng.normal(size=info.shape).astype(np.float32) for info in graph.inputs)
    states = {info.name: value for info, value in zip(graph.inputs[1:], state, strict=True)}
    found = run(model, obs, **states)
    assert [found[tensor].shape[-1] for tensor in taps.hidden] == widths
    assert found[taps.logits].shape[-1] == logits
    for output, expected in run(path, obs, **states).items():
        np.testing.assert_allclose(found[output], expected, atol=1e-5)


def test_output_is_not_doubled_and_what_is_not_there_is_refused(tmp_path):
    path = save_linear(tmp_path / 'm.onnx', FIRST)
    assert list(run(expose(path, ['actions']), OBS)) == ['actions']
    with pytest.raises(ModelError, match="tensor 'hidden' is not in the graph"):
        expose(path, ['hidden'])
    nodes = [('Tanh', ['obs'], ['actions'])]
    path = save_model(tmp_path / 'tanh.onnx', nodes, {'obs': [1, 3]}, {'actions': [1, 3]})
    with pytest.raises(ModelError, match='graph has no layer'):
        find_taps(path)
