# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from distill_runtime.errors import ConfigError
from distill_runtime.spec.dialect import ModelContext
from distill_runtime.spec.mapping import read_dataclass
from distill_runtime.spec.readers.registry import file_sources, read_content, read_spec_file
from distill_runtime.spec.sources import merge_sources
from distill_runtime.spec.spec import PolicySpec
import pytest
from support.damage import damage_test
from support.observed import make_samples, observed
import yaml

SCALES = {
    'lin_vel': 2.0,
    'ang_vel': 0.25,
    'commands': [2.0, 2.0, 0.25],
    'dof_pos': 1.5,
    'dof_vel': 0.05,
}
DEFAULT = [0.1, 0.2, 0.3, 0.4]


def base(**changes):
    """Return the keys of a robot of two legs with a wheel each."""
    return {
        'dt': 0.005,
        'decimation': 4,
        'num_of_dofs': 4,
        'joint_names': ['right', 'left', 'right_wheel', 'left_wheel'],
        'joint_mapping': [0, 1, 2, 3],
        'default_dof_pos': [9.0, 9.0, 9.0, 9.0],
        'fixed_kp': [80.0] * 4,
        **changes,
    }


def config(**changes):
    """Return the keys of a policy: left leg, left wheel, right leg, right wheel."""
    return {
        'model_name': 'policy.pt',
        'num_observations': 24,
        'observations': [
            'commands', 'lin_vel', 'ang_vel', 'gravity_vec', 'dof_pos', 'dof_vel', 'actions',
        ],
        'observations_history': [],
        'observations_history_priority': 'time',
        'clip_obs': 0.5,
        'clip_actions_lower': [-0.5, -1.0, -0.5, -1.0],
        'clip_actions_upper': [0.5, 1.0, 0.75, 1.0],
        'rl_kp': [40, 0, 41, 0],
        'rl_kd': [1, 0.5, 1.1, 0.6],
        'action_scale': [0.25, 5.0, 0.125, 4.0],
        'wheel_indices': [1, 3],
        **{f'{name}_scale': scale for name, scale in SCALES.items()},
        'torque_limits': [20, 10, 21, 11],
        'default_dof_pos': DEFAULT,
        'joint_mapping': [1, 3, 0, 2],
        **changes,
    }  # fmt: skip


@pytest.fixture
def folder(tmp_path):
    (tmp_path / 'walker' / 'fast').mkdir(parents=True)
    return tmp_path / 'walker' / 'fast'


@pytest.fixture
def read(folder):
    def write_and_read(robot=None, location='../base.yaml', **changes):
        robot = base() if robot is None else robot
        (folder / location).write_text(yaml.safe_dump({'walker': robot}))
        path = folder / 'config.yaml'
        path.write_text(yaml.safe_dump({'walker/fast': config(**changes)}))
        return read_spec_file(path, ModelContext(model=folder / 'policy.onnx'))

    return write_and_read


def spec_of(source):
    return read_dataclass(PolicySpec, source.values, '')


def test_lists_of_the_policy_stay_and_its_joints_have_the_names_of_the_robot(read):
    spec = spec_of(read())
    assert spec.name == 'walker_fast'
    assert spec.joints == ('left', 'left_wheel', 'right', 'right_wheel')
    assert spec.default_position == tuple(DEFAULT)
    assert spec.stiffness == (40.0, 0.0, 41.0, 0.0)
    assert spec.damping == (1.0, 0.5, 1.1, 0.6)
    assert spec.limits.effort == (20.0, 10.0, 21.0, 11.0)
    assert spec.period == 0.02
    assert spec.modes == ('position', 'velocity', 'position', 'velocity')
    assert spec.inputs[0].terms[4].masked == ('left_wheel', 'right_wheel')
    assert spec_of(read(wheel_indices=[])).outputs.mode == 'position'


@pytest.mark.parametrize('location', ['base.yaml', '../base.yaml', '../../base.yaml'])
def test_file_of_the_robot_is_found(read, location):
    source = read(location=location)
    assert source.origin('period').endswith(f'fast/config.yaml: dt * decimation of {location}')
    assert source.origin('outputs.action.scale').endswith('fast/config.yaml: action_scale')
    assert source.origin('joints').endswith(f'names: joint_names of {location}')


def test_file_of_another_robot_is_passed_over(read, folder):
    (folder / 'base.yaml').write_text(yaml.safe_dump({'other': base(dt=0.1)}))
    assert spec_of(read()).period == 0.02
    # a key of the policy overrides that of the robot
    assert spec_of(read(dt=0.01)).period == 0.04


def test_without_the_file_of_the_robot_the_hints_name_it(folder):
    path = folder / 'config.yaml'
    path.write_text(yaml.safe_dump({'walker/fast': config()}))
    source = read_spec_file(path, ModelContext(model=folder / 'policy.onnx'))
    with pytest.raises(
        ConfigError,
        match=r'^period is missing, .*: dt \* decimation is in base\.yaml of rl_sar, under the '
        r"key 'walker': copy it next to config\.yaml, or give period in a file with --spec$",
    ):
        merge_sources([source])
    assert source.hints['inputs'] == source.hints['joints']


