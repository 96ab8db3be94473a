# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Reasons in words, made only when something is wrong."""

from __future__ import annotations

import math

import numpy as np

from .arrays import Float32Array, FloatArray
from .sensors import Sensors


def joined(reason: str, warning: str) -> str:
    """Add what was seen to what it led to."""
    return f'{reason} ({warning})' if warning else reason


def unsound_input(sensors: Sensors) -> str:
    """Name the input that holds a value that no sensor gives."""
    layout = sensors.layout
    segments = {
        'joint_states.position': layout.joint_position,
        'joint_states.velocity': layout.joint_velocity,
        'imu.angular_velocity': layout.angular_velocity,
        'imu.orientation': layout.quat_base_to_world,
        'cmd_vel': layout.velocity_command,
        'odom.twist': layout.base_linear_velocity,
        **{entry.topic: layout.external(entry.topic) for entry in layout.externals},
    }
    element, what = _worst(sensors.values)
    name, start = next(
        (name, part.start) for name, part in segments.items() if element < part.stop
    )
    value = sensors.values[element]
    return f'{name}.{what}: element {element - start} is {value}, the last sound one is kept'


def unsound_action(action: Float32Array) -> str:
    """Name the element of the network output that cannot be a target."""
    element, what = _worst(action)
    return f'action.{what}: network output element {element} is {action[element]}'


def _worst(values: FloatArray | Float32Array) -> tuple[int, str]:
    """Return the first element that is not finite, else the largest one, and what is wrong."""
    magnitude = np.nan_to_num(np.abs(values), nan=np.inf, posinf=np.inf)
    element = int(magnitude.argmax())
    return element, 'too_large' if math.isfinite(magnitude[element]) else 'not_finite'
