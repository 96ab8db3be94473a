# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Action terms of Isaac Lab's IO descriptors.

A processed action is ``raw * scale + offset``, then clipped: what is clipped is the target, and
the last action of the observation is the raw one.
"""

from __future__ import annotations

import math
from typing import Any

from distill_runtime.errors import ConfigError
from distill_runtime.spec.dialect import Fields
from distill_runtime.spec.mapping import shown

_MODES = {
    'JointPositionAction': 'position',
    'JointVelocityAction': 'velocity',
    'JointEffortAction': 'effort',
}


def action_outputs(content: Fields, joints: list[str]) -> dict[str, Any]:
    """Return our outputs: the action terms behind one another.

    Args:
        content: The whole descriptor.
        joints: Joint names in policy order.

    Raises:
        ConfigError: If a term is none that gives targets, or has other joints.
    """
    terms = content.any('actions')
    if not isinstance(terms, list) or not terms:
        raise ConfigError(f'actions is {shown(terms)}, expected a list of action terms')
    names: list[str] = []
    scale: list[float] = []
    offset: list[float] = []
    clip: list[list[float | None]] = []
    modes = dict.fromkeys(joints, 'position')
    for index, entry in enumerate(terms):
        term = Fields(entry, f'actions[{index}]')
        term_joints = term.texts('joint_names')
        for name in term_joints:
            if name not in modes:
                raise ConfigError(
                    f'{term.path("joint_names")} has {name!r}, expected names of {joints}'
                )
            modes[name] = _mode(term)
        names += term_joints
        scale += _spread(term, 'scale', len(term_joints))
        offset += _spread(term, 'offset', len(term_joints))
        unbounded: list[list[float | None]] = [[None, None]] * len(term_joints)
        clip += bound_pairs(term, 'clip', len(term_joints)) if 'clip' in term else unbounded
    action: dict[str, Any] = {'name': 0, 'scale': scale, 'offset': offset}
    if names != joints:
        action['joints'] = names
    if any(pair != [None, None] for pair in clip):
        action['target_clip'] = clip
    different = set(modes.values())
    return {
        'action': action,
        'mode': different.pop() if len(different) == 1 else [modes[name] for name in joints],
    }


def _mode(term: Fields) -> str:
    kind = term.text('full_path').rpartition('.')[2]
    if kind not in _MODES:
        raise ConfigError(
            f'{term.path("full_path")} ends in {kind!r}, expected one of {sorted(_MODES)}: only '
            'an action that is scaled and shifted becomes a target'
        )
    return _MODES[kind]


def _spread(term: Fields, key: str, width: int) -> list[float]:
    """Return one number per joint; what stands once per environment must be the same in all."""
    rows = term.any(key)
    if isinstance(rows, list) and rows and isinstance(rows[0], list):
        if any(row != rows[0] for row in rows):
            raise ConfigError(f'{term.path(key)} differs between environments, expected one row')
        return Fields({key: rows[0]}, term.where).numbers(key, width)
    value = term.number_or_numbers(key, width)
    return value if isinstance(value, list) else [value] * width


def bound_pairs(fields: Fields, key: str, width: int) -> list[list[float | None]]:
    """Return bounds per joint; infinity is none."""
    pairs = fields.any(key)
    if not isinstance(pairs, list) or len(pairs) != width:
        raise ConfigError(f'{fields.path(key)} is {shown(pairs)}, expected {width} pairs')
    result: list[list[float | None]] = []
    for index, pair in enumerate(pairs):
        if not isinstance(pair, list) or len(pair) != 2:
            raise ConfigError(f'{fields.path(key)}[{index}] is {shown(pair)}, expected a pair')
        where = f'{key}[{index}]'
        result.append(
            [
                None
                if isinstance(bound, float) and math.isinf(bound)
                else Fields({where: bound}, fields.where).number(where)
                for bound in pair
            ]
        )
    return result
