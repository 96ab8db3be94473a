# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import replace
import math
from pathlib import Path

from distill_runtime.errors import ConfigError
from distill_runtime.spec.dialect import ModelContext, TensorShape
from distill_runtime.spec.mapping import read_dataclass
from distill_runtime.spec.readers.registry import read_content
from distill_runtime.spec.robot_description import RobotDescription
from distill_runtime.spec.sources import merge_sources
from distill_runtime.spec.spec import PolicySpec
import pytest
from support.damage import damage_test
from support.observed import make_samples, observed

PATH = Path('walker/params/deploy.yaml')
ROBOT = RobotDescription(
    name='three',
    joints=('motor_0', 'motor_1', 'motor_2'),
    position=None,
    velocity=None,
    effort=None,
    source='made up',
)


def observation(**changes):
    return {'params': {}, 'clip': None, 'scale': [1.0, 1.0, 1.0], 'history_length': 1, **changes}


def deploy(**changes):
    """Return the content of a deploy.yaml of three joints: policy order is motor 2, 0, 1."""
    return {
        'joint_ids_map': [2, 0, 1],
        'step_dt': 0.02,
        'stiffness': [10.0, 11.0, 12.0],
        'damping': [1.0, 1.1, 1.2],
        'default_joint_pos': [0.2, 0.0, 0.1],
        'commands': {},
        'actions': {
            'JointPositionAction': {
                'clip': None,
                'scale': [0.25, 0.25, 0.5],
                'offset': [0.2, 0.0, 0.1],
                'joint_ids': None,
            }
        },
        'observations': {'base_ang_vel': observation(), 'joint_pos_rel': observation()},
        **changes,
    }


def read(robot=ROBOT, **changes):
    return read_file(deploy(**changes), robot).values


def read_file(values, robot=ROBOT, tensors=()):
    context = ModelContext(
        model=Path('walker/exported/policy.onnx'),
        robot=robot,
        inputs=tuple(TensorShape(name=name, shape=(1, 3)) for name in tensors),
    )
    return read_content(values, PATH, context)


def spec_of(**changes):
    return read_dataclass(PolicySpec, read(**changes), '')


def observations(**terms):
    return {name: observation(**changes) for name, changes in terms.items()}


def test_motor_numbers_become_names_and_gains_go_to_policy_order():
    source = read_file(deploy())
    spec = read_dataclass(PolicySpec, source.values, '')
    assert spec.name == 'walker'
    assert spec.joints == ('motor_2', 'motor_0', 'motor_1')
    assert spec.stiffness == (12.0, 10.0, 11.0)
    assert spec.damping == (1.2, 1.0, 1.1)
    # these are in policy order already
    assert spec.default_position == (0.2, 0.0, 0.1)
    assert spec.outputs.action.scale == (0.25, 0.25, 0.5)
    assert spec.outputs.action.offset == (0.2, 0.0, 0.1)
    assert source.origin('period') == f'{PATH}: step_dt'
    assert source.origin('joints') == f'{PATH}: joint_ids_map, names of robot three'


def test_each_term_is_read_by_its_name():
    names = {
        'base_ang_vel': 'base_angular_velocity',
        'projected_gravity': 'projected_gravity',
        'velocity_commands': 'velocity_command',
        'keyboard_velocity_commands': 'velocity_command',
        'joint_pos': 'joint_position',
        'joint_pos_rel': 'joint_position',
        'joint_vel': 'joint_velocity',
        'joint_vel_rel': 'joint_velocity',
        'last_action': 'last_action',
    }
    spec = spec_of(observations={name: observation() for name in names})
    assert [term.kind for term in spec.inputs[0].terms] == list(names.values())
    assert [term.relative for term in spec.inputs[0].terms[4:6]] == [False, True]


def test_different_histories_stay_with_their_terms():
    terms = observations(
        base_ang_vel={'history_length': 3}, last_action={'history_length': 0}, joint_vel={}
    )
    (entry,) = spec_of(observations=terms).inputs
    assert [entry.lags(term) for term in entry.terms] == [(2, 1, 0), (0,), (0,)]


