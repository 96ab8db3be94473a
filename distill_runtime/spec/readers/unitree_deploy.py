# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Unitree deploy.yaml, as unitree_rl_lab, unitree_rl_mjlab and their forks write it.

Default pose, action scale and offset are in policy order, stiffness and damping in motor order;
``joint_ids_map[i]`` is the motor of policy joint i. Motors have numbers only; a robot profile
gives their names. The clip of an action bounds the target, after scale and offset.

Each observation term has its own history, oldest first, filled with the first observation; with
``use_gym_history`` whole frames are concatenated instead. A file holds one group of observations
or, by name, one per input of the network.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from distill_runtime.errors import ConfigError
from distill_runtime.spec.dialect import (
    Fields,
    FileDialect,
    has_keys,
    hinted,
    ISAAC_LAB_TERMS,
    merged_history,
    ModelContext,
    TensorShape,
    unknown_observation,
    UnsuppliedError,
)
from distill_runtime.spec.robot_description import RobotDescription
from distill_runtime.spec.sources import SpecSource

_HINTS = {
    'joints': 'deploy.yaml has motor numbers, not names: give the robot with --robot PROFILE '
    '(parameter robot), or joints in a file with --spec',
    'command': 'deploy.yaml has no command ranges: give the trained ones under command',
}
_KEYS = {
    'period': 'step_dt',
    'default_position': 'default_joint_pos',
    'stiffness': 'stiffness by joint_ids_map',
    'damping': 'damping by joint_ids_map',
    'inputs': 'observations',
    'outputs.action.joints': 'actions',
    'outputs.action.scale': 'actions',
    'outputs.action.offset': 'actions',
    'outputs.action.target_clip': 'actions',
    'outputs.mode': 'actions',
}
_MODES = {'JointPositionAction': 'position', 'JointVelocityAction': 'velocity'}
_TERMS = {
    **ISAAC_LAB_TERMS,
    'velocity_commands': {'term': 'velocity_command'},
    'keyboard_velocity_commands': {'term': 'velocity_command'},
}
_FLAGS = ('scale_first', 'use_gym_history')
_TERM_KEYS = {'params', 'clip', 'scale', 'history_length', 'flatten_history_dim'}
_KNOWN = sorted([*_TERMS, 'gait_phase'])


class _Joints(NamedTuple):
    """The joints of a policy by number; the names come from the robot."""

    num_joints: int
    names: list[str] | None
    """In policy order; None if no robot is given."""

    def numbers(self, entry: Fields) -> list[int]:
        """Return the numbers under ``joint_ids``; all joints if missing."""
        return entry.joint_numbers('joint_ids', self.num_joints, list(range(self.num_joints)))

    def subset(self, numbers: list[int], where: str) -> list[str] | None:
        """Return the names of some joints; None for all joints in order."""
        if numbers == list(range(self.num_joints)):
            return None
        if self.names is None:
            raise UnsuppliedError(
                f'{where} has some joints, by number: give the robot with --robot PROFILE '
                '(parameter robot)'
            )
        return [self.names[number] for number in numbers]


def _read(values: Mapping[str, Any], path: Path, context: ModelContext) -> SpecSource:
    fields = Fields(values)
    motors = fields.integers('joint_ids_map')
    if len(set(motors)) != len(motors):
        raise ConfigError(f'joint_ids_map is {motors}, expected each motor once')
    joints = _Joints(len(motors), _names(fields, motors, context.robot))
    result: dict[str, Any] = {
        'name': _policy_name(path),
        'period': fields.number('step_dt'),
        'default_position': fields.numbers('default_joint_pos', len(motors)),
        **{gain: _of_motors(fields, gain, motors) for gain in ('stiffness', 'damping')},
    }
    keys, hints = dict(_KEYS), dict(_HINTS)
    if joints.names is not None and context.robot is not None:
        result['joints'] = joints.names
        keys['joints'] = f'joint_ids_map, names of robot {context.robot.name}'
    velocity = fields.mapping('commands', {}).mapping('base_velocity', {})
    if 'ranges' in velocity:
        ranges = velocity.mapping('ranges')
        result['command'] = ranges.ranges('lin_vel_x', 'lin_vel_y', 'ang_vel_z')
        keys['command'] = 'commands.base_velocity.ranges'
    with hinted(hints, 'outputs.action.name'):
        result['outputs'] = _outputs(fields.mapping('actions'), joints)
    with hinted(hints, 'inputs'):
        result['inputs'] = _inputs(fields.mapping('observations'), joints, context.inputs)
    return SpecSource(name=str(path), values=result, hints=hints, keys=keys)


def _policy_name(path: Path) -> str:
    """Name the policy after its folder, skipping ``params/``."""
    folder = path.resolve().parent
    return folder.parent.name if folder.name in ('params', 'param') else folder.name


