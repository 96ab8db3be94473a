# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Policies of other people: our observations, actions and targets are the recorded ones."""

from __future__ import annotations

from pathlib import Path
import shutil

from distill_runtime.core.config import RunnerConfig
from distill_runtime.core.sensors import Sensors
from distill_runtime.errors import ConfigError
from distill_runtime.policy.model import load_policy
import numpy as np
import pytest
from support.recording import Recording, replayed, TOLERANCE
import yaml

SPECS = Path(__file__).parents[1] / 'policies'
DIALECT = {'unitree_rl_lab_g1': 'unitree_g1_29dof'}
NAMES = sorted([path.stem for path in SPECS.glob('*.yaml')] + list(DIALECT))


def load(shared_data, name):
    model = shared_data / 'policies' / name / 'policy.onnx'
    if name in DIALECT:
        return load_policy(model, robot=DIALECT[name])
    return load_policy(model, SPECS / f'{name}.yaml')


def assert_recorded(policy, recording):
    """Compare the observations, actions and targets of a replay with the recorded ones."""
    for values, key in zip(replayed(policy, recording), ('obs', 'action', 'target'), strict=True):
        expected = recording.arrays[key].reshape(values.shape)
        difference = np.abs(values - expected)
        step, element = np.unravel_index(difference.argmax(), difference.shape)
        assert difference.max() <= TOLERANCE, f'{key}[{element}] of step {step}'


@pytest.fixture(params=NAMES)
def case(request, shared_data):
    recording = Recording(shared_data / 'policies' / request.param / 'golden.npz')
    return load(shared_data, request.param), recording


def test_all_six_are_here():
    assert len(NAMES) == 6


def test_observation_action_and_target_are_the_recorded_ones(case):
    policy, recording = case
    assert len(recording) == 300
    assert_recorded(policy, recording)


def test_robot_with_its_joints_in_the_order_of_the_alphabet_gives_the_same_bits(case):
    policy, recording = case
    own = replayed(policy, recording)
    alphabetical = replayed(policy, recording, tuple(sorted(policy.spec.joints)))
    for left, right in zip(own, alphabetical, strict=True):
        assert left.tobytes() == right.tobytes()


def test_second_run_of_one_runner_gives_the_same_bits(case):
    policy, recording = case
    runner = policy.runner(RunnerConfig(start_in='policy'))
    sensors = Sensors(runner.compiled.layout)
    order = list(range(len(policy.spec.joints)))
    runs = []
    for _ in range(2):
        runner.reset()
        commands = b''
        for number in range(50):
            stamp_ns = number * runner.compiled.period_ns
            recording.write(number, sensors, order, stamp_ns)
            commands += runner.step(sensors, stamp_ns).command.tobytes()
        runs.append(commands)
    assert runs[0] == runs[1]


def test_deploy_yaml_gives_names_and_gains_of_the_motors(shared_data):
    policy = load(shared_data, 'unitree_rl_lab_g1')
    spec = policy.spec
    gains = dict(zip(spec.joints, zip(spec.stiffness, spec.damping, strict=True), strict=True))
    assert spec.joints[:3] == (
        'left_hip_pitch_joint',
        'right_hip_pitch_joint',
        'waist_yaw_joint',
    )
    assert gains['left_knee_joint'] == gains['right_knee_joint'] == (150.0, 4.0)
    assert gains['waist_yaw_joint'] == (200.0, 5.0)
    assert gains['left_elbow_joint'] == (40.0, 10.0)
    assert spec.command.upper == (1.0, 0.3, 0.2)
    assert policy.sourced.sources['stiffness'].endswith('deploy.yaml: stiffness by joint_ids_map')
    assert policy.sourced.sources['limits.effort'] == 'robot unitree_g1_29dof'
    assert policy.sourced.conflicts == ()


def load_alone(folder, tmp_path, robot='', stated=None):
    """Load a model with the files beside it, and the facts that those lack."""
    spec = None
    if stated is not None:
        spec = tmp_path / 'stated.yaml'
        spec.write_text(yaml.safe_dump(stated))
    return load_policy(folder / 'policy.onnx', spec, robot)


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


def test_rl_sar_names_file_and_key(shared_data, tmp_path):
    sources = load_alone(shared_data / 'policies' / 'rl_sar_go2_himloco', tmp_path).sourced.sources
    assert sources['outputs.action.scale'].endswith('/config.yaml: action_scale')
    assert sources['period'].endswith('/config.yaml: dt * decimation of base.yaml')


def test_two_files_of_unitree_rl_gym_agree(shared_data, tmp_path):
    folder = shared_data / 'policies' / 'unitree_rl_gym_g1_lstm'
    sourced = load_alone(folder, tmp_path, 'unitree_g1_12dof').sourced
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
        load_alone(anymal_alone, tmp_path)
    with pytest.raises(
        ConfigError,
        match=r'^inputs is missing, .*: the metadata names the observations, not their scales and '
        r'clips and history: .* with the terms base_linear_velocity, .*, velocity_command, in ',
    ):
        load_alone(anymal_alone, tmp_path, stated={'period': 0.02})


def test_metadata_of_mjlab_and_what_it_leaves_out(anymal_alone, tmp_path):
    sourced = load_alone(anymal_alone, tmp_path, stated=STATED['mjlab_anymal_c']).sourced
    assert sourced.conflicts == ()
    assert sourced.unstated.keys() == {'command', 'outputs.action.clip'}
    assert sourced.sources['joints'] == 'policy.onnx metadata: joint_names'


def test_wrong_order_of_stated_terms_is_a_conflict_with_the_metadata(anymal_alone, tmp_path):
    stated = yaml.safe_load(yaml.safe_dump(STATED['mjlab_anymal_c']))
    terms = stated['inputs'][0]['terms']
    terms[0], terms[1] = terms[1], terms[0]
    (conflict,) = load_alone(anymal_alone, tmp_path, stated=stated).sourced.conflicts
    assert conflict.field == 'inputs'
    assert conflict.other_source == 'policy.onnx metadata: observation_names'


def test_metadata_precedes_a_file_in_the_folder_of_the_model(shared_data, tmp_path):
    folder = shared_data / 'policies' / 'mjlab_anymal_c'
    sourced = load_alone(folder, tmp_path, stated={'period': 0.02}).sourced
    assert sourced.sources['stiffness'] == 'policy.onnx metadata: joint_stiffness'
    assert sourced.sources['inputs'].startswith(str(folder / 'mjswan.json'))


@pytest.mark.parametrize('name', sorted(ROBOTS))
def test_dialect_gives_the_recorded_observation_action_and_target(shared_data, tmp_path, name):
    folder = shared_data / 'policies' / name
    policy = load_alone(folder, tmp_path, ROBOTS[name], STATED.get(name))
    assert_recorded(policy, Recording(folder / 'golden.npz'))
