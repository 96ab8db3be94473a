# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""What stands in ~/tick: for the node that says it, and for whoever reads a recording of it."""

from __future__ import annotations

TICK_FIELDS = (
    'tick',
    'stamp_ns',
    'joint_states_ns',
    'imu_ns',
    'cmd_vel_ns',
    'odom_ns',
    'mode',
    'model',
    'lateness_ns',
)
"""Labels of its elements. The four input fields identify the sample in use by its header stamp,
cmd_vel of type Twist by its source timestamp; -1 where there is none. model is model_number.
"""


def model_number(sha256: str) -> int:
    """Return what ~/tick carries of a model's sha256: its first 60 bits."""
    return int(sha256[:15], 16)
