# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Real policies with their files, a robot, and only the facts that those lack."""

from __future__ import annotations

import shutil

from distill_runtime.errors import ConfigError
from distill_runtime.policy.model import load_policy
import numpy as np
import pytest
from support.recording import Recording, replayed, TOLERANCE
import yaml

STATED = {
    'mjlab_anymal_c': {
        'period': 0.02,
        'inputs': [
            {
                'name': 'obs',
                'terms': [
                    {'term': 'base_linear_velocity'},
                    {'term': 'base_angular_velocity'},
                    {'term': 'projected_gravity'},
                    {'term': 'joint_position', 'relative': True},
                    {'term': 'joint_velocity'},
                    {'term': 'last_action'},
                    {'term': 'velocity_command'},
                ],
            }
        ],
    }
}
ROBOTS = {
    'mjlab_anymal_c': '',
    'rl_sar_go2_himloco': '',
    'unitree_rl_gym_g1_lstm': 'unitree_g1_12dof',
    'unitree_rl_lab_g1': 'unitree_g1_29dof',
}


def load(folder, tmp_path, robot='', stated=None):
    spec = None
    if stated is not None:
        spec = tmp_path / 'stated.yaml'
        spec.write_text(yaml.safe_dump(stated))
    return load_policy(folder / 'policy.onnx', spec, robot)


@pytest.mark.parametrize('name', sorted(ROBOTS))
def test_observation_action_and_target_are_the_recorded_ones(shared_data, tmp_path, name):
    folder = shared_data / 'policies' / name
    policy = load(folder, tmp_path, ROBOTS[name], STATED.get(name))
    recording = Recording(folder / 'golden.npz')
    for values, key in zip(replayed(policy, recording), ('obs', 'action', 'target'), strict=True):
        expected = recording.arrays[key].reshape(values.shape)
        assert np.abs(values - expected).max() <= TOLERANCE, key


def test_rl_sar_names_file_and_key(shared_data, tmp_path):
    sources = load(shared_data / 'policies' / 'rl_sar_go2_himloco', tmp_path).sourced.sources
    assert sources['outputs.action.scale'].endswith('/config.yaml: action_scale')
    assert sources['period'].endswith('/config.yaml: dt * decimation of base.yaml')


def test_two_files_of_unitree_rl_gym_agree(shared_data, tmp_path):
    folder = shared_data / 'policies' / 'unitree_rl_gym_g1_lstm'
    sourced = load(folder, tmp_path, 'unitree_g1_12dof').sourced
    assert sourced.conflicts == ()
    assert sourced.sources['period'].endswith('/g1.yaml: simulation_dt * control_decimation')
    assert sourced.sources['command'].endswith('/g1_real.yaml: max_cmd')
    assert sourced.sources['state'] == 'graph of policy.onnx'


@pytest.fixture
def anymal_alone(shared_data, tmp_path):
    """Return a folder with the model of mjlab only."""
    folder = tmp_path / 'alone'
    folder.mkdir()
    shutil.copy(shared_data / 'policies' / 'mjlab_anymal_c' / 'policy.onnx', folder)
    return folder


def test_metadata_of_mjlab_alone_lacks_the_period_then_the_scales(anymal_alone, tmp_path):
    with pytest.raises(ConfigError, match=r'^period is missing, .*: the metadata has no period: '):
        load(anymal_alone, tmp_path)
    with pytest.raises(
        ConfigError,
        match=r'^inputs is missing, .*: the metadata names the observations, not their scales and '
        r'clips and history: .* with the terms base_linear_velocity, .*, velocity_command, in ',
    ):
        load(anymal_alone, tmp_path, stated={'period': 0.02})


def test_metadata_of_mjlab_and_what_it_leaves_out(anymal_alone, tmp_path):
    sourced = load(anymal_alone, tmp_path, stated=STATED['mjlab_anymal_c']).sourced
    assert sourced.conflicts == ()
    assert sourced.unstated.keys() == {'command', 'outputs.action.clip'}
    assert sourced.sources['joints'] == 'policy.onnx metadata: joint_names'


def test_wrong_order_of_stated_terms_is_a_conflict_with_the_metadata(anymal_alone, tmp_path):
    stated = yaml.safe_load(yaml.safe_dump(STATED['mjlab_anymal_c']))
    terms = stated['inputs'][0]['terms']
    terms[0], terms[1] = terms[1], terms[0]
    (conflict,) = load(anymal_alone, tmp_path, stated=stated).sourced.conflicts
    assert conflict.field == 'inputs'
    assert conflict.other_source == 'policy.onnx metadata: observation_names'


def test_metadata_precedes_a_file_in_the_folder_of_the_model(shared_data, tmp_path):
    folder = shared_data / 'policies' / 'mjlab_anymal_c'
    sourced = load(folder, tmp_path, stated={'period': 0.02}).sourced
    assert sourced.sources['stiffness'] == 'policy.onnx metadata: joint_stiffness'
    assert sourced.sources['inputs'].startswith(str(folder / 'mjswan.json'))