def test_motors_that_the_policy_does_not_have_are_left_out():
    spec = spec_of(
        joint_ids_map=[2, 0],
        default_joint_pos=[0.2, 0.0],
        actions={'JointPositionAction': {'scale': [0.25, 0.25], 'offset': [0.2, 0.0]}},
        observations={'last_action': {'params': {}}},
    )
    assert spec.joints == ('motor_2', 'motor_0')
    assert spec.stiffness == (12.0, 10.0)


def wheeled(**changes):
    """Return actions of two legs and, before them in the tensor, a wheel: joint 1."""
    return {
        'JointVelocityAction': {'scale': [5.0], 'offset': None, 'clip': None, 'joint_ids': [1]},
        'JointPositionAction': {
            'scale': [0.5, 0.25],
            'offset': [0.1, 0.2],
            'clip': [[-1, 1], [-2, 2]],
            'joint_ids': [2, 0],
            **changes,
        },
    }


def test_velocity_actions_of_all_joints_by_number():
    action = {'scale': None, 'offset': None, 'joint_ids': [0, 1, 2]}
    spec = spec_of(actions={'JointVelocityAction': action})
    assert spec.outputs.mode == 'velocity'
    assert spec.outputs.action.scale == (1.0, 1.0, 1.0)
    assert spec.outputs.action.joints is None


def test_without_a_robot_names_are_missing_with_hints():
    some_joints = {'params': {'asset_cfg': {'joint_ids': [2]}}}
    values = deploy(actions=wheeled(), observations=observations(joint_pos_rel=some_joints))
    source = read_file(values, robot=None)
    assert not {'joints', 'outputs', 'inputs'} & set(source.values)
    for field in ('joints', 'outputs.action.name', 'inputs'):
        assert 'give the robot with --robot PROFILE' in source.hints[field]


def test_named_groups_are_inputs():
    groups = {
        'obs': {
            'use_gym_history': True,
            'scale_first': True,
            **observations(base_ang_vel={'clip': [-1, 1]}),
        },
        'history': observations(
            joint_pos={'history_length': 4}, last_action={'history_length': 4}
        ),
    }
    inputs = spec_of(observations=groups).inputs
    assert [entry.name for entry in inputs] == ['obs', 'history']
    assert inputs[0].terms[0].order == 'scale_then_clip'
    assert inputs[1].history.major == 'frame'


@pytest.mark.parametrize(
    ('groups', 'tensors', 'names'),
    [
        (['a', 'b'], ['b', 'a'], ['a', 'b']),
        (['policy'], ['onnx::Gemm_0'], [0]),
        (['policy'], [], ['policy']),
    ],
)
def test_groups_find_their_inputs(groups, tensors, names):
    values = deploy(observations={name: observations(last_action={}) for name in groups})
    source = read_file(values, tensors=tensors)
    assert [entry['name'] for entry in source.values['inputs']] == names
    if len(groups) > 1:
        with pytest.raises(
            ConfigError, match=r"expected names of inputs of the network, \['obs'\]: rename the"
        ):
            read_file(values, tensors=['obs'])


@pytest.mark.parametrize(
    ('name', 'message'),
    [
        (
            'my_term',
            r"^inputs is missing, found in none of \['walker/params/deploy\.yaml'\]: "
            r"observations\.my_term is unknown, expected one of \['base_ang_vel', .*: describe ",
        ),
        (
            'height_scan',
            r'observations\.height_scan is heights of the ground around the robot, '
            r'which neither JointState nor Imu nor Odometry provides: publish it from your node',
        ),
        ('motion_command', r'observations\.motion_command is the joints of a reference motion, '),
    ],
)
def test_observation_without_a_term_must_be_described_by_the_user(name, message):
    with pytest.raises(ConfigError, match=message):
        merge_sources([read_file(deploy(observations={name: observation()}))])


def asset(**config):
    return observations(joint_pos={'params': {'asset_cfg': config}})


