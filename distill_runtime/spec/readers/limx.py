# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""params.yaml of LIMX TRON1 (PointfootCfg): an encoder of the history, and a policy.

The encoder reads frames of the observation, oldest first, filled with the first one. The policy
reads its output, the newest frame, clipped, and the velocity command. The order of the terms is
not in the file but in the controllers, one per kind of foot: points, soles with ankles, wheels.
Ankles and wheels are velocity-controlled.

Two things differ from LIMX's controllers: there the torque limit also scales the last action, and
the gait clock restarts at the first step after a full turn instead of running on.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from distill_runtime.errors import ConfigError
from distill_runtime.spec.dialect import Fields, FileDialect, ModelContext
from distill_runtime.spec.sources import SpecSource

_ROOT = 'PointfootCfg'
_POINT_GAIT = {'frequencies': 2.0, 'swing_height': 0.1}
"""Of point feet, in [Hz] and [m]: in their controller, not in the file."""
_GAIT_PHASES = (0.5, 0.5)
"""Offset of the legs and stance fraction, in all controllers."""
_NO_COMMAND = (
    'params.yaml of LIMX has no command ranges; its controllers feed sticks of -0.5 to 0.5, times '
    'user_cmd_scales. Give command: {lower: [vx, vy, yaw], upper: [vx, vy, yaw]} in a file with '
    '--spec'
)


def _read(values: Mapping[str, Any], path: Path, context: ModelContext) -> SpecSource:
    config = Fields(values).mapping(_ROOT)
    offset = config.mapping('imu_orientation_offset', {})
    for axis in offset:
        if offset.number(axis) != 0.0:
            raise ConfigError(
                f'{offset.path(axis)} is {offset.number(axis):g} rad, expected 0: let the driver '
                'publish the Imu in the frame of the base'
            )
    joints = config.texts('joint_names')
    control, size = config.mapping('control'), config.mapping('size')
    pose = config.mapping('init_state').mapping('default_joint_angle')
    driven = _driven_by_velocity(joints, control, size)
    terms = _terms(config, joints, driven)
    limit = config.mapping('normalization').mapping('clip_scales').number('clip_actions')
    scale = control.number('action_scale_pos')
    result: dict[str, Any] = {
        'name': path.resolve().parent.name,
        'period': control.integer('decimation') / config.number('loop_frequency'),
        'joints': joints,
        'default_position': [pose.number(name) for name in joints],
        'encoder': {'model': 'encoder.onnx', 'output': 0},
        'inputs': _inputs(config, terms),
        'outputs': {
            'action': {
                'name': 0,
                'clip': [-limit, limit],
                'scale': [driven.get(name, scale) for name in joints],
                'offset': 'default',
            },
            'mode': ['velocity' if name in driven else 'position' for name in joints],
        },
    }
    for key in ('stiffness', 'damping'):
        result[key] = [
            (0.0 if key == 'stiffness' else driven[name]) if name in driven
            else control.number(key)
            for name in joints
        ]  # fmt: skip
    result['limits'] = {'effort': _efforts(control, joints, driven)}
    _check_sizes(size, len(joints), terms, len(driven))
    return SpecSource(
        name=str(path),
        values=result,
        hints={'command': _NO_COMMAND},
        keys={
            'period': f'{_ROOT}.control.decimation / loop_frequency',
            'default_position': pose.where,
            'limits.effort': f'{control.where}.user_torque_limit',
        },
    )


def _driven_by_velocity(joints: list[str], control: Fields, size: Fields) -> dict[str, float]:
    """Return the ankles or wheels with their damping, which is also their action scale."""
    if 'jointpos_idxs' in size:
        legs = size.integers('jointpos_idxs')
        damping = control.number('wheel_joint_damping')
        return {name: damping for index, name in enumerate(joints) if index not in legs}
    if 'ankle_joint_damping' in control:
        damping = control.number('ankle_joint_damping')
        return {name: damping for name in joints if name.startswith('ankle')}
    return {}


def _terms(config: Fields, joints: list[str], driven: dict[str, float]) -> list[dict[str, Any]]:
    """Return the terms of one frame of the observation."""
    scales = config.mapping('normalization').mapping('obs_scales')
    has_wheels = 'jointpos_idxs' in config.mapping('size')
    legs = [name for name in joints if name not in driven]
    terms: list[dict[str, Any]] = [
        {'term': 'base_angular_velocity', 'scale': scales.number('ang_vel')},
        {'term': 'projected_gravity'},
        {'term': 'joint_position', 'relative': True, 'scale': scales.number('dof_pos')}
        | ({'joints': legs} if has_wheels else {}),
        {'term': 'joint_velocity', 'scale': scales.number('dof_vel')},
        {'term': 'last_action'},
    ]
    if has_wheels:
        return terms
    gait = config.mapping('gait', _POINT_GAIT)
    frequency, height = gait.number('frequencies'), gait.number('swing_height')
    clock = {
        'term': 'gait_phase', 'frequency': frequency, 'offsets': [0.0],
        'components': ['sin', 'cos'], 'advance': 'before',
    }  # fmt: skip
    return [*terms, clock, {'term': 'constant', 'values': [frequency, *_GAIT_PHASES, height]}]


def _inputs(config: Fields, terms: list[dict[str, Any]]) -> list[dict[str, Any]]:
    size, scales = config.mapping('size'), config.mapping('user_cmd_scales')
    limit = config.mapping('normalization').mapping('clip_scales').number('clip_observations')
    clip = {'clip': [-limit, limit], 'order': 'scale_then_clip'}
    command = [scales.number(key) for key in ('lin_vel_x', 'lin_vel_y', 'ang_vel_yaw')]
    history: dict[str, Any] = {
        'length': size.integer('obs_history_length'),
        'major': 'frame', 'order': 'oldest_first', 'fill': 'first',
    }  # fmt: skip
    # commands after the velocity, which the controllers never set
    unused = size.integer('commands_size', 3) - 3
    more_commands = [{'term': 'constant', 'values': [0.0] * unused}] if unused > 0 else []
    return [
        {'name': 0, 'network': 'encoder', 'history': history, 'terms': terms},
        {
            'name': 0,
            'terms': [
                {'term': 'latent', 'width': size.integer('encoder_output_size')},
                *(term | clip for term in terms),
                {'term': 'velocity_command', 'scale': command},
                *more_commands,
            ],
        },
    ]


def _efforts(control: Fields, joints: list[str], driven: dict[str, float]) -> list[float]:
    kind = 'wheel' if 'wheel_joint_damping' in control else 'ankle'
    key = f'{kind}_joint_torque_limit'
    return [control.number(key if name in driven else 'user_torque_limit') for name in joints]


def _check_sizes(
    size: Fields, num_joints: int, terms: list[dict[str, Any]], num_driven: int
) -> None:
    """Refuse a file whose sizes do not match its content."""
    positions = num_joints - (num_driven if 'jointpos_idxs' in size else 0)
    width = 6 + positions + 2 * num_joints + (6 if len(terms) > 5 else 0)
    for key, expected in (('actions_size', num_joints), ('observations_size', width)):
        if size.integer(key) != expected:
            raise ConfigError(f'{size.path(key)} is {size.integer(key)}, expected {expected}')


LIMX = FileDialect(
    name='params.yaml of LIMX',
    files=('params.yaml', '../params.yaml'),
    matches=lambda values: isinstance(values.get(_ROOT), Mapping),
    read=_read,
)