def _names(fields: Fields, motors: list[int], robot: RobotDescription | None) -> list[str] | None:
    """Return the names in policy order; None if no robot is given."""
    if robot is None:
        return None
    is_all = len(motors) == len(robot.joints)
    if not is_all and len(fields.numbers('stiffness')) != len(robot.by_motor):
        raise ConfigError(
            f'joint_ids_map has {len(motors)} motors, expected those of robot {robot.name!r}, '
            f'which has {len(robot.joints)}'
        )
    return robot.joints_of(motors, 'joint_ids_map')


def _of_motors(fields: Fields, gain: str, motors: list[int]) -> list[float]:
    """Reorder a list from motor order to policy order."""
    values = fields.numbers(gain)
    for motor in motors:
        if motor >= len(values):
            raise ConfigError(
                f'{gain} has {len(values)} motors, expected more than motor number {motor} of '
                'joint_ids_map: it is in motor order, not in policy order'
            )
    return [values[motor] for motor in motors]


def _outputs(actions: Fields, joints: _Joints) -> dict[str, Any]:
    """Return the outputs: all action terms, concatenated."""
    kinds = list(actions)
    if not kinds or not set(kinds) <= set(_MODES):
        raise ConfigError(f'actions has {sorted(kinds)}, expected some of {sorted(_MODES)}')
    numbers = [joints.numbers(actions.mapping(kind)) for kind in kinds]
    acted = [number for part in numbers for number in part]
    if len(set(acted)) != len(acted):
        raise ConfigError(f'actions are of joints {acted}, expected each once')
    result: dict[str, Any] = {'name': 0, 'scale': [], 'offset': []}
    clips: list[list[float | None]] = []
    modes = ['position'] * joints.num_joints
    for kind, part in zip(kinds, numbers, strict=True):
        term = actions.mapping(kind)
        result['scale'] += term.spread('scale', len(part), 1.0)
        result['offset'] += term.spread('offset', len(part), 0.0)
        unbounded: list[list[float | None]] = [[None, None]] * len(part)
        clips += term.pairs('clip', len(part)) if 'clip' in term else unbounded
        for number in part:
            modes[number] = _MODES[kind]
    if any(clip != [None, None] for clip in clips):
        result['target_clip'] = clips
    subset = joints.subset(acted, 'actions')
    if subset is not None:
        result['joints'] = subset
    mode = modes[0] if len(set(modes)) == 1 else modes
    return {'action': result, 'mode': mode}


def _inputs(
    observations: Fields, joints: _Joints, graph: tuple[TensorShape, ...]
) -> list[dict[str, Any]]:
    """Return the inputs.

    Args:
        observations: One group of terms, or several by name.
        joints: Joints of the policy.
        graph: Inputs of the network; empty if no model was opened.
    """
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
    """Whether an entry is a group of terms, not a term."""
    if name in _KNOWN or not isinstance(value, Mapping) or _TERM_KEYS & set(value):
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
    group: Fields, names: list[str], flags: Mapping[str, bool], joints: _Joints
) -> dict[str, Any]:
    """Return terms and history of one tensor."""
    if not names:
        raise ConfigError(f'{group.where} is empty, expected at least one term')
    terms = [_term(group, name, flags['scale_first'], joints) for name in names]
    lengths = [max(1, group.mapping(name).integer('history_length', 0)) for name in names]
    if flags['use_gym_history'] and min(lengths) != max(lengths):
        raise ConfigError(
            f'{group.where} has use_gym_history and history_length of {lengths}, expected the '
            'same for all terms'
        )
    major = 'frame' if flags['use_gym_history'] else 'term'
    return {'terms': terms, 'history': merged_history(terms, lengths, major)}


def _term(group: Fields, name: str, scale_first: bool, joints: _Joints) -> dict[str, Any]:
    entry = group.mapping(name)
    if name not in _KNOWN:
        raise unknown_observation(entry.where, name, _KNOWN)
    for key in entry:
        if key not in _TERM_KEYS:
            raise ConfigError(
                f'{entry.path(key)} is unknown, expected one of {sorted(_TERM_KEYS)}'
            )
    params = entry.mapping('params', {})
    term = _gait_phase(params) if name == 'gait_phase' else dict(_TERMS[name])
    if str(term['term']).startswith('joint_'):
        asset = params.mapping('asset_cfg', {})
        subset = joints.subset(joints.numbers(asset), asset.path('joint_ids'))
        if subset is not None:
            term['joints'] = subset
    if 'scale' in entry:
        term['scale'] = entry.number_or_numbers('scale')
    if 'clip' in entry:
        term['clip'] = entry.pair('clip')
        term['order'] = 'scale_then_clip' if scale_first else 'clip_then_scale'
    return term


def _gait_phase(params: Fields) -> dict[str, Any]:
    """Return the clock of the training: sine, then cosine, of a phase that starts at 0."""
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


UNITREE_DEPLOY = FileDialect(
    name='deploy.yaml',
    files=('deploy.yaml', 'params/deploy.yaml', '../params/deploy.yaml', '../param/deploy.yaml'),
    matches=has_keys('joint_ids_map', 'step_dt'),
    read=_read,
)
