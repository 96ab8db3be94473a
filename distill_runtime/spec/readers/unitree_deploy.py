# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Unitree deploy.yaml, as unitree_rl_lab and its forks write it.

Default pose, action scale and offset are in policy order, stiffness and damping in motor order;
``joint_ids_map[i]`` is the motor of policy joint i. Motors have numbers only: their names come
from a robot profile. Every term has its own history, oldest first, filled with the first
observation.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from distill_runtime.errors import ConfigError
from distill_runtime.spec.description import RobotDescription
from distill_runtime.spec.dialect import FileDialect, ModelContext
from distill_runtime.spec.sources import SpecSource

_TERMS: dict[str, dict[str, object]] = {
    'base_ang_vel': {'term': 'base_angular_velocity'},
    'projected_gravity': {'term': 'projected_gravity'},
    'velocity_commands': {'term': 'velocity_command'},
    'keyboard_velocity_commands': {'term': 'velocity_command'},
    'joint_pos': {'term': 'joint_position', 'relative': False},
    'joint_pos_rel': {'term': 'joint_position', 'relative': True},
    'joint_vel': {'term': 'joint_velocity'},
    'joint_vel_rel': {'term': 'joint_velocity'},
    'last_action': {'term': 'last_action'},
}
_NO_JOINTS = (
    'deploy.yaml has motor numbers, not names: give the robot with --robot PROFILE '
    '(parameter robot), or joints in a file with --spec'
)


def is_deploy_yaml(values: Mapping[str, Any]) -> bool:
    """Whether the content of a file is of this dialect."""
    return {'joint_ids_map', 'step_dt'} <= set(values)


def read_unitree_deploy(
    values: Mapping[str, Any], path: Path, context: ModelContext
) -> SpecSource:
    """Turn the content of a deploy.yaml into our form; the robot names the motors.

    Raises:
        ConfigError: If a key is unknown or does not fit the others.
    """
    return SpecSource(
        name=str(path),
        values=_spec_values(values, path, context.robot),
        hints={'joints': _NO_JOINTS},
    )


def _spec_values(
    values: Mapping[str, Any], path: Path, robot: RobotDescription | None
) -> dict[str, Any]:
    motors = [_index(motor) for motor in values['joint_ids_map']]
    if len(set(motors)) != len(motors):
        raise ConfigError(f'joint_ids_map is {motors}, expected each motor once')
    result: dict[str, Any] = {
        'name': _policy_name(path),
        'period': values['step_dt'],
        'default_position': values['default_joint_pos'],
        'inputs': [{'name': 0, **_observations(values['observations'])}],
        'outputs': _outputs(values['actions']),
    }
    for gain in ('stiffness', 'damping'):
        result[gain] = [_at(values[gain], motor, gain) for motor in motors]
    ranges = values.get('commands', {}).get('base_velocity', {}).get('ranges')
    if ranges:
        pairs = [ranges[name] for name in ('lin_vel_x', 'lin_vel_y', 'ang_vel_z')]
        result['command'] = {
            'lower': [pair[0] for pair in pairs],
            'upper': [pair[1] for pair in pairs],
        }
    if robot is not None:
        if len(robot.joints) != len(motors):
            raise ConfigError(
                f'joint_ids_map has {len(motors)} motors, expected {len(robot.joints)}, those '
                f'of robot {robot.name!r}'
            )
        result['joints'] = [_at(robot.joints, motor, 'joint_ids_map') for motor in motors]
    return result


def _policy_name(path: Path) -> str:
    """Name the policy after its folder; ``params/`` is not a name."""
    folder = path.resolve().parent
    return folder.parent.name if folder.name in ('params', 'param') else folder.name


def _index(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ConfigError(f'joint_ids_map has {value!r}, expected motor numbers from 0')
    return value


def _at(values: Any, motor: int, where: str) -> Any:
    if motor >= len(values):
        raise ConfigError(
            f'{where} has {len(values)} motors, expected more than motor number {motor}'
        )
    return values[motor]


def _observations(observations: Mapping[str, Any]) -> dict[str, Any]:
    """Return terms and history of the one tensor."""
    observations = dict(observations)
    scale_first = bool(observations.pop('scale_first', False))
    is_frame_major = bool(observations.pop('use_gym_history', False))
    terms, lengths = [], []
    for name, values in observations.items():
        if name not in _TERMS:
            raise ConfigError(
                f'observations.{name} is unknown, expected one of {sorted(_TERMS)}: describe '
                'it in a file with --spec'
            )
        term = dict(_TERMS[name])
        if values.get('scale') is not None:
            term['scale'] = values['scale']
        if values.get('clip') is not None:
            term['clip'] = values['clip']
            term['order'] = 'scale_then_clip' if scale_first else 'clip_then_scale'
        lengths.append(_history_length(values.get('history_length'), name))
        terms.append(term)
    history: dict[str, Any] = {'length': max(lengths)}
    if history['length'] > 1:
        history |= {
            'major': 'frame' if is_frame_major else 'term',
            'order': 'oldest_first',
            'fill': 'first',
        }
    for term, length in zip(terms, lengths, strict=True):
        if length != history['length']:
            term['history'] = {'length': length}
    return {'terms': terms, 'history': history}


def _history_length(value: object, name: str) -> int:
    """Return the number of frames; none given, or 0, is the newest alone."""
    if value is None:
        return 1
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ConfigError(
            f'observations.{name}.history_length is {value!r}, expected a number of frames'
        )
    return max(1, value)


def _outputs(actions: Mapping[str, Any]) -> dict[str, Any]:
    """Return our outputs of the one action term."""
    if len(actions) != 1 or 'JointPositionAction' not in actions:
        raise ConfigError(f'actions has {sorted(actions)}, expected JointPositionAction alone')
    action = actions['JointPositionAction']
    if action.get('joint_ids') is not None:
        raise ConfigError(
            f'actions.JointPositionAction.joint_ids is {action["joint_ids"]}, expected all joints'
        )
    result = {'name': 0, 'scale': action['scale'], 'offset': action['offset']}
    if action.get('clip') is not None:
        result['clip'] = action['clip']
    return {'action': result, 'mode': 'position'}


UNITREE_DEPLOY = FileDialect(
    name='deploy.yaml',
    files=('deploy.yaml', 'params/deploy.yaml', '../params/deploy.yaml', '../param/deploy.yaml'),
    matches=is_deploy_yaml,
    read=read_unitree_deploy,
)
