# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

from distill_runtime.errors import ConfigError
from distill_runtime.spec.description import RobotDescription
from distill_runtime.spec.dialect import ModelContext
from distill_runtime.spec.mapping import read_dataclass
from distill_runtime.spec.readers.registry import read_content
from distill_runtime.spec.readers.unitree_deploy import is_deploy_yaml
from distill_runtime.spec.spec import PolicySpec
import pytest

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
    return read_source(deploy(**changes), robot).values


def read_source(values, robot=ROBOT):
    context = ModelContext(model=Path('walker/exported/policy.onnx'), robot=robot)
    return read_content(values, PATH, context)


def spec_of(**changes):
    return read_dataclass(PolicySpec, read(**changes), '')


def observations(**terms):
    return {name: observation(**changes) for name, changes in terms.items()}


def test_motor_numbers_become_names_and_gains_go_to_policy_order():
    spec = spec_of()
    assert spec.joints == ('motor_2', 'motor_0', 'motor_1')
    assert spec.stiffness == (12.0, 10.0, 11.0)
    assert spec.damping == (1.2, 1.0, 1.1)


def test_pose_scale_and_offset_are_in_policy_order_already():
    spec = spec_of()
    assert spec.default_position == (0.2, 0.0, 0.1)
    assert spec.outputs.action.scale == (0.25, 0.25, 0.5)
    assert spec.outputs.action.offset == (0.2, 0.0, 0.1)


def test_policy_is_named_after_its_folder():
    assert spec_of().name == 'walker'


def test_each_term_is_known_under_its_name():
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


def test_equal_histories_are_that_of_the_tensor():
    spec = spec_of(
        observations=observations(
            base_ang_vel={'history_length': 5}, last_action={'history_length': 5}
        )
    )
    history = spec.inputs[0].history
    assert (history.length, history.major, history.order, history.fill) == (
        5,
        'term',
        'oldest_first',
        'first',
    )
    assert spec.inputs[0].terms[1].history is None


def test_different_histories_stay_with_their_terms():
    spec = spec_of(
        observations=observations(
            base_ang_vel={'history_length': 3}, last_action={'history_length': 0}, joint_vel={}
        )
    )
    entry = spec.inputs[0]
    assert [entry.lags(term) for term in entry.terms] == [(2, 1, 0), (0,), (0,)]


def test_gym_history_keeps_frames_together():
    terms = observations(base_ang_vel={'history_length': 2}, last_action={'history_length': 2})
    spec = spec_of(observations={'use_gym_history': True, **terms})
    assert spec.inputs[0].history.major == 'frame'


@pytest.mark.parametrize(
    ('scale_first', 'order'), [(True, 'scale_then_clip'), (False, 'clip_then_scale')]
)
def test_clip_and_scale_come_in_the_order_of_the_file(scale_first, order):
    terms = observations(base_ang_vel={'clip': [-5, 5], 'scale': [0.2, 0.2, 0.2]})
    term = spec_of(observations={'scale_first': scale_first, **terms}).inputs[0].terms[0]
    assert (term.clip, term.scale, term.order) == ((-5.0, 5.0), (0.2, 0.2, 0.2), order)


def test_command_ranges_are_the_trained_range():
    ranges = {'lin_vel_x': [-0.5, 1], 'lin_vel_y': [-0.3, 0.3], 'ang_vel_z': [-0.2, 0.2]}
    command = spec_of(commands={'base_velocity': {'ranges': ranges}}).command
    assert command.lower == (-0.5, -0.3, -0.2)
    assert command.upper == (1.0, 0.3, 0.2)


def test_without_a_robot_joints_are_missing_and_the_hint_says_how_to_give_them():
    source = read_source(deploy(), None)
    assert 'joints' not in source.values
    assert source.hints['joints'].startswith('deploy.yaml has motor numbers, not names: give the')


def test_dialect_is_told_by_its_content():
    assert is_deploy_yaml(deploy())
    assert not is_deploy_yaml({'joints': [], 'period': 0.02})


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        (
            {'joint_ids_map': [0, 1, 3]},
            r'stiffness has 3 motors, expected more than motor number 3',
        ),
        ({'joint_ids_map': [0, 1, 1]}, r'joint_ids_map is \[0, 1, 1\], expected each motor once$'),
        ({'joint_ids_map': [0, 1, -1]}, r'joint_ids_map has -1, expected motor numbers from 0$'),
        (
            {'joint_ids_map': [0, 1, 2.5]},
            r'joint_ids_map has 2\.5, expected motor numbers from 0$',
        ),
        (
            {'joint_ids_map': [0, 1]},
            r"joint_ids_map has 2 motors, expected 3, those of robot 'three'",
        ),
        ({'joint_ids_map': None}, r'is not a complete deploy\.yaml: '),
        (
            {'observations': {'height_scan': observation()}},
            r"observations\.height_scan is unknown, expected one of \['base_ang_vel', .*: ",
        ),
        (
            {'observations': observations(base_ang_vel={'history_length': 2.5})},
            r'observations\.base_ang_vel\.history_length is 2\.5, expected a number of frames$',
        ),
        (
            {'observations': observations(base_ang_vel={'history_length': -1})},
            r'observations\.base_ang_vel\.history_length is -1, expected a number of frames$',
        ),
        ({'observations': {}}, r'is not a complete deploy\.yaml: '),
        ({'actions': {}}, r'actions has \[\], expected JointPositionAction alone$'),
        (
            {'actions': {'JointVelocityAction': {}}},
            r"actions has \['JointVelocityAction'\], expected JointPositionAction alone$",
        ),
        (
            {'actions': {'JointPositionAction': {'joint_ids': [0, 1]}}},
            r'actions\.JointPositionAction\.joint_ids is \[0, 1\], expected all joints$',
        ),
    ],
)
def test_file_that_does_not_fit_is_refused_with_its_path(changes, message):
    with pytest.raises(ConfigError, match=rf'^walker/params/deploy\.yaml:? {message}'):
        read(**changes)


@pytest.mark.parametrize('key', sorted(deploy().keys() - {'commands', 'joint_ids_map', 'step_dt'}))
def test_each_missing_key_is_named(key):
    values = deploy()
    del values[key]
    with pytest.raises(ConfigError, match=rf"is not a complete deploy\.yaml: KeyError\('{key}'\)"):
        read_source(values)
