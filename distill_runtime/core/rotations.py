# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Directions in the base frame. Quaternions are (w, x, y, z)."""

from __future__ import annotations

import math

from .arrays import FloatArray

NORM_TOLERANCE = 0.02
"""Largest deviation of a squared quaternion norm from 1 that is still taken for rounding."""


def write_gravity_in_base(quat_base_to_world: FloatArray, gravity: FloatArray) -> bool:
    """Write the unit vector of gravity in the base frame, R(q)^T (0, 0, -1).

    Args:
        quat_base_to_world: (w, x, y, z); normalised here.
        gravity: Receives the direction, shape (3,).

    Returns:
        False, without writing, if the quaternion is not of unit norm.
    """
    w, x, y, z = quat_base_to_world.tolist()
    squared_norm = w * w + x * x + y * y + z * z
    if not abs(squared_norm - 1.0) <= NORM_TOLERANCE:
        return False
    gravity[0] = 2.0 * (w * y - x * z) / squared_norm
    gravity[1] = -2.0 * (y * z + w * x) / squared_norm
    gravity[2] = -(w * w - x * x - y * y + z * z) / squared_norm
    return True


def tilt(gravity_in_base: FloatArray) -> float:
    """Return the angle between the base's z axis and up, in [rad].

    Args:
        gravity_in_base: Unit vector, shape (3,).
    """
    return math.acos(min(1.0, max(-1.0, -float(gravity_in_base[2]))))
