# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import math

from distill_runtime.errors import ConfigError
from distill_runtime.spec.dialect import ModelContext
from distill_runtime.spec.readers.registry import file_sources, read_content
from distill_runtime.spec.robot_description import RobotDescription
from distill_runtime.spec.sources import merge_sources
import pytest
from support.damage import damage_test
from support.observed import make_samples, observed
import yaml

ROBOT = RobotDescription(
    name='legs',
    joints=('a', 'b', 'c'),
    position=None,
    velocity=None,
    effort=None,
    source='made up',
    unused_motors=(1,),
)


def common(**changes):
    return {
        'policy_path': '{ROOT}/pre_train/walker/motion.pt',
        'kps': [100, 150],
        'kds': [2, 4],
        'default_angles': [0.1, -0.2],
        'ang_vel_scale': 0.25,
        'dof_pos_scale': 1.5,
        'dof_vel_scale': 0.05,
        'action_scale': 0.5,
        'cmd_scale': [2.0, 2.0, 0.25],
        'num_actions': 2,
        'num_obs': 17,
        **changes,
    }


def real(**changes):
    """Return a file of deploy_real, its motors in another order than the robot's."""
    values = {
        'control_dt': 0.02,
        'imu_type': 'pelvis',
        'leg_joint2motor_idx': [3, 0],
        'max_cmd': [0.8, 0.5, 1.57],
    }
    return common(**{**values, **changes})


def simulated(**changes):
    """Return a file of deploy_mujoco."""
    return common(**{'simulation_dt': 0.002, 'control_decimation': 10, **changes})


@pytest.fixture
def read(tmp_path):
    def content(values, robot=ROBOT):
        context = ModelContext(model=tmp_path / 'policy.onnx', robot=robot)
        return read_content(values, tmp_path / 'any.yaml', context)

    return content


def test_motors_have_the_names_of_the_robot_around_the_unused_one(read):
    spec = merge_sources([read(real())]).spec
    assert spec.joints == ('c', 'a')
    assert (spec.stiffness, spec.damping) == ((100.0, 150.0), (2.0, 4.0))
    assert spec.name == 'walker'
    assert spec.command.lower == (-0.8, -0.5, -1.57)


def test_both_files_make_one_spec(tmp_path):
    for name, values in (('sim', simulated()), ('real', real())):
        (tmp_path / f'{name}.yaml').write_text(yaml.safe_dump(values))
    sources = file_sources(ModelContext(model=tmp_path / 'policy.onnx', robot=ROBOT))
    merged = merge_sources(sources)
    assert merged.conflicts == ()
    assert merged.spec.joints == ('c', 'a')
    assert merged.sources['period'].endswith('real.yaml: control_dt')


def test_files_that_disagree_are_a_conflict(read):
    assert read(simulated()).values['period'] == 0.02
    assert read(simulated()).origin('period').endswith(': simulation_dt * control_decimation')
    merged = merge_sources([read(real()), read(simulated(kps=[100, 151], control_decimation=5))])
    assert {conflict.field for conflict in merged.conflicts} == {'stiffness', 'period'}


@pytest.mark.parametrize('values', [simulated(), real()])
def test_without_motors_or_robot_joints_are_missing(read, values):
    with pytest.raises(
        ConfigError, match=r'^joints is missing, .*: the file has numbers of motors'
    ):
        merge_sources([read(values, robot=None)])


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'num_obs': 15}, r'num_obs is 15, expected 17 for 2 actions, those of its programs: '),
        (
            {'imu_type': 'torso'},
            r'imu_type is torso: the policy expects the Imu in the pelvis frame',
        ),
    ],
)
def test_unknown_fields_are_left_to_the_user(read, changes, message):
    with pytest.raises(ConfigError, match=rf'^inputs is missing, .*: {message}'):
        merge_sources([read(real(**changes))])


@pytest.mark.parametrize(
    ('message', 'values'),
    {
        r'leg_joint2motor_idx has motor 1, which robot .legs. ': real(leg_joint2motor_idx=[0, 1]),
        r'leg_joint2motor_idx has motor 4, which robot .legs. ': real(leg_joint2motor_idx=[0, 4]),
        r'leg_joint2motor_idx is \[0, 0\], expected each motor ': real(leg_joint2motor_idx=[0, 0]),
        r'leg_joint2motor_idx has 1 elements, expected 2$': real(leg_joint2motor_idx=[0]),
        r'kps has 1 elements, expected 2$': real(kps=[1]),
        r'action_scale is \[1, 2\], expected a number$': real(action_scale=[1, 2]),
        r'control_decimation is missing$': simulated(control_decimation=None),
    }.items(),
)
def test_file_that_does_not_fit_is_refused(read, values, message):
    with pytest.raises(ConfigError, match=rf'any\.yaml: {message}'):
        read(values)


def test_observations_and_targets(read):
    spec = merge_sources([read(real())]).spec
    samples = make_samples(2, 2, num_steps=60)
    seen, targets = observed(spec, samples)
    for step, sample in enumerate(samples):
        phase = (step + 1) * 0.02 % 0.8 / 0.8
        last = samples[step - 1].action if step else [0.0, 0.0]
        command = zip(sample.command, [2.0, 2.0, 0.25], strict=True)
        expected = [
            *(0.25 * value for value in sample.angular_velocity),
            *sample.gravity,
            *(value * scale for value, scale in command),
            1.5 * (sample.position[0] - 0.1),
            1.5 * (sample.position[1] + 0.2),
            *(0.05 * value for value in sample.velocity),
            *last,
            math.sin(2 * math.pi * phase),
            math.cos(2 * math.pi * phase),
        ]
        assert seen[step] == pytest.approx(expected, abs=1e-6)
        first, second = sample.action
        assert targets[step] == pytest.approx([0.1 + 0.5 * first, -0.2 + 0.5 * second], abs=1e-6)


test_damaged_file_is_read_or_refused = damage_test(real(), 'any.yaml', ROBOT)
