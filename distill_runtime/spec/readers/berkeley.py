# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Flat yaml of Berkeley-Humanoid-Lite.

The order of the observation is in its code. ``action_indices`` are the joints that the policy
sees and moves; the others are held at their default position.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from distill_runtime.errors import ConfigError
from distill_runtime.spec.dialect import FileDialect, ModelContext
from distill_runtime.spec.foreign_fields import Fields
from distill_runtime.spec.sources import SpecSource

_MARKS = {'policy_dt', 'joints', 'joint_kp', 'default_joint_positions', 'action_indices'}
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
_HINTS = {'command': 'the file has no ranges of commands: say the trained ones under command'}


def is_berkeley(values: Mapping[str, Any]) -> bool:
    """Whether the content of a file is of this dialect."""
    return set(values) >= _MARKS


def read_berkeley(values: Mapping[str, Any], path: Path, context: ModelContext) -> SpecSource:
    """Turn the content of a file into our form.

    Raises:
        ConfigError: If a key is missing or does not fit the others.
    """
    fields = Fields(values)
    joints = fields.texts('joints')
    acted = _acted(fields, joints)
    lower, upper = fields.number('action_limit_lower'), fields.number('action_limit_upper')
    action: dict[str, Any] = {
        'name': 0,
        'clip': [lower, upper],
        'scale': fields.number_or_numbers('action_scale', len(acted)),
        'offset': 'default',
    }
    subset = {} if acted == joints else {'joints': acted}
    action |= subset
    policy = fields.text('policy_checkpoint_path') if 'policy_checkpoint_path' in fields else ''
    result: dict[str, Any] = {
        'name': Path(policy).stem or path.stem,
        'period': fields.number('policy_dt'),
        'joints': joints,
        'default_position': fields.numbers('default_joint_positions', len(joints)),
        'stiffness': fields.numbers('joint_kp', len(joints)),
        'damping': fields.numbers('joint_kd', len(joints)),
        'outputs': {'action': action, 'mode': 'position'},
    }
    if 'effort_limits' in fields:
        result['limits'] = {'effort': fields.numbers('effort_limits', len(joints))}
    hints = dict(_HINTS)
    if 'history_length' in fields and fields.integer('history_length') > 0:
        hints['inputs'] = (
            f'history_length is {fields.integer("history_length")}: its training and its program '
            'for the robot order frames differently; describe the inputs in a file with --spec'
        )
    else:
        result['inputs'] = [{'name': 0, 'terms': _terms(fields, len(acted), subset)}]
    return SpecSource(name=str(path), values=result, hints=hints, keys=_KEYS)


def _acted(fields: Fields, joints: list[str]) -> list[str]:
    """Return the joints of the action in tensor order."""
    indices = fields.integers('action_indices')
    for index in indices:
        if index >= len(joints):
            raise ConfigError(
                f'action_indices has {index}, expected below {len(joints)}, the number of joints'
            )
    if len(set(indices)) != len(indices):
        raise ConfigError(f'action_indices is {indices}, expected each joint once')
    return [joints[index] for index in indices]


def _terms(
    fields: Fields, num_actions: int, subset: Mapping[str, list[str]]
) -> list[dict[str, Any]]:
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
