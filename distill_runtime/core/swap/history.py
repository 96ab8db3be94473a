# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Inputs of the newest policy steps, from which another policy builds up its state."""

from __future__ import annotations

from distill_runtime.core.arrays import FloatArray
from distill_runtime.core.compiled_spec import ActionLayout
import numpy as np

DEPTH = 512
"""Policy steps in the history: ten seconds at 50 Hz."""


class StepHistory:
    """Ring buffer of the newest steps of a run; steps are numbered from 0.

    One thread writes, any thread may take a copy.

    Attributes:
        sensor_vectors: Sensor values and gravity, shape (depth, sensor_dim).
        targets: Targets of the step before, in the order of the commands, (depth, num_joints).
        actions: Last action of the active policy, its width first, shape (depth, width).
        action_layouts: How each action became the targets.
        elapsed: Steps since the gait clock of the active policy started, shape (depth,).
        stamps: Time of each step in [ns], shape (depth,).
        count: Number of the next step.
        run: Counts the calls of clear: step numbers of another run mean other steps.
    """

    def __init__(
        self, sensor_dim: int, num_joints: int, compiled: ActionLayout, depth: int = DEPTH
    ) -> None:
        """Allocate all memory; sensor_dim counts gravity, too."""
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
        """Make room for actions of shape (width,)."""
        depth, present = self.actions.shape
        if width > present:
            actions = np.zeros((depth, width))
            actions[:, :present] = self.actions
            self.actions = actions

    def copy(self) -> StepHistory:
        """Return a consistent copy while another thread may write."""
        while True:
            count, run = self.count, self.run
            other = StepHistory.__new__(StepHistory)
            other.sensor_vectors, other.targets = self.sensor_vectors.copy(), self.targets.copy()
            other.actions, other.action_layouts = self.actions.copy(), list(self.action_layouts)
            other.elapsed, other.stamps = self.elapsed.copy(), self.stamps.copy()
            other._depth, other.count, other.run = self._depth, count, run
            if (self.count, self.run) == (count, run):
                return other

    def row(self, number: int) -> int:
        """Return the row of a step."""
        return number % self._depth

    @property
    def oldest(self) -> int:
        """Number of the oldest step that the next push does not overwrite."""
        return max(0, self.count - self._depth + 1)

    def elapsed_in(self, number: int) -> int:
        """Return the steps of the gait clock before a step of the history, or before the next."""
        return int(self.elapsed[self.row(number)]) if number < self.count else 0

    def push(
        self,
        sensor_vector: FloatArray,
        target: FloatArray,
        action: FloatArray,
        compiled: ActionLayout,
        elapsed: int,
        stamp_ns: int,
    ) -> None:
        """Append the step that comes next, see the attributes."""
        row = self.count % self._depth
        self.sensor_vectors[row] = sensor_vector
        self.targets[row] = target
        self.actions[row, : len(action)] = action
        self.action_layouts[row] = compiled
        self.elapsed[row] = elapsed
        self.stamps[row] = stamp_ns
        self.count += 1
