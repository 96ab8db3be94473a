# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Observations of rl_sar: whole frames, scaled, then clipped, over which a list of ages goes."""

from __future__ import annotations

from typing import Any

from distill_runtime.errors import ConfigError
from distill_runtime.spec.dialect import Fields

from .unsupplied import explain, UnsuppliedError

_KNOWN = ('lin_vel', 'ang_vel', 'gravity_vec', 'commands', 'dof_pos', 'dof_vel', 'actions')
_JOINT_TERMS = ('joint_position', 'joint_velocity', 'last_action')
_MAJOR = {'time': 'frame', 'term': 'term'}


def read_observations(config: Fields, joints: list[str], wheels: list[int]) -> dict[str, Any]:
    """Return our input.

    Args:
        config: Keys of the policy.
        joints: Names in policy order.
        wheels: Those among them whose positions say nothing.

    Raises:
        ConfigError: If a key is missing or wrong.
        UnsuppliedError: If there is an observation that we have no term for.
    """
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
    if name == 'lin_vel':
        return {'term': 'base_linear_velocity', 'scale': config.number('lin_vel_scale')}
    if name == 'ang_vel':
        return {'term': 'base_angular_velocity', 'scale': config.number('ang_vel_scale')}
    if name == 'gravity_vec':
        return {'term': 'projected_gravity'}
    if name == 'commands':
        return {'term': 'velocity_command', 'scale': config.numbers('commands_scale', 3)}
    if name == 'dof_pos':
        return {
            'term': 'joint_position',
            'relative': True,
            'scale': config.number('dof_pos_scale'),
            'masked': [joints[wheel] for wheel in wheels],
        }
    if name == 'dof_vel':
        return {'term': 'joint_velocity', 'scale': config.number('dof_vel_scale')}
    if name == 'actions':
        return {'term': 'last_action'}
    plain = name.rpartition('/')[2]
    raise UnsuppliedError(explain(f'observations: {name}', plain, list(_KNOWN)))


def _history(config: Fields) -> dict[str, Any]:
    """Return the ages of the frames in the order of the tensor; an empty list is no history."""
    steps = config.integers('observations_history') if 'observations_history' in config else []
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
