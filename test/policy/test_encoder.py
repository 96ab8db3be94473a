# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import hashlib
import json

from distill_runtime.core.config import RunnerConfig
from distill_runtime.core.sensors import Sensors
from distill_runtime.errors import ModelError
from distill_runtime.policy.golden import record_golden
from distill_runtime.policy.model import ENCODER_KEY, load_policy, open_policy
from distill_runtime.policy.pack import pack
from distill_runtime.policy.session import open_session, PolicySession
from distill_runtime.spec.readers.native import SPEC_KEY
import numpy as np
import pytest
from support.models import save_linear, save_model
from support.specs import make_spec, spec_mapping

FRAMES = {'length': 4, 'major': 'frame', 'order': 'oldest_first', 'fill': 'first'}
VELOCITY = {'term': 'joint_velocity'}
CHANGES = {
    'encoder': {'model': 'encoder.onnx'},
    'inputs': [
        {'name': 0, 'network': 'encoder', 'history': FRAMES, 'terms': [VELOCITY]},
        {'name': 0, 'terms': [{'term': 'latent', 'width': 2}, VELOCITY]},
    ],
    'action': {'scale': 1.0, 'offset': [0.0, 0.0, 0.0]},
    'mode': 'velocity',
}


@pytest.fixture
def weights():
    rng = np.random.default_rng(0)
    return rng.normal(size=(12, 2)).astype(np.float32), rng.normal(size=(5, 3)).astype(np.float32)


@pytest.fixture
def model(tmp_path, weights):
    """Write encoder and policy, rank one both; the spec is inside the policy."""
    save_linear(tmp_path / 'encoder.onnx', weights[0], rank=1, names=('history', 'latent'))
    metadata = {SPEC_KEY: json.dumps(spec_mapping(**CHANGES))}
    return save_linear(tmp_path / 'policy.onnx', weights[1], rank=1, metadata=metadata)


def test_two_stages_equal_two_products_of_a_naive_history(model, weights):
    policy = load_policy(model)
    runner = policy.runner(RunnerConfig(start_in='policy', max_joint_step=0.0))
    sensors = Sensors(runner.compiled.layout)
    rng = np.random.default_rng(1)
    frames = []
    for tick in range(8):
        velocity = rng.normal(size=3)
        sensors.joint_velocity[:] = velocity
        sensors.joint_stamp_ns = tick * 20_000_000
        step = runner.step(sensors, tick * 20_000_000)
        frames = [*(frames or [velocity] * 3), velocity][-4:]
        latent = np.concatenate(frames) @ weights[0]
        expected = np.concatenate([latent, velocity]) @ weights[1]
        assert step.reason == ''
        assert step.observation[12:14] == pytest.approx(latent, abs=1e-6)
        assert step.command == pytest.approx(expected, abs=1e-5)


def test_packed_model_carries_its_encoder(model, tmp_path):
    before = load_policy(model)
    rows = np.random.default_rng(2).normal(size=(5, 17)).astype(np.float32)
    golden = record_golden(before.session, rows)
    path = tmp_path / 'robot' / 'walk.onnx'
    path.parent.mkdir()
    path.write_bytes(pack(model, before.spec, golden))
    after = load_policy(path)
    assert (after.golden_error, after.spec.encoder) == (0.0, before.spec.encoder)
    assert after.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    again = pack(path, after.spec, golden)
    assert again == path.read_bytes()
    assert pack(path.read_bytes(), after.spec, golden) == again


def test_encoder_is_part_of_the_model_and_lies_in_its_folder(model, tmp_path):
    encoder = model.with_name('encoder.onnx')
    both = model.read_bytes() + encoder.read_bytes()
    assert load_policy(model).sha256 == hashlib.sha256(both).hexdigest()
    elsewhere = tmp_path / 'elsewhere'
    elsewhere.mkdir()
    encoder.rename(elsewhere / 'encoder.onnx')
    with pytest.raises(
        ModelError,
        match=r"policy\.onnx needs 'encoder\.onnx' in its folder, which contains its encoder",
    ):
        load_policy(model)
    encoder.write_bytes(b'hello')
    with pytest.raises(ModelError, match=r'encoder\.onnx cannot be loaded as ONNX'):
        load_policy(model)


def test_packed_encoder_that_is_missing_or_no_base64_is_refused(model):
    with pytest.raises(
        ModelError, match=r"^metadata 'distill_runtime\.encoder' is missing, expected the encoder"
    ):
        pack(model.read_bytes(), make_spec(**CHANGES))
    session, graph = open_session(model)
    graph.metadata[ENCODER_KEY] = 'a-b'
    with pytest.raises(ModelError, match=r"^metadata 'distill_runtime\.encoder' is not Base64: "):
        open_policy(model, session, graph, make_spec(**CHANGES))


def wide(path):
    return save_linear(path, np.ones((12, 3)), rank=1, names=('history', 'latent'))


def of_two_inputs(path):
    return save_model(
        path,
        [('Add', ['history', 'more'], ['sum']), ('Slice', ['sum', 'zero', 'two'], ['latent'])],
        {'history': [12], 'more': [12]},
        {'latent': [2]},
        {'zero': np.array([0]), 'two': np.array([2])},
    )


@pytest.mark.parametrize(
    ('save', 'changes', 'message'),
    [
        (None, {'output': 'z'}, r"^encoder\.output is 'z', expected one of the names .*'latent'"),
        (None, {'output': 1}, r'^encoder\.output is position 1, expected 0 to 0$'),
        (
            wide,
            {},
            r"^tensor 'latent' of the graph has shape \[3\], expected 2 elements, the width of",
        ),
        (
            of_two_inputs,
            {},
            r"^graph inputs \['more'\] are not in the spec, expected each under inputs with",
        ),
    ],
    ids=['name', 'position', 'width', 'input'],
)
def test_encoder_that_does_not_fit_is_refused(model, save, changes, message):
    encoder = model.with_name('encoder.onnx')
    if save is not None:
        save(encoder)
    spec = make_spec(**{**CHANGES, 'encoder': {'model': 'encoder.onnx', **changes}})
    with pytest.raises(ModelError, match=message):
        PolicySession(*open_session(model), spec, open_session(encoder))


def test_encoder_that_is_missing_or_not_asked_for_is_refused(model):
    with pytest.raises(ModelError, match=r"^encoder of the spec is 'encoder\.onnx', expected a"):
        PolicySession(*open_session(model), make_spec(**CHANGES))
    encoder = open_session(model.with_name('encoder.onnx'))
    with pytest.raises(ModelError, match=r'^encoder of the spec is None, expected a network'):
        PolicySession(*open_session(model), make_spec(), encoder)
