# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Derive the parameters of the textbook node from a loaded policy."""

from __future__ import annotations

import math

from distill_runtime.core.compiled_spec import CompiledSpec
from distill_runtime.errors import ConfigError
from distill_runtime.policy.model import LoadedPolicy
from distill_runtime.spec.term import Term
from distill_runtime.spec.terms import JointPosition
from textbook_node import SUPPORTED_TERMS


def textbook_parameters(
    policy: LoadedPolicy, compiled: CompiledSpec, max_joint_step: float
) -> dict[str, object]:
    """Return a policy as parameters of the textbook node.

    Raises:
        ConfigError: If the policy needs a feature that the textbook node lacks.
    """
    spec = policy.spec
    if len(spec.inputs) != 1 or spec.state or spec.outputs.action.choices is not None:
        raise ConfigError('it has several inputs, recurrent state or choices')
    if compiled.action.joints.tolist() != list(range(len(spec.joints))):
        raise ConfigError('it does not act on all joints in order')
    if set(spec.modes) != {'position'}:
        raise ConfigError('it has joints that are not position controlled')
    (entry,) = spec.inputs
    history = entry.history
    if history.steps is not None or history.order == 'newest_first':
        raise ConfigError('its history has steps, or the newest first')
    for term in entry.terms:
        _check_term(term)
    scales = {f'scale.{term.kind}': _floats(term.scale) for term in entry.terms}
    clip = spec.outputs.action.clip
    action_clip = (-math.inf, math.inf) if clip is None else clip
    if isinstance(action_clip[0], tuple):
        raise ConfigError('its action has a clip for each element')
    return {
        'model': str(policy.path),
        'output': policy.graph.outputs[0].name,
        'joint_names': list(spec.joints),
        'default_position': list(spec.default_position),
        'terms': [term.kind for term in entry.terms],
        **scales,
        'history_length': history.length or 1,
        'history_major': history.major or 'term',
        'history_fill': history.fill or 'first',
        'action_scale': compiled.action.scale.tolist(),
        'action_offset': compiled.action.offset.tolist(),
        'action_clip': [float(bound) for bound in action_clip],
        'lower': compiled.joints.lower.tolist(),
        'upper': compiled.joints.upper.tolist(),
        'max_joint_step': max_joint_step,
    }


def _check_term(term: Term) -> None:
    if term.kind not in SUPPORTED_TERMS:
        raise ConfigError(f'it has the term {term.kind}')
    changed = {
        name: getattr(term, name)
        for name in ('clip', 'history', 'joints', 'masked')
        if getattr(term, name, None)
    }
    if changed or (isinstance(term, JointPosition) and not term.relative):
        raise ConfigError(f'its term {term.kind} has {sorted(changed) or "absolute positions"}')
    if getattr(term, 'components', ('vx', 'vy', 'yaw')) != ('vx', 'vy', 'yaw'):
        raise ConfigError('its velocity command lacks components')


def _floats(scale: float | tuple[float, ...]) -> list[float]:
    return list(scale) if isinstance(scale, tuple) else [scale]
