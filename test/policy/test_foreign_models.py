# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Models whose spec stands in files of other programs, loaded as the node loads them."""

from __future__ import annotations

import shutil

from distill_runtime.policy.model import load_policy
import numpy as np
import onnx
import pytest
from support.models import save_linear, save_recurrent
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


def test_state_of_a_gru_comes_from_its_graph(tmp_path):
    path = save_recurrent(tmp_path / 'policy.onnx')
    (tmp_path / 'mine.yaml').write_text(yaml.safe_dump(spec_mapping({'term': 'joint_velocity'})))
    policy = load_policy(path, tmp_path / 'mine.yaml')
    assert policy.sourced.sources['state'] == 'graph of policy.onnx'
    assert [entry.shape for entry in policy.spec.state] == [(1, 1, 3)]
    for factor in (2.0, 4.0):
        policy.session.observation[:] = 1.0
        policy.session.run()
        assert policy.session.action.tolist() == [factor] * 3


def test_state_that_the_user_gives_is_not_asked_of_the_graph(tmp_path):
    path = save_recurrent(tmp_path / 'policy.onnx')
    state = [{'input': 'h_in', 'output': 'h_out', 'shape': [1, 1, 3], 'initial': [1, 2, 3]}]
    (tmp_path / 'mine.yaml').write_text(
        yaml.safe_dump(spec_mapping({'term': 'joint_velocity'}, state=state))
    )
    policy = load_policy(path, tmp_path / 'mine.yaml')
    assert policy.sourced.sources['state'].endswith('mine.yaml')
    assert policy.sourced.conflicts == ()


def test_mlp_of_rsl_rl_needs_no_state(tmp_path):
    path = save_linear(tmp_path / 'policy.onnx', np.eye(3))
    (tmp_path / 'mine.yaml').write_text(yaml.safe_dump(spec_mapping({'term': 'joint_velocity'})))
    assert load_policy(path, tmp_path / 'mine.yaml').spec.state == ()
