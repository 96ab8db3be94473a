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
from distill_runtime.spec.dialect import (
    Fields,
    FileDialect,
    has_keys,
    hinted,
    ModelContext,
    no_command,
    UnsuppliedError,
)
from distill_runtime.spec.sources import SpecSource

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
_NO_NAMES = 'the file has no names of joints: give joints, in its order, in a file with --spec'


def _read(values: Mapping[str, Any], path: Path, context: ModelContext) -> SpecSource:
    fields = Fields(values)
    pose = fields.numbers('default_joint_positions')
    names = fields.texts('joints', len(pose)) if 'joints' in fields else None
    acted = fields.joint_numbers('action_indices', len(pose))
    action: dict[str, Any] = {
        'name': 0,
        'clip': [fields.number('action_limit_lower'), fields.number('action_limit_upper')],
        'scale': fields.number_or_numbers('action_scale', len(acted)),
        'offset': 'default',
    }
    result: dict[str, Any] = {
        'name': Path(fields.text('policy_checkpoint_path', '')).stem or path.stem,
        'period': fields.number('policy_dt'),
        'default_position': pose,
        'stiffness': fields.spread('joint_kp', len(pose)),
        'damping': fields.spread('joint_kd', len(pose)),
        'outputs': {'action': action, 'mode': 'position'},
    }
    if names is not None:
        result['joints'] = names
    if 'effort_limits' in fields:
        result['limits'] = {'effort': fields.spread('effort_limits', len(pose))}
    hints = {'command': no_command('the file has'), 'joints': _NO_NAMES}
    with hinted(hints, 'inputs'):
        subset = {}
        if acted != list(range(len(pose))):
            if names is None:
                raise UnsuppliedError(
                    f'action_indices has {len(acted)} of {len(pose)} joints, whose names the file '
                    'does not have: describe inputs and outputs.action in a file with --spec'
                )
            subset = {'joints': [names[index] for index in acted]}
        action |= subset
        result['inputs'] = [{'name': 0, 'terms': _terms(fields, len(acted), subset)}]
    return SpecSource(name=str(path), values=result, hints=hints, keys=_KEYS)


def _terms(
    fields: Fields, num_actions: int, subset: Mapping[str, list[str]]
) -> list[dict[str, Any]]:
    if (length := fields.integer('history_length', 0)) > 0:
        raise UnsuppliedError(
            f'history_length is {length}: its training and its program '
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
    matches=has_keys('policy_dt', 'joint_kp', 'default_joint_positions', 'action_indices'),
    read=_read,
)
