# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Flat yaml of unitree_rl_gym: of deploy_real (motors) or of deploy_mujoco (physics step).

Order and history of the observation are in the code of its two programs, with a gait clock of
0.8 s that advances before its use. Joints have motor numbers; commands are fractions of
``max_cmd``.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from distill_runtime.spec.dialect import Fields, FileDialect, has_keys, ModelContext
from distill_runtime.spec.sources import SpecSource

_MARKS = ('default_angles', 'kps', 'kds', 'cmd_scale', 'num_obs', 'num_actions', 'action_scale')
_GAIT_PERIOD = 0.8
"""In [s]; github unitreerobotics/unitree_rl_gym @ 276801e deploy/deploy_real/deploy_real.py."""
_KEYS = {
    'name': 'policy_path',
    'default_position': 'default_angles',
    'stiffness': 'kps',
    'damping': 'kds',
    'command': 'max_cmd',
    'inputs': 'num_obs, ang_vel_scale, cmd_scale, dof_pos_scale, dof_vel_scale',
    'outputs.action.scale': 'action_scale',
    'outputs.action.offset': 'default_angles',
}
_HINTS = {
    'joints': 'the file has numbers of motors at most: give the robot with --robot PROFILE '
    '(parameter robot) and the file of deploy_real with leg_joint2motor_idx, or joints in a file '
    'with --spec',
    'command': 'the file has no max_cmd: give the trained range under command, with --spec',
}
_TORSO = (
    'imu_type is torso: the policy expects the Imu in the pelvis frame; publish it in that frame '
    'from your node, and describe the inputs in a file with --spec'
)


def _read(values: Mapping[str, Any], path: Path, context: ModelContext) -> SpecSource:
    fields = Fields(values)
    count = fields.integer('num_actions')
    result: dict[str, Any] = {
        # the folder of the checkpoint
        'name': Path(fields.text('policy_path', str(path))).parent.name or path.stem,
        'default_position': fields.numbers('default_angles', count),
        'stiffness': fields.numbers('kps', count),
        'damping': fields.numbers('kds', count),
        'outputs': {
            'action': {'name': 0, 'scale': fields.number('action_scale'), 'offset': 'default'},
            'mode': 'position',
        },
    }
    keys, hints = dict(_KEYS), dict(_HINTS)
    result['period'], keys['period'] = _period(fields)
    if 'leg_joint2motor_idx' in fields:
        motors = fields.integers('leg_joint2motor_idx', count)
        if context.robot is not None:
            result['joints'] = context.robot.joints_of(motors, 'leg_joint2motor_idx')
            keys['joints'] = f'leg_joint2motor_idx, names of robot {context.robot.name}'
    if 'max_cmd' in fields:
        upper = fields.numbers('max_cmd', 3)
        result['command'] = {'lower': [-value for value in upper], 'upper': upper}
    width = 9 + 3 * count + 2
    if fields.integer('num_obs') != width:
        hints['inputs'] = (
            f'num_obs is {fields.integer("num_obs")}, expected {width} for {count} actions, those '
            'of its programs: describe the inputs in a file with --spec'
        )
    elif fields.text('imu_type', '') == 'torso':
        hints['inputs'] = _TORSO
    else:
        result['inputs'] = [{'name': 0, 'terms': _terms(fields)}]
    return SpecSource(name=str(path), values=result, hints=hints, keys=keys)


def _period(fields: Fields) -> tuple[float, str]:
    """Return the period and its keys."""
    if 'control_dt' in fields:
        return fields.number('control_dt'), 'control_dt'
    period = fields.number('simulation_dt') * fields.integer('control_decimation')
    return round(period, 12), 'simulation_dt * control_decimation'


def _terms(fields: Fields) -> list[dict[str, Any]]:
    return [
        {'term': 'base_angular_velocity', 'scale': fields.number('ang_vel_scale')},
        {'term': 'projected_gravity'},
        {'term': 'velocity_command', 'scale': fields.numbers('cmd_scale', 3)},
        {'term': 'joint_position', 'relative': True, 'scale': fields.number('dof_pos_scale')},
        {'term': 'joint_velocity', 'scale': fields.number('dof_vel_scale')},
        {'term': 'last_action'},
        {
            'term': 'gait_phase',
            'frequency': 1.0 / _GAIT_PERIOD,
            'offsets': [0.0],
            'components': ['sin', 'cos'],
            'advance': 'before',
        },
    ]


UNITREE_GYM = FileDialect(
    name='yaml of unitree_rl_gym',
    files=('*.yaml',),
    matches=has_keys(*_MARKS),
    read=_read,
)
