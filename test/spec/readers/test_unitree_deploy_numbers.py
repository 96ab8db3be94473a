# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Observations and targets of made-up deploy.yaml files against a program of plain lists."""

from __future__ import annotations

import math
from pathlib import Path

from distill_runtime.spec.dialect import ModelContext
from distill_runtime.spec.mapping import read_dataclass
from distill_runtime.spec.readers.registry import read_content
from distill_runtime.spec.robot_description import RobotDescription
from distill_runtime.spec.spec import PolicySpec
import pytest
from support.observed import make_samples, observed

ROBOT = RobotDescription(
    name='four',
    joints=('d', 'c', 'b', 'a'),
    position=None,
    velocity=None,
    effort=None,
    source='made up',
)
PERIOD = 0.6
DEFAULT = [0.3, -0.2, 0.1, 0.0]


def entry(scale, history=1, clip=None, **params):
    return {'params': params, 'clip': clip, 'scale': scale, 'history_length': history}


def terms(history):
    return {
        'base_ang_vel': entry([0.2, 0.2, 0.2], history, [-0.7, 0.7]),
        'projected_gravity': entry(None, history),
        'velocity_commands': entry([2.0, 2.0, 0.25], history, command_name='base_velocity'),
        'joint_pos_rel': entry([1.0, 2.0, 3.0, 4.0], history),
        'joint_vel_rel': entry([0.05] * 2, history, asset_cfg={'joint_ids': [3, 1]}),
        'last_action': entry([1.0] * 4, history, [-0.5, 0.5]),
        'gait_phase': entry(None, history, period=PERIOD),
    }


def deploy(observations):
    return {
        'joint_ids_map': [1, 3, 0, 2],
        'step_dt': 0.02,
        'stiffness': [1.0, 2.0, 3.0, 4.0],
        'damping': [0.1, 0.2, 0.3, 0.4],
        'default_joint_pos': DEFAULT,
        'commands': {
            'base_velocity': {
                'ranges': {'lin_vel_x': [-0.1, 0.2], 'lin_vel_y': [0, 0], 'ang_vel_z': [-1, 1]}
            }
        },
        'actions': {
            'JointPositionAction': {
                'clip': [[-0.2, 0.2], [-9, 9]],
                'scale': [0.5, 0.25],
                'offset': [0.3, 0.1],
                'joint_ids': [0, 2],
            },
            'JointVelocityAction': {
                'clip': None,
                'scale': [5.0, 4.0],
                'offset': [0.0, 0.0],
                'joint_ids': [3, 1],
            },
        },
        'observations': observations,
    }


def frame(samples, step):
    """Return one frame as a list of terms, each (values, clip, scales)."""
    now = samples[step]
    phase = 2 * math.pi * ((step * 0.02) % PERIOD) / PERIOD
    vx, vy, yaw = now.command
    return [
        (now.angular_velocity, (-0.7, 0.7), [0.2] * 3),
        (now.gravity, None, [1.0] * 3),
        ([min(max(vx, -0.1), 0.2), 0.0 * vy, yaw], None, [2.0, 2.0, 0.25]),
        ([q - d for q, d in zip(now.position, DEFAULT, strict=True)], None, [1.0, 2.0, 3.0, 4.0]),
        ([now.velocity[3], now.velocity[1]], None, [0.05] * 2),
        (samples[step - 1].action if step else [0.0] * 4, (-0.5, 0.5), [1.0] * 4),
        ([math.sin(phase), math.cos(phase)], None, [1.0] * 2),
    ]


def processed(term, scale_first):
    values, clip, scales = term
    result = []
    for value, scale in zip(values, scales, strict=True):
        if scale_first:
            value *= scale
        if clip is not None:
            value = min(max(value, clip[0]), clip[1])
        result.append(value if scale_first else value * scale)
    return result


def expected(samples, step, history, is_frame_major, scale_first):
    frames = [
        [processed(term, scale_first) for term in frame(samples, max(0, number))]
        for number in range(step - history + 1, step + 1)
    ]
    if is_frame_major:
        return [value for terms in frames for term in terms for value in term]
    return [value for term in zip(*frames, strict=True) for values in term for value in values]


@pytest.mark.parametrize('history', [1, 3])
@pytest.mark.parametrize('is_frame_major', [False, True])
@pytest.mark.parametrize('scale_first', [False, True])
@pytest.mark.parametrize('is_nested', [False, True])
def test_observations_and_targets(history, is_frame_major, scale_first, is_nested):
    observations = {
        'scale_first': scale_first,
        'use_gym_history': is_frame_major,
        **terms(history),
    }
    values = deploy({'policy': observations} if is_nested else observations)
    context = ModelContext(model=Path('x.onnx'), robot=ROBOT)
    spec = read_dataclass(
        PolicySpec, read_content(values, Path('w/deploy.yaml'), context).values, ''
    )
    samples = make_samples(4, 4)
    seen, targets = observed(spec, samples)
    for step, sample in enumerate(samples):
        assert seen[step] == pytest.approx(
            expected(samples, step, history, is_frame_major, scale_first), abs=1e-6
        )
        first, second, third, fourth = sample.action
        # in policy order: the third and fourth action are of joints 3 and 1
        assert targets[step] == pytest.approx(
            [min(max(0.5 * first + 0.3, -0.2), 0.2), 4 * fourth, 0.25 * second + 0.1, 5 * third],
            abs=1e-6,
        )
