# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Models with a spec in files of other programs, loaded as by the node."""

from __future__ import annotations

import hashlib
import shutil

from distill_runtime.policy.model import load_policy
import numpy as np
import onnx
import pytest
from safetensors.numpy import save
from support.models import save_linear, save_model, save_recurrent
from support.recording import Recording, replayed, TOLERANCE
from support.specs import spec_mapping
import yaml


@pytest.fixture
def anymal(shared_data, tmp_path):
    """Return the mjswan policy with its policy.json, without the metadata that it has too."""
    folder = shared_data / 'policies' / 'mjlab_anymal_c'
    model = onnx.load(str(folder / 'policy.onnx'))
    del model.metadata_props[:]
    onnx.save(model, str(tmp_path / 'policy.onnx'))
    shutil.copy(folder / 'mjswan.json', tmp_path)
    (tmp_path / 'mine.yaml').write_text('period: 0.02\n')
    return tmp_path, Recording(folder / 'golden.npz')


def test_mjswan_policy_matches_its_recording(anymal):
    folder, recording = anymal
    policy = load_policy(folder / 'policy.onnx', folder / 'mine.yaml')
    for values, key in zip(replayed(policy, recording), ('obs', 'action', 'target'), strict=True):
        expected = recording.arrays[key].reshape(values.shape)
        assert np.abs(values - expected).max() <= TOLERANCE
    assert policy.sourced.sources['joints'].endswith('mjswan.json: policy_joint_names')
    assert policy.sourced.conflicts == ()


def write_leapp(folder):
    """Write a bundle whose target is q plus the target before."""
    model = save_model(
        folder / 'walk.onnx',
        [('Add', ['q', 'before'], ['target']), ('Identity', ['target'], ['now'])],
        {'q': [1, 2], 'before': [1, 2]},
        {'target': [1, 2], 'now': [1, 2]},
    )

    def tensor(name, kind=None):
        semantics = {'kind': kind, 'element_names': [['hip', 'knee']]} if kind else {}
        return {'name': name, 'dtype': 'float32', 'shape': [1, 2], **semantics}

    bundle = {
        'models': {
            'walk': {
                'inputs': [tensor('q', 'state/joint/position'), tensor('before')],
                'outputs': [tensor('target', 'target/joint/position'), tensor('now')],
                'parameters': {
                    'model_path': 'walk.onnx',
                    'backend': 'onnx',
                    'sha256sum': hashlib.sha256(model.read_bytes()).hexdigest(),
                },
            }
        },
        'pipeline': {
            'data_flow': {},
            'feedback_flow': {'walk/now': ['walk/before']},
            'initial_values': 'walk_initial_values.safetensors',
            'configs': {'frequency': 50.0},
        },
    }
    (folder / 'walk.yaml').write_text(yaml.safe_dump(bundle))
    initial = {'walk/before': np.array([[0.5, -0.5]], np.float32)}
    (folder / 'walk_initial_values.safetensors').write_bytes(save(initial))
    (folder / 'mine.yaml').write_text('default_position: [0.0, 0.0]\n')
    return model


def test_leapp_bundle_runs_from_its_initial_values(tmp_path):
    policy = load_policy(write_leapp(tmp_path), tmp_path / 'mine.yaml')
    for _ in range(2):
        for expected in ([0.6, -0.3], [0.7, -0.1]):
            policy.session.observation[:] = [0.1, 0.2]
            policy.session.run()
            assert policy.session.action.tolist() == pytest.approx(expected)
        policy.session.reset()
    assert policy.sourced.sources['state'].endswith('walk.yaml: pipeline.feedback_flow')


def test_state_of_a_gru_comes_from_its_graph_unless_the_user_gives_it(tmp_path):
    path, mine = save_recurrent(tmp_path / 'policy.onnx'), tmp_path / 'mine.yaml'
    mine.write_text(yaml.safe_dump(spec_mapping({'term': 'joint_velocity'})))
    policy = load_policy(path, mine)
    assert policy.sourced.sources['state'] == 'graph of policy.onnx'
    assert [entry.shape for entry in policy.spec.state] == [(1, 1, 3)]
    for factor in (2.0, 4.0):
        policy.session.observation[:] = 1.0
        policy.session.run()
        assert policy.session.action.tolist() == [factor] * 3
    state = [{'input': 'h_in', 'output': 'h_out', 'shape': [1, 1, 3], 'initial': [1, 2, 3]}]
    mine.write_text(yaml.safe_dump(spec_mapping({'term': 'joint_velocity'}, state=state)))
    sourced = load_policy(path, mine).sourced
    assert (sourced.sources['state'], sourced.conflicts) == (str(mine), ())
    save_linear(path, np.eye(3))
    mine.write_text(yaml.safe_dump(spec_mapping({'term': 'joint_velocity'})))
    assert load_policy(path, mine).spec.state == ()
