# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""IO descriptors of Isaac Lab: joints, gains, limits, policy period, actions and observations.

Joints are in the order of the articulation, which is that of the policy. An action is
``raw * scale + offset``, then clipped: the clip bounds the target, and the last action observed is
the raw one. An observation term is clipped, then scaled; each has its own history, oldest first,
filled with the first observation.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
import math
from pathlib import Path
from typing import Any

from distill_runtime.errors import ConfigError
from distill_runtime.spec.dialect import (
    Fields,
    FileDialect,
    has_keys,
    hinted,
    ISAAC_LAB_TERMS,
    merged_history,
    ModelContext,
    no_command,
    UnsuppliedError,
)
from distill_runtime.spec.mapping import shown
from distill_runtime.spec.sources import SpecSource

_NO_GAINS = (
    'the descriptor has {joints} with stiffness and damping 0: Isaac Lab writes that for explicit '
    'actuators, whose gains are in the configuration of the robot. Give stiffness and damping in '
    'a file with --spec'
)
_MODES = {
    'JointPositionAction': 'position',
    'JointVelocityAction': 'velocity',
    'JointEffortAction': 'effort',
}
_TERMS = {
    **ISAAC_LAB_TERMS,
    'generated_commands': {'term': 'velocity_command'},
}
_GROUPS = ('policy', 'actor')


def _read(values: Mapping[str, Any], path: Path, context: ModelContext) -> SpecSource:
    content = Fields(values)
    robot = _robot(content.mapping('articulations'))
    joints = robot.texts('joint_names')
    default = robot.numbers('default_joint_pos', len(joints))
    outputs = _outputs(content, joints)
    result: dict[str, Any] = {
        # of the file, without the exporter's default name
        'name': path.stem.removesuffix('IO_descriptors').rstrip('_') or context.model.stem,
        'period': _period(content.mapping('scene')),
        'joints': joints,
        'default_position': default,
        'outputs': outputs,
    }
    hints = {'command': no_command('IO descriptors have')}
    if 'default_joint_pos_limits' in robot:
        bounds = robot.pairs('default_joint_pos_limits', len(joints), open_sides=True)
        result['limits'] = {'position': bounds}
    gains = {
        gain: robot.numbers(f'default_joint_{gain}', len(joints))
        if f'default_joint_{gain}' in robot
        else [0.0] * len(joints)
        for gain in ('stiffness', 'damping')
    }
    without = [name for name, *pair in zip(joints, *gains.values(), strict=True) if not any(pair)]
    if without:
        names = 'all joints' if len(without) == len(joints) else shown(without)
        hints['stiffness'] = hints['damping'] = _NO_GAINS.format(joints=names)
    else:
        result |= gains
    with hinted(hints, 'inputs'):
        act_dim = len(outputs['action']['scale'])
        pose = dict(zip(joints, default, strict=True))
        result['inputs'] = [_input(content.mapping('observations'), pose, act_dim)]
    return SpecSource(
        name=str(path),
        values=result,
        hints=hints,
        keys={
            'period': 'scene.dt',
            'joints': robot.path('joint_names'),
            'default_position': robot.path('default_joint_pos'),
            'stiffness': robot.path('default_joint_stiffness'),
            'damping': robot.path('default_joint_damping'),
            'limits.position': robot.path('default_joint_pos_limits'),
            'inputs': 'observations',
        },
    )


def _robot(articulations: Fields) -> Fields:
    names = list(articulations)
    if 'robot' in articulations:
        return articulations.mapping('robot')
    if len(names) == 1:
        return articulations.mapping(names[0])
    raise ConfigError(f'articulations has {names}, expected one called robot, or one alone')


def _period(scene: Fields) -> float:
    """Return the time between policy steps; the physics steps must add up to it."""
    period = scene.number('dt')
    if 'physics_dt' in scene and 'decimation' in scene:
        product = scene.number('physics_dt') * scene.integer('decimation')
        if not math.isclose(product, period, rel_tol=1e-6):
            raise ConfigError(
                f'scene.dt is {period} s, expected physics_dt * decimation = {product:g} s'
            )
    return period