MOTORS = {
    r"joint_ids_map has motor 3, which robot 'three' does not have: it has 3 joints$": {
        'joint_ids_map': [0, 1, 3],
        'stiffness': [1, 2, 3, 4],
    },
    r'damping has 2 motors, expected more than motor number 2 of joint_ids_map: it is in motor ': {
        'damping': [1, 2]
    },
    r'joint_ids_map is \[0, 1, 1\], expected each motor once$': {'joint_ids_map': [0, 1, 1]},
    r'joint_ids_map\[1\] is -1, expected an integer of at least 0$': {'joint_ids_map': [0, -1]},
    r'default_joint_pos has 2 elements, expected 3$': {'default_joint_pos': [0, 0]},
    r"joint_ids_map has 1 motors, expected those of robot 'three', which has 3$": {
        'joint_ids_map': [0],
        'stiffness': [1, 2],
    },
    r'commands\.base_velocity\.ranges\.lin_vel_y is missing$': {
        'commands': {'base_velocity': {'ranges': {'lin_vel_x': [0, 1]}}}
    },
    **{rf'{key} is missing$': {key: None} for key in sorted(deploy().keys() - {'commands'})},
}
OBSERVATIONS = {
    r' is empty, expected at least one$': {'use_gym_history': True},
    r' is \[1\], expected a mapping$': [1],
    r'\.scale_first is 1, expected true or false$': {'scale_first': 1},
    r'\.base_ang_vel is 3, expected a mapping$': {'base_ang_vel': 3},
    r'\.base_ang_vel\.history_length is 2\.5, expected an integer of': observations(
        base_ang_vel={'history_length': 2.5}
    ),
    r'\.base_ang_vel\.skip_history_tick is unknown, expected one of ': observations(
        base_ang_vel={'skip_history_tick': 2}
    ),
    r' has use_gym_history and history_length of \[2, 1\], expected the same for all terms$': {
        'use_gym_history': True,
        **observations(joint_pos={'history_length': 2}, joint_vel={}),
    },
    r'\.gait_phase\.params\.period is missing$': {'gait_phase': {'params': {}}},
    r'\.gait_phase\.params\.period is 0 s, expected above 0 s$': {
        'gait_phase': {'params': {'period': 0}}
    },
    r'\.joint_pos\.params\.asset_cfg\.joint_ids has 3, expected below 3, ': asset(joint_ids=[3]),
    r'\.joint_pos\..*\.joint_ids is \[1, 1\], expected each joint once': asset(joint_ids=[1, 1]),
}
ACTIONS = {
    r" has \[\], expected some of \['JointPositionAction', 'JointVelocityAction'\]$": {},
    r" has \['JointEffortAction'\], expected some of ": {'JointEffortAction': {}},
    r' are of joints \[1, 1, 0\], expected each once$': wheeled(joint_ids=[1, 0]),
    r'\..*\.joint_ids has 3, expected below 3': wheeled(joint_ids=[2, 3]),
    r'\..*\.scale has 1 elements, expected 2$': wheeled(scale=[1]),
    r'\..*\.clip\[0\] is -1, expected a pair$': wheeled(clip=[-1, 1]),
    r'\..*\.clip is 5, expected 2 pairs$': wheeled(clip=5),
}


@pytest.mark.parametrize(
    ('message', 'changes'),
    [
        *MOTORS.items(),
        *(
            (f'observations{rest}', {'observations': value})
            for rest, value in OBSERVATIONS.items()
        ),
        *((f'actions{rest}', {'actions': value}) for rest, value in ACTIONS.items()),
    ],
)
def test_file_that_does_not_fit_is_refused_with_its_path(message, changes):
    with pytest.raises(ConfigError, match=rf'^walker/params/deploy\.yaml: {message}'):
        read(**changes)


FOUR = replace(ROBOT, name='four', joints=('d', 'c', 'b', 'a'))
PERIOD = 0.6
POSE = [0.3, -0.2, 0.1, 0.0]


def scaled(scale, history=1, clip=None, **params):
    return {'params': params, 'clip': clip, 'scale': scale, 'history_length': history}


def terms(history):
    return {
        'base_ang_vel': scaled([0.2, 0.2, 0.2], history, [-0.7, 0.7]),
        'projected_gravity': scaled(None, history),
        'velocity_commands': scaled([2.0, 2.0, 0.25], history, command_name='base_velocity'),
        'joint_pos_rel': scaled([1.0, 2.0, 3.0, 4.0], history),
        'joint_vel_rel': scaled([0.05] * 2, history, asset_cfg={'joint_ids': [3, 1]}),
        'last_action': scaled([1.0] * 4, history, [-0.5, 0.5]),
        'gait_phase': scaled(None, history, period=PERIOD),
    }


