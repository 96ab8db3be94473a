# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""What no command ever leaves: the range of each joint, and the largest step of a position."""

from __future__ import annotations

import numpy as np

from .arrays import FloatArray
from .plan import JointPlan


class Limiter:
    """Clips commands in place and remembers the last one.

    The step is measured from the previous *command*, not from the measured position: feedback
    lags, and a limit around it would slow commands that are fine. The range has the last word:
    where the two conflict, the command is inside the range.
    """

    def __init__(self, joints: JointPlan, max_step: float) -> None:
        """Prepare all buffers.

        Args:
            joints: Range and mode of each joint.
            max_step: Largest change of a position command per tick, in [rad]; 0: unlimited.
        """
        self._lower = joints.lower
        self._upper = joints.upper
        is_position = np.array([mode == 'position' for mode in joints.modes])
        self._step = np.where(is_position, max_step, np.inf) if max_step > 0.0 else None
        self._small_step_squared = 0.99 * max_step * max_step
        self._low = np.zeros(len(joints.names))
        self._high = np.zeros(len(joints.names))
        self.previous = np.zeros(len(joints.names))
        """Last command, shape (num_joints,); meaningful while has_previous."""
        self.has_previous = False

    def reset(self) -> None:
        """Forget the last command: the next one is not limited in its step."""
        self.has_previous = False

    def _may_exceed_step(self, target: FloatArray) -> bool:
        """Whether the step limit can bind; where all steps together are small, none does."""
        np.subtract(target, self.previous, self._low)
        return not np.vdot(self._low, self._low) <= self._small_step_squared

    def limit(self, target: FloatArray, command: FloatArray) -> None:
        """Write the command nearest to the target that is inside all limits.

        Args:
            target: What is wanted, finite, shape (num_joints,).
            command: Receives the limited command, shape (num_joints,); may be target itself.
        """
        if self._step is not None and self.has_previous and self._may_exceed_step(target):
            np.subtract(self.previous, self._step, self._low)
            np.add(self.previous, self._step, self._high)
            np.maximum(target, self._low, out=command)
            np.minimum(command, self._high, out=command)
            target = command
        np.maximum(target, self._lower, out=command)
        np.minimum(command, self._upper, out=command)
        self.previous[:] = command
        self.has_previous = True
