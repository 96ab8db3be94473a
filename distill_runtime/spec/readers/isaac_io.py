# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""IO descriptors of Isaac Lab: joints, gains, limits, policy period.

Joints are in the order of the articulation, which is the policy's. Actions and observation terms
have modules of their own.
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

from .isaac_actions import action_outputs, bound_pairs
from .isaac_terms import observation_input

_NO_GAINS = (
    'the descriptor has {joints} with stiffness and damping 0: Isaac Lab writes that for explicit '
    'actuators, whose gains are in the configuration of the robot. Give stiffness and damping in '
    'a file with --spec'
)
_NO_COMMAND = (
    'IO descriptors have no command ranges: give command: {lower: [vx, vy, yaw], upper: [vx, vy, '
    'yaw]} of the training in a file with --spec'
)


def is_isaac_io(values: Mapping[str, Any]) -> bool:
    """Whether the content of a file is of this dialect."""
    return {'actions', 'articulations', 'observations', 'scene'} <= set(values)


def read_isaac_io(values: Mapping[str, Any], path: Path, context: ModelContext) -> SpecSource:
    """Turn the content of a descriptor into our form.

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
    """Name the policy after the file; the plain name of the exporter says nothing."""
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


ISAAC_IO = FileDialect(
    name='IO descriptor of Isaac Lab',
    files=('*IO_descriptors.yaml', 'io_descriptors/*.yaml', '../io_descriptors/*.yaml'),
    matches=is_isaac_io,
    read=read_isaac_io,
)
