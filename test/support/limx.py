# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""A made-up params.yaml of LIMX: the keys are theirs, the numbers are not."""

from __future__ import annotations

import copy

LEG = ('abad', 'hip', 'knee')
POINT = [f'{part}_{side}_Joint' for side in 'LR' for part in LEG]
WHEELED = [f'{part}_{side}_Joint' for side in 'LR' for part in (*LEG, 'wheel')]
SOLED = [name.replace('wheel', 'ankle') for name in WHEELED]


def limx_params(joints=POINT, changes=(), control=None, size=None, **more):
    """Return the content of a file; changes are triples of part, key, value."""
    content = {
        'loop_frequency': 500,
        'joint_names': joints,
        'init_state': {
            'default_joint_angle': {name: 0.1 * place for place, name in enumerate(joints)}
        },
        'control': {
            'stiffness': 40.0, 'damping': 2.0, 'action_scale_pos': 0.25, 'decimation': 10,
            'user_torque_limit': 60, **(control or {}),
        },
        'normalization': {
            'clip_scales': {'clip_observations': 1.0, 'clip_actions': 5.0},
            'obs_scales': {'lin_vel': 2.0, 'ang_vel': 0.25, 'dof_pos': 1.0, 'dof_vel': 0.05},
        },
        'size': {
            'actions_size': len(joints), 'observations_size': 30, 'obs_history_length': 3,
            'encoder_output_size': 2, **(size or {}),
        },
        'imu_orientation_offset': {'roll': 0.0, 'pitch': 0.0, 'yaw': 0.0},
        'user_cmd_scales': {'lin_vel_x': 1.5, 'lin_vel_y': 1.0, 'ang_vel_yaw': 0.5},
        **more,
    }  # fmt: skip
    content = copy.deepcopy(content)
    for part, key, value in changes:
        content[part][key] = value
    return {'PointfootCfg': content}
