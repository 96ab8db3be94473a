# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""rl_sar: config.yaml of a policy, and base.yaml of its robot in the same folder or above.

Lists of the policy are in policy order; ``joint_mapping[i]`` is the joint of the robot, in the
order of ``joint_names``, that policy joint i is. Wheels have velocity targets. A key of the policy
overrides one of the robot. Observations are scaled, then clipped; the history is a list of ages of
whole frames.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from distill_runtime.errors import ConfigError
from distill_runtime.spec.dialect import (
    Fields,
    FileDialect,
    hinted,
    ModelContext,
    no_command,
    unknown_observation,
    UnsuppliedError,
)
from distill_runtime.spec.files import read_foreign
from distill_runtime.spec.sources import SpecSource

_BASE_PATHS = ('base.yaml', '../base.yaml', '../../base.yaml')
_OF_POLICY = {'observations', 'action_scale', 'rl_kp'}
_OF_ROBOT = {'dt', 'decimation', 'joint_names'}
_KEYS = {
    'default_position': 'default_dof_pos',
    'stiffness': 'rl_kp',
    'damping': 'rl_kd',
    'limits.effort': 'torque_limits',
    'inputs': 'observations',
    'outputs.action.scale': 'action_scale',
    'outputs.action.offset': 'default_dof_pos',
    'outputs.action.clip': 'clip_actions_lower, clip_actions_upper',
    'outputs.mode': 'wheel_indices',
}
_TERMS: dict[str, dict[str, Any]] = {
    'lin_vel': {'term': 'base_linear_velocity'},
    'ang_vel': {'term': 'base_angular_velocity'},
    'gravity_vec': {'term': 'projected_gravity'},
    'commands': {'term': 'velocity_command'},
    'dof_pos': {'term': 'joint_position', 'relative': True},
    'dof_vel': {'term': 'joint_velocity'},
    'actions': {'term': 'last_action'},
}
_UNSCALED = ('gravity_vec', 'actions')
_JOINT_TERMS = ('joint_position', 'joint_velocity', 'last_action')
_MAJOR = {'time': 'frame', 'term': 'term'}


def _is_rl_sar(values: Mapping[str, Any]) -> bool:
    """Whether the content of a file is of this dialect: one key, that of a policy or a robot."""
    parts = list(values.values())
    if len(parts) != 1 or not isinstance(parts[0], Mapping):
        return False
    return set(parts[0]) >= _OF_POLICY or set(parts[0]) >= _OF_ROBOT


def _read(values: Mapping[str, Any], path: Path, context: ModelContext) -> SpecSource:
    ((name, config),) = values.items()
    if not set(config) >= _OF_POLICY:
        raise ConfigError('it is the file of a robot, expected that of a policy: config.yaml')
    robot = str(name).partition('/')[0]
    base, base_path = _base(path, robot, context.root)
    fields = Fields({**base, **config})
    joints, period = _joints(fields), _period(fields)
    result: dict[str, Any] = {'name': str(name).replace('/', '_')}
    keys, hints = dict(_KEYS), {'command': no_command('rl_sar has')}
    for field, value, key in (
        ('joints', joints, 'joint_mapping, names: joint_names'),
        ('period', period, 'dt * decimation'),
    ):
        if value is None:
            hints[field] = (
                f'{key} is in base.yaml of rl_sar, under the key {robot!r}: copy it next to '
                f'{path.name}, or give {field} in a file with --spec'
            )
        else:
            result[field] = value
            keys[field] = f'{key} of {base_path}' if base_path else key
    num_joints = len(fields.numbers('action_scale'))
    wheels = _wheels(fields, num_joints)
    result |= _policy(fields, num_joints, wheels)
    with hinted(hints, 'inputs'):
        if joints is None:
            raise UnsuppliedError(hints['joints'])
        result['inputs'] = [{'name': 0, **_observations(fields, joints, wheels)}]
    return SpecSource(name=str(path), values=result, hints=hints, keys=keys)


def _base(path: Path, robot: str, root: Path | None) -> tuple[Mapping[str, Any], str]:
    """Return the keys of the robot and their file; empty if there is no such file."""
    for relative in _BASE_PATHS:
        if (path.parent / relative).is_file():
            content = read_foreign(path.parent / relative, root)
            if isinstance(content, Mapping) and isinstance(content.get(robot), Mapping):
                return content[robot], relative
    return {}, ''


