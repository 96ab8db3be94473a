# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""The part `observations` of a Unitree deploy.yaml: terms, groups of them, and their flags.

Each term has its own history, oldest first, filled with the first observation; with
`use_gym_history` whole frames lie behind one another instead. A file may hold one group or, by
name, one for each input of the network.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from distill_runtime.errors import ConfigError
from distill_runtime.spec.dialect import Fields, TensorShape

from .numbered_joints import NumberedJoints
from .unsupplied import explain, UnsuppliedError

TERMS: dict[str, dict[str, object]] = {
    'base_lin_vel': {'term': 'base_linear_velocity'},
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
_FLAGS = ('scale_first', 'use_gym_history')
_KEYS = {'params', 'clip', 'scale', 'history_length', 'flatten_history_dim'}
_KNOWN = sorted([*TERMS, 'gait_phase'])


def read_observations(
    values: Mapping[str, Any], joints: NumberedJoints, graph: tuple[TensorShape, ...]
) -> list[dict[str, Any]]:
    """Return our inputs.

    Args:
        values: Value of the key observations.
        joints: Those of the policy.
        graph: Inputs of the network; none where no model was opened.

    Raises:
        ConfigError: If something is wrong.
        UnsuppliedError: If there is an observation that we have no term for.
    """
    observations = Fields(values, 'observations')
    flags = {flag: observations.flag(flag) for flag in _FLAGS}
    names = [name for name in observations if name not in _FLAGS]
    if not names:
        raise ConfigError('observations is empty, expected at least one')
    if not any(_is_group(name, observations.any(name)) for name in names):
        return [{'name': 0, **_tensor(observations, names, flags, joints)}]
    groups = [observations.mapping(name) for name in names]
    for group in groups:
        # the runtime has one such flag for all groups
        flags['use_gym_history'] |= group.flag('use_gym_history')
    inputs = []
    for name, group in zip(names, groups, strict=True):
        group_flags = {**flags, 'scale_first': flags['scale_first'] or group.flag('scale_first')}
        terms = [term for term in group if term not in _FLAGS]
        inputs.append(
            {'name': _input(name, names, graph), **_tensor(group, terms, group_flags, joints)}
        )
    return inputs


def _is_group(name: str, value: object) -> bool:
    """Whether an entry is a group of terms and no term."""
    if name in _KNOWN or not isinstance(value, Mapping) or _KEYS & set(value):
        return False
    return any(isinstance(item, Mapping) for item in value.values())


def _input(name: str, groups: list[str], graph: tuple[TensorShape, ...]) -> str | int:
    """Find the input of a group: by its name, or the only one of the only group."""
    inputs = [tensor.name for tensor in graph]
    if not inputs or name in inputs:
        return name
    if len(inputs) == len(groups) == 1:
        return 0
    raise ConfigError(
        f'observations.{name} is a group for an input of that name, expected names of inputs of '
        f'the network, {inputs}: rename the groups'
    )


def _tensor(
    group: Fields, names: list[str], flags: Mapping[str, bool], joints: NumberedJoints
) -> dict[str, Any]:
    """Return terms and history of one tensor."""
    if not names:
        raise ConfigError(f'{group.where} is empty, expected at least one term')
    terms = [_term(group, name, flags['scale_first'], joints) for name in names]
    lengths = [_history_length(group.mapping(name)) for name in names]
    longest = max(lengths)
    if longest == 1:
        return {'terms': terms, 'history': {'length': 1}}
    if flags['use_gym_history'] and min(lengths) != longest:
        raise ConfigError(
            f'{group.where} has use_gym_history and history_length of {lengths}, expected the '
            'same for all terms'
        )
    for term, length in zip(terms, lengths, strict=True):
        if length != longest:
            term['history'] = {'length': length}
    major = 'frame' if flags['use_gym_history'] else 'term'
    history = {'length': longest, 'major': major, 'order': 'oldest_first', 'fill': 'first'}
    return {'terms': terms, 'history': history}


def _term(group: Fields, name: str, scale_first: bool, joints: NumberedJoints) -> dict[str, Any]:
    entry = group.mapping(name)
    if name not in _KNOWN:
        raise UnsuppliedError(explain(entry.where, name, _KNOWN))
    for key in entry:
        if key not in _KEYS:
            raise ConfigError(f'{entry.path(key)} is unknown, expected one of {sorted(_KEYS)}')
    params = entry.mapping('params') if 'params' in entry else Fields({}, entry.path('params'))
    term = _gait_phase(params) if name == 'gait_phase' else dict(TERMS[name])
    if str(term['term']).startswith('joint_'):
        subset = _subset(params, joints)
        if subset is not None:
            term['joints'] = subset
    if 'scale' in entry:
        term['scale'] = entry.number_or_numbers('scale')
    if 'clip' in entry:
        term['clip'] = entry.pair('clip')
        term['order'] = 'scale_then_clip' if scale_first else 'clip_then_scale'
    return term


def _gait_phase(params: Fields) -> dict[str, Any]:
    """Return the clock as it was trained with: sine, then cosine, of a phase that starts at 0."""
    period = params.number('period')
    if not period > 0.0:
        raise ConfigError(f'{params.path("period")} is {period} s, expected above 0 s')
    return {
        'term': 'gait_phase',
        'frequency': 1.0 / period,
        'offsets': [0.0],
        'components': ['sin', 'cos'],
        'advance': 'after',
    }


def _subset(params: Fields, joints: NumberedJoints) -> list[str] | None:
    """Return the joints that a term is of; None: all."""
    if 'asset_cfg' not in params:
        return None
    asset = params.mapping('asset_cfg')
    return joints.subset(joints.numbers(asset), asset.path('joint_ids'))


def _history_length(entry: Fields) -> int:
    """Return the number of frames; none given, or 0, is the newest alone."""
    return max(1, entry.integer('history_length')) if 'history_length' in entry else 1
