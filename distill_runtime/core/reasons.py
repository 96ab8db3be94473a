# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Reasons in words, made only when something is wrong."""

from __future__ import annotations

import math

import numpy as np

from .arrays import Float32Array, FloatArray, is_sound
from .sensors import InputProblem, Sensors


def joined(reason: str, warning: str) -> str:
    """Add what was seen to what it led to."""
    return f'{reason} ({warning})' if warning else reason


def unsound_input(sensors: Sensors, is_norm_wrong: bool = False) -> InputProblem:
    """Name the first input that holds what no sensor gives, the velocity command last.

    Args:
        sensors: Of which some input is unsound.
        is_norm_wrong: Whether the orientation is finite, but no rotation.
    """
    layout = sensors.layout
    segments = [
        ('joint_states.position', layout.joint_position),
        ('joint_states.velocity', layout.joint_velocity),
        ('imu.angular_velocity', layout.angular_velocity),
        ('imu.orientation', layout.quat_base_to_world),
        ('odom.twist', layout.base_linear_velocity),
        *((entry.topic, layout.external(entry.topic)) for entry in layout.externals),
        ('cmd_vel', layout.velocity_command),
    ]
    for name, part in segments:
        values = sensors.values[part]
        if not is_sound(values):
            element, what = _worst(values)
            return InputProblem(
                f'{name}.{what}: element {element} is {values[element]}, the last sound one is '
                'kept',
                check='' if part == layout.velocity_command else 'input_sample',
            )
        if is_norm_wrong and part == layout.quat_base_to_world:
            quat = [round(float(value), 4) for value in values]
            return InputProblem(
                f'imu.norm: orientation (w, x, y, z) is {quat}, expected a unit quaternion, the '
                'last sound one is kept'
            )
    return InputProblem('sensors.too_large: the values are huge, the last sound ones are kept')


def unsound_action(action: Float32Array) -> str:
    """Name the element of the network output that cannot be a target."""
    element, what = _worst(action)
    return f'action.{what}: network output element {element} is {action[element]}'


def _worst(values: FloatArray | Float32Array) -> tuple[int, str]:
    """Return the first element that is not finite, else the largest one, and what is wrong."""
    magnitude = np.nan_to_num(np.abs(values), nan=np.inf, posinf=np.inf)
    element = int(magnitude.argmax())
    return element, 'too_large' if math.isfinite(magnitude[element]) else 'not_finite'
