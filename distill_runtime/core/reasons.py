# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Reasons in words, made only when something is wrong."""

from __future__ import annotations

import numpy as np

from .arrays import Float32Array
from .sensors import Sensors


def joined(reason: str, warning: str) -> str:
    """Add what was seen to what it led to."""
    return f'{reason} ({warning})' if warning else reason


def non_finite(sensors: Sensors) -> str:
    """Name the input that holds a value that is not finite."""
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
    for name, segment in segments.items():
        part = sensors.values[segment]
        bad = np.flatnonzero(~np.isfinite(part))
        if len(bad):
            return f'{name}.not_finite: element {bad[0]} is {part[bad[0]]}, the last sound one is kept'
    return 'input.not_finite: the sum of all inputs overflows, the last sound one is kept'


def bad_action(action: Float32Array) -> str:
    """Name the element of the network output that is not finite."""
    bad = np.flatnonzero(~np.isfinite(action))
    place = f'element {bad[0]} is {action[bad[0]]}' if len(bad) else 'its sum overflows'
    return f'action.not_finite: network output {place}'