def _outputs(content: Fields, joints: list[str]) -> dict[str, Any]:
    """Return the outputs: all action terms, concatenated."""
    names: list[str] = []
    scale: list[float] = []
    offset: list[float] = []
    clip: list[list[float | None]] = []
    modes = dict.fromkeys(joints, 'position')
    for term in content.mappings('actions', 'action terms'):
        term_joints = _joint_names(term, joints)
        modes |= dict.fromkeys(term_joints, _mode(term))
        names += term_joints
        scale += _spread(term, 'scale', len(term_joints))
        offset += _spread(term, 'offset', len(term_joints))
        unbounded: list[list[float | None]] = [[None, None]] * len(term_joints)
        clip += (
            term.pairs('clip', len(term_joints), open_sides=True) if 'clip' in term else unbounded
        )
    action: dict[str, Any] = {'name': 0, 'scale': scale, 'offset': offset}
    if names != joints:
        action['joints'] = names
    if any(pair != [None, None] for pair in clip):
        action['target_clip'] = clip
    every = list(modes.values())
    return {'action': action, 'mode': every[0] if len(set(every)) == 1 else every}


def _joint_names(term: Fields, joints: Collection[str]) -> list[str]:
    names = term.texts('joint_names')
    for name in names:
        if name not in joints:
            raise ConfigError(
                f'{term.path("joint_names")} has {name!r}, expected names of {list(joints)}'
            )
    return names


def _mode(term: Fields) -> str:
    kind = term.text('full_path').rpartition('.')[2]
    if kind not in _MODES:
        raise ConfigError(
            f'{term.path("full_path")} ends in {kind!r}, expected one of {sorted(_MODES)}: only '
            'an action that is scaled and shifted becomes a target'
        )
    return _MODES[kind]


def _spread(term: Fields, key: str, width: int) -> list[float]:
    """Return one number per joint; rows of several environments must be the same."""
    rows = term.any(key)
    if isinstance(rows, list) and rows and isinstance(rows[0], list):
        if any(row != rows[0] for row in rows):
            raise ConfigError(f'{term.path(key)} differs between environments, expected one row')
        term = Fields({key: rows[0]}, term.where)
    return term.spread(key, width)


def _input(observations: Fields, default: dict[str, float], act_dim: int) -> dict[str, Any]:
    """Return the one input tensor.

    Args:
        observations: The groups of the descriptor.
        default: Default position of each joint, in [rad], in policy order.
        act_dim: Width of the action.
    """
    group = next((name for name in _GROUPS if name in observations), None)
    if group is None:
        raise ConfigError(f'observations has {list(observations)}, expected the group policy')
    terms: list[dict[str, Any]] = []
    lengths: list[int] = []
    for fields in observations.mappings(group, 'terms'):
        name = fields.text('name')
        if name not in _TERMS:
            raise UnsuppliedError(
                f'{fields.where} is {name!r}, which is none of {sorted(_TERMS)}: describe all '
                'inputs in a file with --spec; for a topic use a term external'
            )
        if name == 'generated_commands' and fields.numbers('shape') != [3]:
            raise UnsuppliedError(
                f'{fields.where} is a command of shape {fields.numbers("shape")}, not a velocity '
                'command of 3 elements: describe all inputs in a file with --spec'
            )
        terms.append(_term(fields, name, act_dim, default))
        lengths.append(_history_length(fields.mapping('overloads', {})))
    return {'name': 0, 'terms': terms, 'history': merged_history(terms, lengths)}


def _term(fields: Fields, name: str, act_dim: int, default: dict[str, float]) -> dict[str, Any]:
    term = dict(_TERMS[name])
    if 'modifiers' in fields.mapping('extras', {}):
        raise ConfigError(f'{fields.path("extras.modifiers")} is given, expected none')
    joints = list(default)
    width = act_dim if name == 'last_action' else 3
    if name.startswith('joint_'):
        term_joints = _joint_names(fields, joints) if 'joint_names' in fields else joints
        if term_joints != joints:
            term['joints'] = term_joints
        _check_offsets(fields, name, term_joints, default)
        width = len(term_joints)
    if 'shape' in fields and fields.numbers('shape') != [width]:
        raise ConfigError(
            f'{fields.path("shape")} is {fields.numbers("shape")}, expected [{width}]'
        )
    overloads = fields.mapping('overloads', {})
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


def _history_length(overloads: Fields) -> int:
    """Return the number of frames; missing or 0 means only the newest."""
    length = overloads.integer('history_length', 0)
    if length and not overloads.flag('flatten_history_dim', default=True):
        raise ConfigError(
            f'{overloads.path("flatten_history_dim")} is false, expected true: the input of a '
            'network is flat'
        )
    return max(1, length)


ISAAC_IO = FileDialect(
    name='IO descriptor of Isaac Lab',
    files=('*IO_descriptors.yaml', 'io_descriptors/*.yaml', '../io_descriptors/*.yaml'),
    matches=has_keys('actions', 'articulations', 'observations', 'scene'),
    read=_read,
)
