# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Observation terms of Isaac Lab's IO descriptors.

A term is clipped, then scaled. Each has a history of its own, oldest first, filled with the first
observation. Joint positions may lack an offset only where they are absolute.
"""

from __future__ import annotations

import math
from typing import Any

from distill_runtime.errors import ConfigError
from distill_runtime.spec.dialect import Fields
from distill_runtime.spec.mapping import shown

_TERMS: dict[str, dict[str, Any]] = {
    'base_lin_vel': {'term': 'base_linear_velocity'},
    'base_ang_vel': {'term': 'base_angular_velocity'},
    'projected_gravity': {'term': 'projected_gravity'},
    'generated_commands': {'term': 'velocity_command'},
    'joint_pos': {'term': 'joint_position', 'relative': False},
    'joint_pos_rel': {'term': 'joint_position', 'relative': True},
    'joint_vel': {'term': 'joint_velocity'},
    'joint_vel_rel': {'term': 'joint_velocity'},
    'last_action': {'term': 'last_action'},
}
_GROUPS = ('policy', 'actor')


def observation_input(
    observations: Fields, joints: list[str], default: list[float], act_dim: int
) -> tuple[dict[str, Any], str]:
    """Return the one input tensor, and '' or how to supply it where it cannot be told.

    Args:
        observations: The groups of the descriptor.
        joints: Joint names in policy order.
        default: Default position, in [rad], one per joint.
        act_dim: Width of the action.

    Raises:
        ConfigError: If a term does not fit the joints or its own shape.
    """
    group = next((name for name in _GROUPS if name in observations), None)
    if group is None:
        raise ConfigError(f'observations has {list(observations)}, expected the group policy')
    entries = observations.any(group)
    if not isinstance(entries, list) or not entries:
        raise ConfigError(f'observations.{group} is {shown(entries)}, expected a list of terms')
    terms: list[dict[str, Any]] = []
    lengths: list[int] = []
    for index, entry in enumerate(entries):
        fields = Fields(entry, f'observations.{group}[{index}]')
        name = fields.text('name')
        if name not in _TERMS:
            return {}, (
                f'{fields.where} is {name!r}, which is none of {sorted(_TERMS)}: describe all '
                'inputs in a file with --spec; what a topic gives is a term external'
            )
        if name == 'generated_commands' and fields.numbers('shape') != [3]:
            return {}, (
                f'{fields.where} is a command of shape {fields.numbers("shape")}, not a velocity '
                'command of 3 elements: describe all inputs in a file with --spec'
            )
        terms.append(_term(fields, name, act_dim, dict(zip(joints, default, strict=True))))
        lengths.append(_history_length(fields))
    history: dict[str, Any] = {'length': max(lengths)}
    if history['length'] > 1:
        history |= {'major': 'term', 'order': 'oldest_first', 'fill': 'first'}
    for term, length in zip(terms, lengths, strict=True):
        if length != history['length']:
            term['history'] = {'length': length}
    return {'name': 0, 'terms': terms, 'history': history}, ''


def _term(fields: Fields, name: str, act_dim: int, default: dict[str, float]) -> dict[str, Any]:
    term = dict(_TERMS[name])
    if 'extras' in fields and 'modifiers' in fields.mapping('extras'):
        raise ConfigError(f'{fields.path("extras.modifiers")} is given, expected none')
    joints = list(default)
    width = act_dim if name == 'last_action' else 3
    if name.startswith('joint_'):
        term_joints = fields.texts('joint_names') if 'joint_names' in fields else joints
        for joint in term_joints:
            if joint not in default:
                raise ConfigError(
                    f'{fields.path("joint_names")} has {joint!r}, expected names of {joints}'
                )
        if term_joints != joints:
            term['joints'] = term_joints
        _check_offsets(fields, name, term_joints, default)
        width = len(term_joints)
    if 'shape' in fields and fields.numbers('shape') != [width]:
        raise ConfigError(
            f'{fields.path("shape")} is {fields.numbers("shape")}, expected [{width}]'
        )
    if 'overloads' not in fields:
        return term
    overloads = fields.mapping('overloads')
    if 'scale' in overloads:
        term['scale'] = overloads.number_or_numbers('scale')
    if 'clip' in overloads:
        term['clip'] = overloads.pair('clip')
        term['order'] = 'clip_then_scale'
    return term


def _check_offsets(
    fields: Fields, name: str, term_joints: list[str], default: dict[str, float]
) -> None:
    """Refuse offsets other than the default pose, and velocities other than zero."""
    for key, expected in (
        ('joint_pos_offsets', [default[joint] for joint in term_joints]),
        ('joint_vel_offsets', [0.0] * len(term_joints)),
    ):
        if key not in fields or not name.endswith('_rel'):
            continue
        for joint, offset, value in zip(
            term_joints, fields.numbers(key, len(term_joints)), expected, strict=True
        ):
            if not math.isclose(offset, value, rel_tol=1e-6, abs_tol=1e-6):
                what = 'its default position' if key == 'joint_pos_offsets' else 'none'
                raise ConfigError(
                    f'{fields.path(key)} of {joint} is {offset:g}, expected {value:g}, {what}: no '
                    'term subtracts anything else'
                )


def _history_length(fields: Fields) -> int:
    """Return the number of frames; none given, or 0, is the newest alone."""
    if 'overloads' not in fields:
        return 1
    overloads = fields.mapping('overloads')
    length = overloads.integer('history_length') if 'history_length' in overloads else 0
    if length and 'flatten_history_dim' in overloads and not overloads.flag('flatten_history_dim'):
        raise ConfigError(
            f'{overloads.path("flatten_history_dim")} is false, expected true: the input of a '
            'network is flat'
        )
    return max(1, length)
