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
from distill_runtime.spec.dialect import Fields, FileDialect, ModelContext
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
_NO_COMMAND = (
    'policy.json of mjswan has no command ranges: give command: {lower: [vx, vy, yaw], upper: '
    '[vx, vy, yaw]} of the training in a file with --spec'
)


def is_mjswan(values: Mapping[str, Any]) -> bool:
    """Whether the content of a file is of this dialect."""
    return {'policy_joint_names', 'obs_config'} <= set(values)


def read_mjswan(values: Mapping[str, Any], path: Path, context: ModelContext) -> SpecSource:
    """Convert the content of a policy.json to a SpecSource.

    Raises:
        ConfigError: If a key is unknown or does not fit the others.
    """
    content = Fields(values)
    names = content.texts('policy_joint_names')
    control = content.text('control_type') if 'control_type' in content else 'joint_position'
    if control != 'joint_position':
        raise ConfigError(f"control_type is {control!r}, expected 'joint_position'")
    for key in ('encoder_bias', 'use_default_offset'):
        if key in content:
            raise ConfigError(f'{key} is given, expected none: it shifts the targets')
    meta = _meta(content)
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
            gain = content.number_or_numbers(key, len(names))
            result[key] = gain if isinstance(gain, list) else [gain] * len(names)
    hints = {'period': _NO_PERIOD, 'command': _NO_COMMAND}
    try:
        result['inputs'] = _inputs(content.mapping('obs_config'), meta, names)
    except _UnknownInputError as error:
        hints['inputs'] = f'{error}: {_BY_HAND}'
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


class _UnknownInputError(ConfigError):
    """The file does not determine an input."""


def _without_robot(names: list[str]) -> list[str]:
    """Remove the prefix of the robot in the scene if all joints have the same."""
    prefixes = {name.rpartition('/')[0] for name in names}
    return [name.rpartition('/')[2] for name in names] if len(prefixes) == 1 else names


def _meta(content: Fields) -> Fields:
    if 'onnx' not in content:
        return Fields({}, 'onnx.meta')
    onnx = content.mapping('onnx')
    return onnx.mapping('meta') if 'meta' in onnx else Fields({}, 'onnx.meta')


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
            raise _UnknownInputError(f'inputs {unknown} of the graph are not in obs_config')
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
    components = config.any(key)
    if isinstance(components, Mapping):
        group = config.mapping(key)
        _refuse_frames(group)
        components = group.any('components')
    if not isinstance(components, list) or not components:
        raise ConfigError(
            f'{config.path(key)} is {shown(components)}, expected a list of components'
        )
    return [
        Fields(component, f'{config.path(key)}[{index}]')
        for index, component in enumerate(components)
    ]


def _refuse_frames(fields: Fields) -> None:
    steps = fields.any('history_steps') if 'history_steps' in fields else 1
    if steps not in (0, 1, [0]):
        raise _UnknownInputError(
            f'{fields.path("history_steps")} is {shown(steps)}: mjswan wrote the newest frame '
            'first in some versions and last in others'
        )


def _term(component: Fields, names: list[str]) -> dict[str, Any]:
    name = component.text('name')
    if name not in _TERMS:
        raise _UnknownInputError(
            f'{component.where} is {name!r}, which is none of {sorted(_TERMS)}'
        )
    _refuse_frames(component)
    if component.flag('world_frame'):
        raise _UnknownInputError(
            f'{component.path("world_frame")} is true, and no term is in that frame'
        )
    term = dict(_TERMS[name])
    if term['term'] == 'joint_position':
        if 'pos_steps' in component and component.integers('pos_steps') != [0]:
            raise _UnknownInputError(
                f'{component.path("pos_steps")} has other frames than the newest'
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
    matches=is_mjswan,
    read=read_mjswan,
)
