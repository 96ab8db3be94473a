# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Unitree deploy.yaml, as unitree_rl_lab, unitree_rl_mjlab and their forks write it.

Default pose, action scale and offset are in policy order, stiffness and damping in motor order;
``joint_ids_map[i]`` is the motor of policy joint i. Motors have numbers only: their names come
from a robot profile. The clip of an action bounds the target, after scale and offset.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from distill_runtime.errors import ConfigError
from distill_runtime.spec.dialect import Fields, FileDialect, ModelContext
from distill_runtime.spec.robot_description import RobotDescription
from distill_runtime.spec.sources import SpecSource

from .numbered_joints import motor_names, NumberedJoints
from .unitree_actions import read_actions
from .unitree_observations import read_observations
from .unsupplied import UnsuppliedError

_HINTS = {
    'joints': 'deploy.yaml has motor numbers, not names: give the robot with --robot PROFILE '
    '(parameter robot), or joints in a file with --spec',
    'command': 'deploy.yaml has no ranges of commands: say the trained ones under command',
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


def is_deploy_yaml(values: Mapping[str, Any]) -> bool:
    """Whether the content of a file is of this dialect."""
    return {'joint_ids_map', 'step_dt'} <= set(values)


def read_unitree_deploy(
    values: Mapping[str, Any], path: Path, context: ModelContext
) -> SpecSource:
    """Turn the content of a deploy.yaml into our form; the robot names the motors.

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
    """Name the policy after its folder; ``params/`` is not a name."""
    folder = path.resolve().parent
    return folder.parent.name if folder.name in ('params', 'param') else folder.name


def _names(
    fields: Fields, motors: list[int], robot: RobotDescription | None
) -> tuple[str, ...] | None:
    """Return the names in policy order; None: no robot was told."""
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
    """Return a list in policy order that the file has in motor order."""
    values = fields.numbers(gain)
    for motor in motors:
        if motor >= len(values):
            raise ConfigError(
                f'{gain} has {len(values)} motors, expected more than motor number {motor} of '
                'joint_ids_map: it is in motor order, not in policy order'
            )
    return [values[motor] for motor in motors]


def _command(fields: Fields) -> dict[str, list[float]] | None:
    """Return the trained range of velocity commands; a heading is no command of ours."""
    if 'commands' not in fields or 'base_velocity' not in fields.mapping('commands'):
        return None
    velocity = fields.mapping('commands').mapping('base_velocity')
    if 'ranges' not in velocity:
        return None
    ranges = velocity.mapping('ranges')
    pairs = [ranges.pair(name) for name in ('lin_vel_x', 'lin_vel_y', 'ang_vel_z')]
    return {'lower': [pair[0] for pair in pairs], 'upper': [pair[1] for pair in pairs]}


UNITREE_DEPLOY = FileDialect(
    name='deploy.yaml',
    files=('deploy.yaml', 'params/deploy.yaml', '../params/deploy.yaml', '../param/deploy.yaml'),
    matches=is_deploy_yaml,
    read=read_unitree_deploy,
)
