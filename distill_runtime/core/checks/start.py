# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Conditions for a start of the policy from standby."""

from __future__ import annotations

from distill_runtime.core.arrays import FloatArray
from distill_runtime.core.compiled_spec import CompiledSpec, JointTable
from distill_runtime.core.config import RunnerConfig
from distill_runtime.core.input_buffer import InputBuffer
from distill_runtime.core.rotations import tilt
import numpy as np


def start_problem(compiled: CompiledSpec, input_buffer: InputBuffer, config: RunnerConfig) -> str:
    """Return why the policy may not start now, or ''.

    Args:
        compiled: Joints and inputs of the robot.
        input_buffer: Has the samples in use.
        config: The limits.
    """
    if input_buffer.problem is not None:
        return input_buffer.problem.reason
    is_tilted = tilt_problem(input_buffer.gravity, config) if compiled.needs_imu else ''
    return is_tilted or pose_problem(compiled.joints, input_buffer.joint_position, config)


def pose_problem(joints: JointTable, position: FloatArray, config: RunnerConfig) -> str:
    """Return why the measured pose is too far from the default pose, or ''.

    Args:
        joints: Default position of each joint.
        position: Measured, in [rad], shape (num_joints,).
        config: The limit.
    """
    if not config.start_pose_limit:
        return ''
    distance = np.where(joints.is_position, np.abs(position - joints.default_command), 0.0)
    joint = int(distance.argmax())
    if distance[joint] <= config.start_pose_limit:
        return ''
    return (
        f'{joints.names[joint]} is at {position[joint]:.3f} rad, {distance[joint]:.3f} rad from '
        f'its default {joints.default_command[joint]:.3f} rad, expected within '
        f'{config.start_pose_limit:.3f} '
        'rad: is standby done, do the motors follow?'
    )


def tilt_problem(gravity: FloatArray, config: RunnerConfig) -> str:
    """Return why the base is too tilted to start, or ''.

    Args:
        gravity: Unit vector in the base frame, shape (3,).
        config: The limit.
    """
    angle = tilt(gravity)
    if not config.start_tilt_limit or angle <= config.start_tilt_limit:
        return ''
    return (
        f'base is tilted by {angle:.2f} rad, expected within {config.start_tilt_limit:.2f} rad: '
        'set the robot upright'
    )