def test_file_in_the_folder_of_the_model_is_found(read, folder):
    expected = read()
    found = file_sources(ModelContext(model=folder / 'policy.onnx'))
    assert [source.name for source in found] == [str(folder / 'config.yaml')]
    assert found[0].values == expected.values


@pytest.mark.parametrize('bounds', [None, []])
def test_no_bounds_are_no_clip(read, bounds):
    spec = spec_of(read(clip_actions_lower=bounds, clip_actions_upper=bounds, clip_obs=None))
    assert spec.outputs.action.clip is None
    assert spec.inputs[0].terms[0].clip is None


@pytest.mark.parametrize(
    ('message', 'changes'),
    {
        r'num_observations is 25, expected 24, the sum of \[': {'num_observations': 25},
        r'clip_obs is 0, expected above 0$': {'clip_obs': 0},
        r'observations_history is \[0, 0\], expected different': {'observations_history': [0, 0]},
        r'observations_history\[0\] is -1, expected an integer of': {'observations_history': [-1]},
        r"observations_history_priority is 'frame', expected one of \['term', 'time'\]$": {
            'observations_history': [0, 1],
            'observations_history_priority': 'frame',
        },
        r'joint_mapping has 4, expected below 4, the number of': {'joint_mapping': [0, 1, 2, 4]},
        r'joint_mapping is \[0, 1, 2, 2\], expected each joint': {'joint_mapping': [0, 1, 2, 2]},
        r'wheel_indices has 4, expected below 4, the number of joints$': {'wheel_indices': [4]},
        r'num_of_dofs is 5, expected 4, as action_scale has$': {'num_of_dofs': 5},
        r'rl_kp has 2 elements, expected 4$': {'rl_kp': [1, 2]},
        r'dof_vel_scale is missing$': {'dof_vel_scale': None},
        r'commands_scale has 2 elements, expected 3$': {'commands_scale': [1, 2]},
        r'action_scale is 0\.25, expected a list$': {'action_scale': 0.25},
    }.items(),
)
def test_file_that_does_not_fit_is_refused(read, changes, message):
    with pytest.raises(ConfigError, match=rf'fast/config\.yaml:? {message}'):
        read(**changes)


def test_file_of_the_robot_is_no_policy(folder):
    with pytest.raises(
        ConfigError, match=r'base\.yaml: it is the file of a robot, expected that '
    ):
        read_content({'walker': base()}, folder / 'base.yaml', ModelContext(model=folder / 'x'))


@pytest.mark.parametrize(
    ('name', 'message'),
    [
        ('height', r"observations: height is unknown, expected one of \['lin_vel', "),
        (
            'whole_body_tracking/motion_command',
            'observations: whole_body_tracking/motion_command is the joints of a reference motion',
        ),
        ('RoboMimic_Deploy/phase', 'observations: RoboMimic_Deploy/phase is the progress of a '),
    ],
)
def test_observation_without_a_term_must_be_described_by_the_user(read, name, message):
    source = read(observations=[name])
    with pytest.raises(ConfigError, match=rf'^inputs is missing, .*: {message}'):
        merge_sources([source])


def frame(samples, step):
    """Return one frame as a list of terms."""
    now = samples[step]
    relative = [q - d for q, d in zip(now.position, DEFAULT, strict=True)]
    relative[1] = relative[3] = 0.0
    last = clipped_action(samples[step - 1]) if step else [0.0] * 4
    terms = [
        [value * scale for value, scale in zip(now.command, SCALES['commands'], strict=True)],
        [value * SCALES['lin_vel'] for value in now.linear_velocity],
        [value * SCALES['ang_vel'] for value in now.angular_velocity],
        now.gravity,
        [value * SCALES['dof_pos'] for value in relative],
        [value * SCALES['dof_vel'] for value in now.velocity],
        last,
    ]
    return [[max(-0.5, min(0.5, value)) for value in term] for term in terms]


def clipped_action(sample):
    bounds = zip([-0.5, -1.0, -0.5, -1.0], [0.5, 1.0, 0.75, 1.0], strict=True)
    return [max(low, min(high, a)) for a, (low, high) in zip(sample.action, bounds, strict=True)]


@pytest.mark.parametrize('ages', [[], [0], [0, 1, 2], [2, 1, 0], [4, 0, 2]])
@pytest.mark.parametrize('priority', ['time', 'term'])
def test_observations_and_targets(read, ages, priority):
    spec = spec_of(read(observations_history=ages, observations_history_priority=priority))
    samples = make_samples(4, 4)
    seen, targets = observed(spec, samples)
    nothing = [[0.0] * len(term) for term in frame(samples, 0)]
    for step, sample in enumerate(samples):
        frames = [frame(samples, step - age) if age <= step else nothing for age in ages or [0]]
        if priority == 'time':
            expected = [value for terms in frames for term in terms for value in term]
        else:
            expected = [value for terms in zip(*frames, strict=True) for t in terms for value in t]
        assert seen[step] == pytest.approx(expected, abs=1e-6)
        left, left_wheel, right, right_wheel = clipped_action(sample)
        assert targets[step] == pytest.approx(
            [0.1 + 0.25 * left, 5 * left_wheel, 0.3 + 0.125 * right, 4 * right_wheel], abs=1e-6
        )


test_damaged_file_is_read_or_refused = damage_test(
    {'walker/fast': {**base(), **config()}}, 'config.yaml'
)
