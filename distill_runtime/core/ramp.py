# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""A smooth way from one pose to another."""

from __future__ import annotations

import numpy as np

from .arrays import FloatArray


class Ramp:
    """Moves from a start to a goal, at rest at both ends.

    The share of the way at u = t / duration is 3 u² - 2 u³.
    """

    def __init__(self, goal: FloatArray, duration_ns: int) -> None:
        """Prepare all buffers.

        Args:
            goal: End pose, shape (num_joints,).
            duration_ns: Time it takes; 0: at the goal at once.
        """
        self._goal = np.array(goal)
        self._duration_ns = duration_ns
        self._start = np.array(goal)
        self._start_ns = 0

    def begin(self, pose: FloatArray, stamp_ns: int) -> None:
        """Start from a pose, shape (num_joints,)."""
        self._start[:] = pose
        self._start_ns = stamp_ns

    def aim(self, goal: FloatArray) -> None:
        """Change the end pose, shape (num_joints,)."""
        self._goal[:] = goal

    def write(self, stamp_ns: int, pose: FloatArray) -> None:
        """Write the pose of this moment, shape (num_joints,)."""
        elapsed_ns = max(stamp_ns - self._start_ns, 0)
        if elapsed_ns >= self._duration_ns:
            pose[:] = self._goal
            return
        share = elapsed_ns / self._duration_ns
        np.subtract(self._goal, self._start, pose)
        np.multiply(pose, share * share * (3.0 - 2.0 * share), pose)
        np.add(pose, self._start, pose)
