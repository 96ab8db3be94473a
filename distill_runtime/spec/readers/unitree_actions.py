# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""The part `actions` of a Unitree deploy.yaml: position and velocity terms behind one another."""

from __future__ import annotations

from typing import Any

from distill_runtime.errors import ConfigError
from distill_runtime.spec.dialect import Fields

from .numbered_joints import NumberedJoints

_MODES = {'JointPositionAction': 'position', 'JointVelocityAction': 'velocity'}


def read_actions(actions: Fields, joints: NumberedJoints) -> dict[str, Any]:
    """Return our outputs.

    Args:
        actions: Value of the key actions, a term for each.
        joints: Those of the policy.

    Raises:
        ConfigError: If something is wrong.
        UnsuppliedError: If names are needed and not known.
    """
    kinds = list(actions)
    if not kinds or not set(kinds) <= set(_MODES):
        raise ConfigError(f'actions has {sorted(kinds)}, expected some of {sorted(_MODES)}')
    numbers = [joints.numbers(actions.mapping(kind)) for kind in kinds]
    acted = [number for part in numbers for number in part]
    if len(set(acted)) != len(acted):
        raise ConfigError(f'actions are of joints {acted}, expected each once')
    result: dict[str, Any] = {'name': 0, 'scale': [], 'offset': []}
    clips: list[list[float] | None] = []
    modes = ['position'] * joints.num_joints
    for kind, part in zip(kinds, numbers, strict=True):
        term = actions.mapping(kind)
        result['scale'] += _values(term, 'scale', len(part), 1.0)
        result['offset'] += _values(term, 'offset', len(part), 0.0)
        clips += _clips(term, len(part))
        for number in part:
            modes[number] = _MODES[kind]
    if any(clips):
        result['target_clip'] = [pair or [None, None] for pair in clips]
    subset = joints.subset(acted, 'actions')
    if subset is not None:
        result['joints'] = subset
    mode = modes[0] if len(set(modes)) == 1 else modes
    return {'action': result, 'mode': mode}


def _values(term: Fields, key: str, length: int, default: float) -> list[float]:
    """Return one number per joint; null is none at all."""
    if key not in term:
        return [default] * length
    values = term.number_or_numbers(key, length)
    return values if isinstance(values, list) else [values] * length


def _clips(term: Fields, length: int) -> list[list[float] | None]:
    """Return a pair per joint, or none."""
    if 'clip' not in term:
        return [None] * length
    pairs = term.any('clip')
    if not isinstance(pairs, list) or len(pairs) != length:
        raise ConfigError(f'{term.path("clip")} is of another form, expected {length} pairs')
    named = Fields({str(index): pair for index, pair in enumerate(pairs)}, term.path('clip'))
    return [named.pair(str(index)) for index in range(length)]
