# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""policy.json of mjswan, which runs policies in a browser.

``onnx.meta`` names the graph's tensors by position: ``in_keys[i]`` is what ``obs_config`` calls
the i-th input, and the output of the key ``action`` is the action. Names of joints may have the
name of the robot in the scene as a prefix.

History is not read: versions of mjswan order its frames differently, and the file does not say
which version wrote it.
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
from distill_runtime.spec.mapping import shown
from distill_runtime.spec.sources import SpecSource

_TERMS: dict[str, dict[str, Any]] = {
    'BaseLinearVelocity': {'term': 'base_linear_velocity'},
    'BaseAngularVelocity': {'term': 'base_angular_velocity'},
    'ProjectedGravity': {'term': 'projected_gravity'},
    'ProjectedGravityB': {'term': 'projected_gravity'},
    'JointPos': {'term': 'joint_position'},
    'JointPositions': {'term': 'joint_position'},
    'JointVelocities': {'term': 'joint_velocity'},
    'PrevActions': {'term': 'last_action'},
    'PreviousActions': {'term': 'last_action'},
    'SimpleVelocityCommand': {'term': 'velocity_command'},
}
_BY_HAND = 'describe all inputs in a file with --spec'
_NO_PERIOD = (
    'policy.json of mjswan has no policy period, it is that of the scene: give period, in s, in a '
    'file with --spec'
)


def _read(values: Mapping[str, Any], path: Path, context: ModelContext) -> SpecSource:
    content = Fields(values)
    names = content.texts('policy_joint_names')
    control = content.text('control_type', 'joint_position')
    if control != 'joint_position':
        raise ConfigError(f"control_type is {control!r}, expected 'joint_position'")
    for key in ('encoder_bias', 'use_default_offset'):
        if key in content:
            raise ConfigError(f'{key} is given, expected none: it shifts the targets')
    meta = content.mapping('onnx', {}).mapping('meta', {})
    result: dict[str, Any] = {
        'name': context.model.stem if path.stem in ('mjswan', 'policy') else path.stem,
        'joints': _without_robot(names),
        'default_position': content.numbers('default_joint_pos', len(names)),
        'outputs': {
            'action': {
                'name': _action_position(meta),
                'scale': content.number_or_numbers('action_scale', len(names)),
                'offset': 'default',
            }
        },
    }
    for key in ('stiffness', 'damping'):
        if key in content:
            result[key] = content.spread(key, len(names))
    hints = {'period': _NO_PERIOD, 'command': no_command('policy.json of mjswan has')}
    with hinted(hints, 'inputs'):
        result['inputs'] = _inputs(content.mapping('obs_config'), meta, names)
    return SpecSource(
        name=str(path),
        values=result,
        hints=hints,
        keys={
            'joints': 'policy_joint_names',
            'default_position': 'default_joint_pos',
            'inputs': 'obs_config',
            'outputs.action.scale': 'action_scale',
            'outputs.action.name': 'onnx.meta.out_keys',
        },
    )


def _without_robot(names: list[str]) -> list[str]:
    """Remove the prefix of the robot in the scene if all joints have the same."""
    prefixes = {name.rpartition('/')[0] for name in names}
    return [name.rpartition('/')[2] for name in names] if len(prefixes) == 1 else names


def _action_position(meta: Fields) -> int:
    if 'out_keys' not in meta:
        return 0
    keys = meta.any('out_keys')
    if not isinstance(keys, list) or keys.count('action') != 1:
        raise ConfigError(f"{meta.path('out_keys')} is {shown(keys)}, expected 'action' once")
    return keys.index('action')


def _inputs(config: Fields, meta: Fields, names: list[str]) -> list[dict[str, Any]]:
    keys = meta.texts('in_keys') if 'in_keys' in meta else list(config)
    if sorted(keys) != sorted(config):
        unknown = [key for key in keys if key not in config]
        if unknown:
            raise UnsuppliedError(
                f'inputs {unknown} of the graph are not in obs_config: {_BY_HAND}'
            )
        raise ConfigError(f'obs_config has {list(config)}, expected {keys}, those of in_keys')
    return [
        {
            'name': index,
            'terms': [_term(component, names) for component in _components(config, key)],
        }
        for index, key in enumerate(keys)
    ]


def _components(config: Fields, key: str) -> list[Fields]:
    """Return the terms of a tensor, which may have frames."""
    if isinstance(config.any(key), Mapping):
        config, key = config.mapping(key), 'components'
        _refuse_frames(config)
    return config.mappings(key, 'components')


def _refuse_frames(fields: Fields) -> None:
    steps = fields.any('history_steps', 1)
    if steps not in (0, 1, [0]):
        raise UnsuppliedError(
            f'{fields.path("history_steps")} is {shown(steps)}: mjswan wrote the newest frame '
            f'first in some versions and last in others: {_BY_HAND}'
        )


def _term(component: Fields, names: list[str]) -> dict[str, Any]:
    name = component.text('name')
    if name not in _TERMS:
        raise UnsuppliedError(
            f'{component.where} is {name!r}, which is none of {sorted(_TERMS)}: {_BY_HAND}'
        )
    _refuse_frames(component)
    if component.flag('world_frame'):
        raise UnsuppliedError(
            f'{component.path("world_frame")} is true, and no term is in that frame: {_BY_HAND}'
        )
    term = dict(_TERMS[name])
    if term['term'] == 'joint_position':
        if component.integers('pos_steps', default=[0]) != [0]:
            raise UnsuppliedError(
                f'{component.path("pos_steps")} has other frames than the newest: {_BY_HAND}'
            )
        term['relative'] = component.flag('subtract_default')
    if 'joint_names' in component and component.any('joint_names') != 'isaac':
        term_joints = component.texts('joint_names')
        if term_joints != names:
            term['joints'] = _without_robot(term_joints)
    if 'scale' in component:
        term['scale'] = component.number_or_numbers('scale')
    return term


MJSWAN = FileDialect(
    name='policy.json of mjswan',
    files=('{stem}.json', 'mjswan.json', 'policy.json'),
    matches=has_keys('policy_joint_names', 'obs_config'),
    read=_read,
)