def walker(observations):
    ranges = {'lin_vel_x': [-0.1, 0.2], 'lin_vel_y': [0, 0], 'ang_vel_z': [-1, 1], 'heading': None}
    legs = {'scale': [0.5, 0.25], 'offset': [0.3, 0.1], 'clip': [[-0.2, 0.2], [-9, 9]]}
    return {
        'joint_ids_map': [1, 3, 0, 2],
        'step_dt': 0.02,
        'stiffness': [1.0, 2.0, 3.0, 4.0],
        'damping': [0.1, 0.2, 0.3, 0.4],
        'default_joint_pos': POSE,
        'commands': {'base_velocity': {'ranges': ranges}},
        'actions': {
            'JointPositionAction': {**legs, 'joint_ids': [0, 2]},
            'JointVelocityAction': {'scale': [5.0, 4.0], 'clip': None, 'joint_ids': [3, 1]},
        },
        'observations': observations,
    }


def frame(samples, step):
    """Return one frame as a list of terms, each (values, clip, scales)."""
    now = samples[step]
    phase = 2 * math.pi * ((step * 0.02) % PERIOD) / PERIOD
    vx, vy, yaw = now.command
    return [
        (now.angular_velocity, (-0.7, 0.7), [0.2] * 3),
        (now.gravity, None, [1.0] * 3),
        ([min(max(vx, -0.1), 0.2), 0.0 * vy, yaw], None, [2.0, 2.0, 0.25]),
        ([q - d for q, d in zip(now.position, POSE, strict=True)], None, [1.0, 2.0, 3.0, 4.0]),
        ([now.velocity[3], now.velocity[1]], None, [0.05] * 2),
        (samples[step - 1].action if step else [0.0] * 4, (-0.5, 0.5), [1.0] * 4),
        ([math.sin(phase), math.cos(phase)], None, [1.0] * 2),
    ]


def processed(term, scale_first):
    values, clip, scales = term
    result = []
    for value, scale in zip(values, scales, strict=True):
        if scale_first:
            value *= scale
        if clip is not None:
            value = min(max(value, clip[0]), clip[1])
        result.append(value if scale_first else value * scale)
    return result


def expected(samples, step, history, is_frame_major, scale_first):
    frames = [
        [processed(term, scale_first) for term in frame(samples, max(0, number))]
        for number in range(step - history + 1, step + 1)
    ]
    if is_frame_major:
        return [value for terms in frames for term in terms for value in term]
    return [value for term in zip(*frames, strict=True) for values in term for value in values]


@pytest.mark.parametrize('history', [1, 3])
@pytest.mark.parametrize('is_frame_major', [False, True])
@pytest.mark.parametrize('scale_first', [False, True])
@pytest.mark.parametrize('is_nested', [False, True])
def test_observations_and_targets_equal_those_of_plain_lists(
    history, is_frame_major, scale_first, is_nested
):
    observations = {
        'scale_first': scale_first,
        'use_gym_history': is_frame_major,
        **terms(history),
    }
    values = walker({'policy': observations} if is_nested else observations)
    spec = read_dataclass(PolicySpec, read_file(values, FOUR).values, '')
    samples = make_samples(4, 4)
    seen, targets = observed(spec, samples)
    for step, sample in enumerate(samples):
        assert seen[step] == pytest.approx(
            expected(samples, step, history, is_frame_major, scale_first), abs=1e-6
        )
        first, second, third, fourth = sample.action
        # in policy order: the third and fourth action are of joints 3 and 1
        assert targets[step] == pytest.approx(
            [min(max(0.5 * first + 0.3, -0.2), 0.2), 4 * fourth, 0.25 * second + 0.1, 5 * third],
            abs=1e-6,
        )


test_damaged_file_is_read_or_refused = damage_test(deploy(actions=wheeled()), 'deploy.yaml', ROBOT)
