# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Flat yaml of Berkeley-Humanoid-Lite.

The order of the observation is in its code. The policy reads and moves the joints in
``action_indices``; the others are held at their default position.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from distill_runtime.errors import ConfigError
from distill_runtime.spec.dialect import Fields, FileDialect, ModelContext
from distill_runtime.spec.sources import SpecSource

from .numbered_joints import NumberedJoints
from .unsupplied import UnsuppliedError

_MARKS = {'policy_dt', 'joint_kp', 'default_joint_positions', 'action_indices'}
_KEYS = {
    'name': 'policy_checkpoint_path',
    'period': 'policy_dt',
    'default_position': 'default_joint_positions',
    'stiffness': 'joint_kp',
    'damping': 'joint_kd',
    'joints': 'joints',
    'limits.effort': 'effort_limits',
    'inputs': 'num_observations, action_indices',
    'outputs.action.scale': 'action_scale',
    'outputs.action.clip': 'action_limit_lower, action_limit_upper',
    'outputs.action.joints': 'action_indices',
}
_HINTS = {
    'command': 'the file has no command ranges: give the trained ones under command',
    'joints': 'the file has no names of joints: give joints, in the order of its lists, in a file '
    'with --spec',
}


def is_berkeley(values: Mapping[str, Any]) -> bool:
    """Whether the content of a file is of this dialect."""
    return set(values) >= _MARKS


def read_berkeley(values: Mapping[str, Any], path: Path, context: ModelContext) -> SpecSource:
    """Convert the content of a file to a SpecSource.

    Raises:
        ConfigError: If a key is missing or does not fit the others.
    """
    fields = Fields(values)
    pose = fields.numbers('default_joint_positions')
    names = tuple(fields.texts('joints', len(pose))) if 'joints' in fields else None
    joints = NumberedJoints(len(pose), names)
    acted = _acted(fields, len(pose))
    action: dict[str, Any] = {
        'name': 0,
        'clip': [fields.number('action_limit_lower'), fields.number('action_limit_upper')],
        'scale': fields.number_or_numbers('action_scale', len(acted)),
        'offset': 'default',
    }
    policy = fields.text('policy_checkpoint_path') if 'policy_checkpoint_path' in fields else ''
    result: dict[str, Any] = {
        'name': Path(policy).stem or path.stem,
        'period': fields.number('policy_dt'),
        'default_position': pose,
        'stiffness': _per_joint(fields, 'joint_kp', len(pose)),
        'damping': _per_joint(fields, 'joint_kd', len(pose)),
        'outputs': {'action': action, 'mode': 'position'},
    }
    if names is not None:
        result['joints'] = list(names)
    if 'effort_limits' in fields:
        result['limits'] = {'effort': _per_joint(fields, 'effort_limits', len(pose))}
    hints = dict(_HINTS)
    try:
        if names is None and acted != list(range(len(pose))):
            raise UnsuppliedError(
                f'action_indices has {len(acted)} of {len(pose)} joints, whose names the file '
                'does not have: describe inputs and outputs.action in a file with --spec'
            )
        names_acted = joints.subset(acted, 'action_indices')
        subset = {} if names_acted is None else {'joints': names_acted}
        action |= subset
        result['inputs'] = [{'name': 0, 'terms': _terms(fields, len(acted), subset)}]
    except UnsuppliedError as error:
        hints['inputs'] = str(error)
    return SpecSource(name=str(path), values=result, hints=hints, keys=_KEYS)


def _per_joint(fields: Fields, key: str, num_joints: int) -> list[float]:
    """Return a number per joint; a single number applies to all."""
    values = fields.number_or_numbers(key, num_joints)
    return values if isinstance(values, list) else [values] * num_joints


def _acted(fields: Fields, num_joints: int) -> list[int]:
    """Return the joints of the action in tensor order."""
    indices = fields.integers('action_indices')
    for index in indices:
        if index >= num_joints:
            raise ConfigError(
                f'action_indices has {index}, expected below {num_joints}, the number of joints'
            )
    if len(set(indices)) != len(indices):
        raise ConfigError(f'action_indices is {indices}, expected each joint once')
    return indices


def _terms(
    fields: Fields, num_actions: int, subset: Mapping[str, list[str]]
) -> list[dict[str, Any]]:
    if 'history_length' in fields and fields.integer('history_length') > 0:
        raise UnsuppliedError(
            f'history_length is {fields.integer("history_length")}: its training and its program '
            'for the robot order frames differently; describe the inputs in a file with --spec'
        )
    width = 9 + 3 * num_actions
    if fields.integer('num_observations') != width:
        raise ConfigError(
            f'num_observations is {fields.integer("num_observations")}, expected {width} for '
            f'{num_actions} actions'
        )
    return [
        {'term': 'velocity_command'},
        {'term': 'base_angular_velocity'},
        {'term': 'projected_gravity'},
        {'term': 'joint_position', 'relative': True, **subset},
        {'term': 'joint_velocity', **subset},
        {'term': 'last_action'},
    ]


BERKELEY = FileDialect(
    name='yaml of Berkeley-Humanoid-Lite',
    files=('*.yaml', '../configs/{stem}.yaml'),
    matches=is_berkeley,
    read=read_berkeley,
)
