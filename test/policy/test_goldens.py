# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Six policies of other people: our observations, actions and targets are the recorded ones."""

from __future__ import annotations

from pathlib import Path

from distill_runtime.core.config import RunnerConfig
from distill_runtime.core.sensors import Sensors
from distill_runtime.policy.model import load_policy
import numpy as np
import pytest
from support.recording import Recording, replayed, TOLERANCE

SPECS = Path(__file__).parents[1] / 'policies'
DIALECT = {'unitree_rl_lab_g1': 'unitree_g1_29dof'}
NAMES = sorted([path.stem for path in SPECS.glob('*.yaml')] + list(DIALECT))


def load(shared_data, name):
    model = shared_data / 'policies' / name / 'policy.onnx'
    if name in DIALECT:
        return load_policy(model, robot=DIALECT[name])
    return load_policy(model, SPECS / f'{name}.yaml')


@pytest.fixture(params=NAMES)
def case(request, shared_data):
    recording = Recording(shared_data / 'policies' / request.param / 'golden.npz')
    return load(shared_data, request.param), recording


def test_all_six_are_here():
    assert len(NAMES) == 6


def test_observation_action_and_target_are_the_recorded_ones(case):
    policy, recording = case
    observations, actions, targets = replayed(policy, recording)
    assert len(recording) == 300
    for values, key in ((observations, 'obs'), (actions, 'action'), (targets, 'target')):
        expected = recording.arrays[key].reshape(values.shape)
        difference = np.abs(values - expected)
        step, element = np.unravel_index(difference.argmax(), difference.shape)
        assert difference.max() <= TOLERANCE, f'{key}[{element}] of step {step}'


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
