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
from typing import Any

from distill_runtime.errors import ConfigError
from distill_runtime.spec.dialect import Fields, FileDialect, ModelContext, TensorShape
from distill_runtime.spec.robot_description import RobotDescription
from distill_runtime.spec.sources import SpecSource

from .numbered_joints import motor_names, NumberedJoints
from .unsupplied import explain, UnsuppliedError

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
_TERMS: dict[str, dict[str, object]] = {
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
_TERM_KEYS = {'params', 'clip', 'scale', 'history_length', 'flatten_history_dim'}
_KNOWN = sorted([*_TERMS, 'gait_phase'])


def is_deploy_yaml(values: Mapping[str, Any]) -> bool:
    """Whether the content of a file is of this dialect."""
    return {'joint_ids_map', 'step_dt'} <= set(values)


def read_unitree_deploy(
    values: Mapping[str, Any], path: Path, context: ModelContext
) -> SpecSource:
    """Convert the content of a deploy.yaml to a SpecSource; the robot names the motors.

    Raises:
        ConfigError: If a key is missing or does not fit the others.
    """
    fields = Fields(values)
    motors = fields.integers('joint_ids_map')
    if len(set(motors)) != len(motors):
        raise ConfigError(f'joint_ids_map is {motors}, expected each motor once')
    joints = NumberedJoints(len(motors), _names(fields, motors, context.robot))
    result: dict[str, Any] = {
        'name': _policy_name(path),
        'period': fields.number('step_dt'),
        'default_position': fields.numbers('default_joint_pos', len(motors)),
        **{gain: _of_motors(fields, gain, motors) for gain in ('stiffness', 'damping')},
    }
    keys, hints = dict(_KEYS), dict(_HINTS)
    if joints.names is not None and context.robot is not None:
        result['joints'] = list(joints.names)
        keys['joints'] = f'joint_ids_map, names of robot {context.robot.name}'
    command = _command(fields)
    if command is not None:
        result['command'] = command
        keys['command'] = 'commands.base_velocity.ranges'
    try:
        result['outputs'] = read_actions(fields.mapping('actions'), joints)
    except UnsuppliedError as error:
        hints['outputs.action.name'] = str(error)
    try:
        result['inputs'] = read_observations(fields.any('observations'), joints, context.inputs)
    except UnsuppliedError as error:
        hints['inputs'] = str(error)
    return SpecSource(name=str(path), values=result, hints=hints, keys=keys)


def _policy_name(path: Path) -> str:
    """Name the policy after its folder, skipping ``params/``."""
    folder = path.resolve().parent
    return folder.parent.name if folder.name in ('params', 'param') else folder.name


def _names(
    fields: Fields, motors: list[int], robot: RobotDescription | None
) -> tuple[str, ...] | None:
    """Return the names in policy order; None if no robot is given."""
    if robot is None:
        return None
    is_all = len(motors) == len(robot.joints)
    if not is_all and len(fields.numbers('stiffness')) != len(robot.by_motor):
        raise ConfigError(
            f'joint_ids_map has {len(motors)} motors, expected those of robot {robot.name!r}, '
            f'which has {len(robot.joints)}'
        )
    return motor_names(robot, motors, 'joint_ids_map')


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


def _command(fields: Fields) -> dict[str, list[float]] | None:
    """Return the trained range of velocity commands; a heading is ignored."""
    if 'commands' not in fields or 'base_velocity' not in fields.mapping('commands'):
        return None
    velocity = fields.mapping('commands').mapping('base_velocity')
    if 'ranges' not in velocity:
        return None
    ranges = velocity.mapping('ranges')
    pairs = [ranges.pair(name) for name in ('lin_vel_x', 'lin_vel_y', 'ang_vel_z')]
    return {'lower': [pair[0] for pair in pairs], 'upper': [pair[1] for pair in pairs]}


def read_actions(actions: Fields, joints: NumberedJoints) -> dict[str, Any]:
    """Return the outputs.

    Args:
        actions: Value of the key actions, a term for each.
        joints: Joints of the policy.

    Raises:
        ConfigError: If a value is invalid.
        UnsuppliedError: If names are needed and unknown.
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
    """Return one number per joint; null means the default."""
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


def read_observations(
    values: Mapping[str, Any], joints: NumberedJoints, graph: tuple[TensorShape, ...]
) -> list[dict[str, Any]]:
    """Return the inputs.

    Args:
        values: Value of the key observations.
        joints: Joints of the policy.
        graph: Inputs of the network; empty if no model was opened.

    Raises:
        ConfigError: If a value is invalid.
        UnsuppliedError: If an observation has no term.
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
        if key not in _TERM_KEYS:
            raise ConfigError(
                f'{entry.path(key)} is unknown, expected one of {sorted(_TERM_KEYS)}'
            )
    params = entry.mapping('params') if 'params' in entry else Fields({}, entry.path('params'))
    term = _gait_phase(params) if name == 'gait_phase' else dict(_TERMS[name])
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


def _subset(params: Fields, joints: NumberedJoints) -> list[str] | None:
    """Return the joints of a term; None: all."""
    if 'asset_cfg' not in params:
        return None
    asset = params.mapping('asset_cfg')
    return joints.subset(joints.numbers(asset), asset.path('joint_ids'))


def _history_length(entry: Fields) -> int:
    """Return the number of frames; missing or 0 means only the newest."""
    return max(1, entry.integer('history_length')) if 'history_length' in entry else 1


UNITREE_DEPLOY = FileDialect(
    name='deploy.yaml',
    files=('deploy.yaml', 'params/deploy.yaml', '../params/deploy.yaml', '../param/deploy.yaml'),
    matches=is_deploy_yaml,
    read=read_unitree_deploy,
)
