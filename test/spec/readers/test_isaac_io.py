# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path
import re

from distill_runtime.errors import ConfigError
from distill_runtime.spec.dialect import ModelContext
from distill_runtime.spec.mapping import read_dataclass
from distill_runtime.spec.readers.registry import read_content
from distill_runtime.spec.spec import PolicySpec
import numpy as np
import pytest
from support.damage import damage_test
from support.drive import driven, past, Samples

JOINTS = ['l_hip', 'r_hip', 'l_knee', 'r_knee', 'l_wheel', 'r_wheel']
DEFAULT = [0.1, -0.1, 0.6000000238418579, 0.7, 0.0, 0.0]
LEGS, WHEELS = JOINTS[:4], JOINTS[4:]
CONTEXT = ModelContext(model=Path('exported/policy.onnx'))


def action(kind, joints, **changes):
    return {
        'action_type': 'JointAction',
        'clip': None,
        'full_path': f'isaaclab.envs.mdp.actions.joint_actions.{kind}',
        'joint_names': joints,
        'mdp_type': 'Action',
        'scale': 0.5,
        'offset': 0.0,
        'shape': [len(joints)],
        **changes,
    }


def term(name, width, scale=None, clip=None, frames=0, **changes):
    return {
        'name': name,
        'full_path': f'isaaclab.envs.mdp.observations.{name}',
        'mdp_type': 'Observation',
        'extras': {'modifiers': None},
        'overloads': {
            'scale': scale, 'clip': clip, 'history_length': frames, 'flatten_history_dim': True,
        },
        'shape': [width],
        **changes,
    }  # fmt: skip


ACTIONS = [
    action('JointPositionAction', LEGS, offset=DEFAULT[:4], scale=[0.25, 0.25, 0.5, 0.5]),
    action('JointVelocityAction', WHEELS, scale=8.0),
]
POLICY = [
    term('base_ang_vel', 3, scale=0.2, clip=[-1.0, 1.0], frames=3),
    term('projected_gravity', 3),
    term('generated_commands', 3, scale=[2.0, 2.0, 0.25]),
    term(
        'joint_pos_rel', 4, frames=2, joint_names=LEGS, joint_pos_offsets=DEFAULT[:4],
    ),
    term('joint_vel_rel', 6, scale=0.05, joint_names=JOINTS, joint_vel_offsets=[0.0] * 6),
    term('last_action', 6),
]  # fmt: skip


def descriptor(actions=ACTIONS, policy=POLICY, scene=None, **robot):
    return {
        'actions': actions,
        'articulations': {
            'robot': {
                'joint_names': JOINTS,
                'default_joint_pos': DEFAULT,
                'default_joint_stiffness': [40.0] * 4 + [0.0] * 2,
                'default_joint_damping': [1.0] * 4 + [0.5] * 2,
                'default_joint_pos_limits': [[-1.0, 1.0]] * 4
                + [[float('-inf'), float('inf')]] * 2,
                **robot,
            }
        },
        'observations': {'policy': policy, 'critic': [term('secret', 5)]},
        'scene': {'decimation': 4, 'dt': 0.02, 'physics_dt': 0.005, **(scene or {})},
    }


def read(path='io_descriptors/IO_descriptors.yaml', **changes):
    return read_content(descriptor(**changes), Path(path), CONTEXT)


def spec_of(**changes):
    return read_dataclass(PolicySpec, read(**changes).values, '')


def changed(index, **changes):
    return [{**entry, **changes} if at == index else entry for at, entry in enumerate(POLICY)]


def test_observations_equal_those_of_a_scalar_loop():
    samples = Samples(tuple(reversed(JOINTS)))
    outputs = np.random.default_rng(3).normal(size=(6, 6))
    steps = driven(spec_of(), samples, lambda run: outputs[run])
    for tick, (observation, target) in enumerate(steps):
        expected = []
        for then in past(tick, 3):
            expected += [0.2 * max(-1.0, min(1.0, value)) for value in samples.gyro[then]]
        expected += samples.gravity(tick)
        vx, vy, yaw = samples.command[tick]
        expected += [2.0 * vx, 2.0 * vy, 0.25 * yaw]
        for then in past(tick, 2):
            expected += [samples.q(then, name) - DEFAULT[JOINTS.index(name)] for name in LEGS]
        expected += [0.05 * samples.dq(tick, name) for name in JOINTS]
        expected += list(outputs[tick - 1]) if tick else [0.0] * 6
        assert observation == pytest.approx(expected, abs=1e-6)
        out = outputs[tick]
        legs = [DEFAULT[at] + (0.25, 0.25, 0.5, 0.5)[at] * out[at] for at in range(4)]
        assert target == pytest.approx([*legs, 8.0 * out[4], 8.0 * out[5]], abs=1e-6)


def test_joints_gains_limits_modes_and_period():
    spec = spec_of()
    assert (spec.name, spec.period, spec.joints) == ('policy', 0.02, tuple(JOINTS))
    assert spec.stiffness == (40.0,) * 4 + (0.0,) * 2
    assert spec.damping == (1.0,) * 4 + (0.5,) * 2
    assert spec.limits.position[:1] == ((-1.0, 1.0),)
    assert spec.modes == ('position',) * 4 + ('velocity',) * 2
    assert spec.outputs.action.joints is None
    assert read(path='flat_walker_v0_IO_descriptors.yaml').values['name'] == 'flat_walker_v0'


