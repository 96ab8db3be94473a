# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""IO descriptors of Isaac Lab: joints, gains, limits, policy period, actions and observations.

Joints are in the order of the articulation, which is that of the policy. An action is
``raw * scale + offset``, then clipped: the clip bounds the target, and the last action observed is
the raw one. An observation term is clipped, then scaled; each has its own history, oldest first,
filled with the first observation.
"""

from __future__ import annotations

from collections.abc import Mapping
import math
from pathlib import Path
from typing import Any

from distill_runtime.errors import ConfigError
from distill_runtime.spec.dialect import Fields, FileDialect, ModelContext
from distill_runtime.spec.mapping import shown
from distill_runtime.spec.sources import SpecSource

_NO_GAINS = (
    'the descriptor has {joints} with stiffness and damping 0: Isaac Lab writes that for explicit '
    'actuators, whose gains are in the configuration of the robot. Give stiffness and damping in '
    'a file with --spec'
)
_NO_COMMAND = (
    'IO descriptors have no command ranges: give command: {lower: [vx, vy, yaw], upper: [vx, vy, '
    'yaw]} of the training in a file with --spec'
)
_MODES = {
    'JointPositionAction': 'position',
    'JointVelocityAction': 'velocity',
    'JointEffortAction': 'effort',
}
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


def is_isaac_io(values: Mapping[str, Any]) -> bool:
    """Whether the content of a file is of this dialect."""
    return {'actions', 'articulations', 'observations', 'scene'} <= set(values)


def read_isaac_io(values: Mapping[str, Any], path: Path, context: ModelContext) -> SpecSource:
    """Convert the content of a descriptor to a SpecSource.

    Raises:
        ConfigError: If a key is unknown or does not fit the others.
    """
    content = Fields(values)
    robot = _robot(content.mapping('articulations'))
    joints = robot.texts('joint_names')
    default = robot.numbers('default_joint_pos', len(joints))
    outputs = action_outputs(content, joints)
    result: dict[str, Any] = {
        'name': _policy_name(path, context),
        'period': _period(content.mapping('scene')),
        'joints': joints,
        'default_position': default,
        'outputs': outputs,
    }
    hints = {'command': _NO_COMMAND}
    if 'default_joint_pos_limits' in robot:
        result['limits'] = {
            'position': bound_pairs(robot, 'default_joint_pos_limits', len(joints))
        }
    without = _joints_without_gains(robot, joints)
    if without:
        names = 'all joints' if len(without) == len(joints) else shown(without)
        hints['stiffness'] = hints['damping'] = _NO_GAINS.format(joints=names)
    else:
        for ours, theirs in (('stiffness', 'default_joint_stiffness'),
                             ('damping', 'default_joint_damping')):  # fmt: skip
            result[ours] = robot.numbers(theirs, len(joints))
    act_dim = len(outputs['action']['scale'])
    tensor, unknown = observation_input(content.mapping('observations'), joints, default, act_dim)
    if unknown:
        hints['inputs'] = unknown
    else:
        result['inputs'] = [tensor]
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


def _policy_name(path: Path, context: ModelContext) -> str:
    """Name the policy after the file; the exporter's default name is dropped."""
    name = path.stem.removesuffix('IO_descriptors').rstrip('_')
    return name or context.model.stem


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


def _joints_without_gains(robot: Fields, joints: list[str]) -> list[str]:
    gains = [
        robot.numbers(key, len(joints)) if key in robot else [0.0] * len(joints)
        for key in ('default_joint_stiffness', 'default_joint_damping')
    ]
    return [
        name
        for name, stiffness, damping in zip(joints, *gains, strict=True)
        if stiffness == damping == 0.0
    ]


def action_outputs(content: Fields, joints: list[str]) -> dict[str, Any]:
    """Return the outputs: all action terms, concatenated.

    Args:
        content: The whole descriptor.
        joints: Joint names in policy order.

    Raises:
        ConfigError: If a term does not give targets, or has other joints.
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
    """Return one number per joint; rows of several environments must be the same."""
    rows = term.any(key)
    if isinstance(rows, list) and rows and isinstance(rows[0], list):
        if any(row != rows[0] for row in rows):
            raise ConfigError(f'{term.path(key)} differs between environments, expected one row')
        return Fields({key: rows[0]}, term.where).numbers(key, width)
    value = term.number_or_numbers(key, width)
    return value if isinstance(value, list) else [value] * width


def bound_pairs(fields: Fields, key: str, width: int) -> list[list[float | None]]:
    """Return bounds per joint; infinity means none."""
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


def observation_input(
    observations: Fields, joints: list[str], default: list[float], act_dim: int
) -> tuple[dict[str, Any], str]:
    """Return the one input tensor, and '' or how to supply it where it is ambiguous.

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
                'inputs in a file with --spec; for a topic use a term external'
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
    """Return the number of frames; missing or 0 means only the newest."""
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


ISAAC_IO = FileDialect(
    name='IO descriptor of Isaac Lab',
    files=('*IO_descriptors.yaml', 'io_descriptors/*.yaml', '../io_descriptors/*.yaml'),
    matches=is_isaac_io,
    read=read_isaac_io,
)
