# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""ONNX metadata of holosoma: joints, gains and ranges of commands, as JSON.

Everything else is in its Python configuration. Its runtime sorts observations by their names,
fills a history with zeros, and clips the action at 100. Its gait clock advances before its use,
except in the step at which standing ends: that one uses the offsets.
"""

from __future__ import annotations

from collections.abc import Mapping
import json
from typing import Any

from distill_runtime.errors import ConfigError
from distill_runtime.spec.dialect import (
    Fields,
    has_keys,
    MetadataDialect,
    ModelContext,
    no_command,
)
from distill_runtime.spec.sources import SpecSource

_MARKS = ('dof_names', 'kp', 'kd')
_CLIP = 100.0
"""github amazon-far/holosoma src/holosoma_inference/.../policies/base.py."""
_KEYS = {
    'joints': 'dof_names',
    'stiffness': 'kp',
    'damping': 'kd',
    'command': 'command_ranges',
}
_HINTS = {
    'period': 'the metadata has no period: give period, 1 / rl_rate of the configuration, in a '
    'file with --spec',
    'default_position': 'the metadata has no pose: give default_position, default_dof_angles of '
    'the configuration, in a file with --spec',
    'outputs.action.scale': 'the metadata has no scale: give outputs.action.scale, '
    'policy_action_scale of the configuration, in a file with --spec',
    'inputs': 'the metadata has no observations: describe the inputs in a file with --spec, in '
    'the alphabetical order of their names in the configuration (actions, base_ang_vel, '
    'command_ang_vel, command_lin_vel, cos_phase, dof_pos, dof_vel, projected_gravity, '
    'sin_phase), with its obs_scales; a history is by term, oldest first, from zeros; cos_phase '
    'is {term: gait_phase, frequency: 1 / gait_period, offsets: [0, 3.14159], components: [cos], '
    'advance: before, standing: {below: 0.01, phase: 3.14159, restart: at_offset}}, sin_phase '
    'the same with sin',
    'command': no_command('the metadata has'),
}
_MOTION = (
    'the network contains a motion and reads it at input time_step, the number of policy steps, '
    'which no term gives: describe the inputs in a file with --spec, with terms external for it '
    'and for the observations of the motion'
)


def _read(metadata: Mapping[str, str], context: ModelContext) -> SpecSource:
    fields = Fields({key: _json(metadata, key) for key in (*_MARKS, 'command_ranges')}, 'metadata')
    joints = fields.texts('dof_names')
    names = [tensor.name for tensor in context.outputs]
    output = next((name for name in ('action', 'actions') if name in names), 0)
    result: dict[str, Any] = {
        'name': context.model.stem,
        'joints': joints,
        'stiffness': fields.numbers('kp', len(joints)),
        'damping': fields.numbers('kd', len(joints)),
        'outputs': {
            'action': {'name': output, 'clip': [-_CLIP, _CLIP], 'offset': 'default'},
            'mode': 'position',
        },
    }
    if 'command_ranges' in fields:
        ranges = fields.mapping('command_ranges')
        result['command'] = ranges.ranges('lin_vel_x', 'lin_vel_y', 'ang_vel_yaw')
    hints = dict(_HINTS)
    if 'time_step' in [tensor.name for tensor in context.inputs]:
        hints['inputs'] = _MOTION
    return SpecSource(
        name=f'{context.model.name} metadata', values=result, hints=hints, keys=_KEYS
    )


def _json(metadata: Mapping[str, str], key: str) -> object:
    if key not in metadata:
        return None
    try:
        return json.loads(metadata[key])
    except (ValueError, RecursionError) as error:
        raise ConfigError(f'metadata {key!r} is not JSON: {error}') from error


HOLOSOMA = MetadataDialect(name='metadata of holosoma', matches=has_keys(*_MARKS), read=_read)
