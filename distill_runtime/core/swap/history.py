# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""What the newest policy steps saw, and what was commanded before each: for the next policy."""

from __future__ import annotations

from distill_runtime.core.arrays import FloatArray
from distill_runtime.core.compiled_spec import ActionLayout
import numpy as np

DEPTH = 512
"""Policy steps that are remembered: ten seconds at 50 Hz."""


class StepHistory:
    """The newest steps since the policy was started; they are numbered from 0.

    One thread writes, any may take a copy of it.

    Attributes:
        sensor_vectors: Sensor values and gravity, shape (depth, sensor_dim).
        targets: Those of the step before, joint order of the commands, shape (depth, num_joints).
        actions: Last action of whoever acted, its plan's width first, shape (depth, width).
        action_layouts: How each action became the targets.
        elapsed: Steps since the gait clock of whoever acted began, shape (depth,).
        stamps: Time of each step in [ns], shape (depth,).
        count: Number of the next step.
        run: How often it has been cleared: the numbers of another run are of other steps.
    """

    def __init__(
        self, sensor_dim: int, num_joints: int, compiled: ActionLayout, depth: int = DEPTH
    ) -> None:
        """Make all memory at once; plan is that of whoever acts first."""
        self.sensor_vectors = np.zeros((depth, sensor_dim))
        self.targets = np.zeros((depth, num_joints))
        self.actions = np.zeros((depth, compiled.width))
        self.action_layouts: list[ActionLayout] = [compiled] * depth
        self.elapsed = np.zeros(depth, dtype=np.int64)
        self.stamps = np.zeros(depth, dtype=np.int64)
        self._depth = depth
        self.count = self.run = 0

    def clear(self) -> None:
        """Forget all steps."""
        self.run += 1
        self.count = 0

    def widen(self, width: int) -> None:
        """Make room for the actions of another policy, shape (width,)."""
        depth, present = self.actions.shape
        if width > present:
            actions = np.zeros((depth, width))
            actions[:, :present] = self.actions
            self.actions = actions

    def copy(self) -> StepHistory:
        """Return what is remembered now, taken while another thread goes on writing."""
        while True:
            count, run = self.count, self.run
            other = StepHistory.__new__(StepHistory)
            other.sensor_vectors, other.targets = self.sensor_vectors.copy(), self.targets.copy()
            other.actions, other.action_layouts = self.actions.copy(), list(self.action_layouts)
            other.elapsed, other.stamps = self.elapsed.copy(), self.stamps.copy()
            other._depth, other.count, other.run = self._depth, count, run
            if (self.count, self.run) == (count, run):
                return other

    def place(self, number: int) -> int:
        """Return the row of a step."""
        return number % self._depth

    @property
    def oldest(self) -> int:
        """Number of the oldest step that is remembered and not about to be overwritten."""
        return max(0, self.count - self._depth + 1)

    def elapsed_in(self, number: int) -> int:
        """Return the steps of the gait clock before a step.

        Args:
            number: Of a step that is remembered, or of the next one.
        """
        return int(self.elapsed[self.place(number)]) if number < self.count else 0

    def push(
        self,
        sensor_vector: FloatArray,
        target: FloatArray,
        action: FloatArray,
        compiled: ActionLayout,
        elapsed: int,
        stamp_ns: int,
    ) -> None:
        """Remember a step that is about to be done, see the attributes."""
        place = self.count % self._depth
        self.sensor_vectors[place] = sensor_vector
        self.targets[place] = target
        self.actions[place, : len(action)] = action
        self.action_layouts[place] = compiled
        self.elapsed[place] = elapsed
        self.stamps[place] = stamp_ns
        self.count += 1