def test_one_action_term_of_some_joints():
    spec = spec_of(actions=ACTIONS[:1], policy=changed(5, shape=[4]))
    assert spec.outputs.action.joints == tuple(LEGS)
    assert spec.modes == ('position',) * 6
    assert spec.act_dim == 4
    assert spec_of(actions=[action('JointEffortAction', JOINTS)]).outputs.mode == 'effort'


def test_clip_is_one_of_targets():
    clip = [[-0.5, 0.5]] * 3 + [[float('-inf'), 1.0]]
    source = read(actions=[{**ACTIONS[0], 'clip': clip}, ACTIONS[1]])
    assert source.values['outputs']['action']['target_clip'] == (
        [[-0.5, 0.5]] * 3 + [[None, 1.0]] + [[None, None]] * 2
    )


def test_scale_per_environment():
    rows = [[0.25, 0.25, 0.5, 0.5]] * 3
    assert spec_of(actions=[{**ACTIONS[0], 'scale': rows}, ACTIONS[1]]) == spec_of()
    with pytest.raises(ConfigError, match=r'actions\[0\]\.scale differs between environments'):
        read(actions=[{**ACTIONS[0], 'scale': [[1.0] * 4, [2.0] * 4]}])


def test_explicit_actuators_have_no_gains_but_a_hint():
    source = read(default_joint_stiffness=[0.0] * 6, default_joint_damping=[0.0] * 6)
    assert not {'stiffness', 'damping'} & set(source.values)
    assert source.hints['stiffness'].startswith(
        'the descriptor has all joints with stiffness and damping 0: Isaac Lab writes that for '
    )
    part = read(default_joint_damping=[1.0] * 4 + [0.5, 0.0])
    assert part.hints['damping'].startswith("the descriptor has ['r_wheel'] with stiffness")


@pytest.mark.parametrize(
    ('policy', 'message'),
    [
        (
            changed(1, name='height_scan', shape=[187]),
            r"^observations\.policy\[1\] is 'height_scan', which is none of \['base_ang_vel', ",
        ),
        (
            changed(2, shape=[4]),
            r'^observations\.policy\[2\] is a command of shape \[4\], not a velocity command',
        ),
    ],
)
def test_term_that_is_not_known_leaves_the_inputs_to_the_user(policy, message):
    source = read(policy=policy)
    assert 'inputs' not in source.values
    assert re.match(message, source.hints['inputs'])


@pytest.mark.parametrize(
    ('message', 'changes'),
    {
        (
            r'observations\.policy\[3\]\.joint_pos_offsets of l_knee is 0\.5, expected 0\.6, '
            r'its default position: '
        ): {'policy': changed(3, joint_pos_offsets=[0.1, -0.1, 0.5, 0.7])},
        r'joint_vel_offsets of r_wheel is 0\.1, expected 0, none: no term subtracts': {
            'policy': changed(4, joint_vel_offsets=[0.0] * 5 + [0.1])
        },
        r"observations\.policy\[3\]\.joint_names has 'arm', expected names of \['l_hip'": {
            'policy': changed(3, joint_names=['arm'])
        },
        r'policy\[1\]\.shape is \[4\], expected \[3\]$': {'policy': changed(1, shape=[4])},
        r'policy\[5\]\.shape is \[4\], expected \[6\]$': {'policy': changed(5, shape=[4])},
        r'policy\[1\]\.extras\.modifiers is given, expected none$': {
            'policy': changed(1, extras={'modifiers': [{'func': 'filter'}]})
        },
        r'overloads\.flatten_history_dim is false, expected true: the input of a network': {
            'policy': changed(1, overloads={'history_length': 2, 'flatten_history_dim': False})
        },
        r'observations\.policy is \[\], expected a list of terms$': {'policy': []},
        r'actions is \[\], expected a list of action terms$': {'actions': []},
        r"actions\[0\]\.full_path ends in 'RelativeJointPositionAction', expected one of \[": {
            'actions': [action('RelativeJointPositionAction', JOINTS)]
        },
        r"actions\[0\]\.joint_names has 'tail', expected names of \['l_hip'": {
            'actions': [action('JointPositionAction', ['tail'])]
        },
        r'actions\[0\]\.clip is \[\[0, 1\]\], expected 6 pairs$': {
            'actions': [action('JointPositionAction', JOINTS, clip=[[0, 1]])]
        },
        r'scene\.dt is 0\.02 s, expected physics_dt \* decimation = 0\.01 s$': {
            'scene': {'decimation': 2}
        },
        r'articulations\.robot\.default_joint_pos has 1 elements, expected 6$': {
            'default_joint_pos': [0.0]
        },
    }.items(),
)
def test_what_does_not_fit_is_refused(changes, message):
    with pytest.raises(ConfigError, match=message):
        read(**changes)


def test_robot_may_have_another_name_if_it_is_alone():
    values = descriptor()
    robot = values['articulations'].pop('robot')
    values['articulations'] = {'dog': robot}
    assert read_content(values, Path('a.yaml'), CONTEXT).values['joints'] == JOINTS
    values['articulations'] = {'dog': robot, 'ball': robot}
    with pytest.raises(ConfigError, match=r"articulations has \['dog', 'ball'\], expected one "):
        read_content(values, Path('a.yaml'), CONTEXT)


test_damaged_file_is_read_or_refused = damage_test(descriptor(), 'a.yaml')