def _joints(fields: Fields) -> list[str] | None:
    """Return the names in policy order; None without a file of the robot."""
    if 'joint_names' not in fields:
        return None
    names = fields.texts('joint_names')
    return [names[index] for index in fields.joint_numbers('joint_mapping', len(names))]


def _period(fields: Fields) -> float | None:
    """Return the time between policy steps; None without a file of the robot."""
    if 'dt' not in fields or 'decimation' not in fields:
        return None
    return round(fields.number('dt') * fields.integer('decimation'), 12)


def _wheels(fields: Fields, num_joints: int) -> list[int]:
    wheels = fields.integers('wheel_indices', default=[])
    for wheel in wheels:
        if wheel >= num_joints:
            raise ConfigError(
                f'wheel_indices has {wheel}, expected below {num_joints}, the number of joints'
            )
    return wheels


def _policy(fields: Fields, num_joints: int, wheels: list[int]) -> dict[str, Any]:
    """Return gains, pose and action, all in policy order."""
    if 'num_of_dofs' in fields and fields.integer('num_of_dofs') != num_joints:
        raise ConfigError(
            f'num_of_dofs is {fields.integer("num_of_dofs")}, expected {num_joints}, as '
            'action_scale has'
        )
    action: dict[str, Any] = {
        'name': 0,
        'scale': fields.numbers('action_scale', num_joints),
        'offset': 'default',
    }
    bounds = ('clip_actions_lower', 'clip_actions_upper')
    if all(bound in fields and fields.any(bound) for bound in bounds):
        lower, upper = (fields.numbers(bound, num_joints) for bound in bounds)
        action['clip'] = [list(pair) for pair in zip(lower, upper, strict=True)]
    result: dict[str, Any] = {
        'default_position': fields.numbers('default_dof_pos', num_joints),
        'stiffness': fields.numbers('rl_kp', num_joints),
        'damping': fields.numbers('rl_kd', num_joints),
        'outputs': {
            'action': action,
            'mode': 'position',
        },
    }
    if wheels:
        modes = ['velocity' if joint in wheels else 'position' for joint in range(num_joints)]
        result['outputs']['mode'] = modes
    if 'torque_limits' in fields:
        result['limits'] = {'effort': fields.numbers('torque_limits', num_joints)}
    return result


def _observations(config: Fields, joints: list[str], wheels: list[int]) -> dict[str, Any]:
    """Return the input tensor; the positions of wheels are masked."""
    names = config.texts('observations')
    terms = [_term(config, name, joints, wheels) for name in names]
    width = sum(3 if term['term'] not in _JOINT_TERMS else len(joints) for term in terms)
    if 'num_observations' in config and config.integer('num_observations') != width:
        raise ConfigError(
            f'num_observations is {config.integer("num_observations")}, expected {width}, the sum '
            f'of {names}'
        )
    if 'clip_obs' in config:
        bound = config.number('clip_obs')
        if not bound > 0.0:
            raise ConfigError(f'clip_obs is {bound}, expected above 0')
        for term in terms:
            term |= {'clip': [-bound, bound], 'order': 'scale_then_clip'}
    return {'terms': terms, 'history': _history(config)}


def _term(config: Fields, name: str, joints: list[str], wheels: list[int]) -> dict[str, Any]:
    if name not in _TERMS:
        plain = name.rpartition('/')[2]
        raise unknown_observation(f'observations: {name}', plain, list(_TERMS))
    term = dict(_TERMS[name])
    if name == 'commands':
        term['scale'] = config.numbers('commands_scale', 3)
    elif name not in _UNSCALED:
        term['scale'] = config.number(f'{name}_scale')
    if name == 'dof_pos':
        term['masked'] = [joints[wheel] for wheel in wheels]
    return term


def _history(config: Fields) -> dict[str, Any]:
    """Return the ages of the frames in tensor order; an empty list means no history."""
    steps = config.integers('observations_history', default=[])
    if not steps:
        return {'length': 1}
    if len(set(steps)) != len(steps):
        raise ConfigError(f'observations_history is {steps}, expected different ages')
    priority = config.text('observations_history_priority')
    if priority not in _MAJOR:
        raise ConfigError(
            f'observations_history_priority is {priority!r}, expected one of {sorted(_MAJOR)}'
        )
    return {'steps': steps, 'major': _MAJOR[priority], 'fill': 'zeros'}


RL_SAR = FileDialect(
    name='config.yaml of rl_sar',
    files=('config.y*ml',),
    matches=_is_rl_sar,
    read=_read,
)
