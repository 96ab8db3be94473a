# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""From the targets of one policy to those of the next."""

from __future__ import annotations

import numpy as np

from .actor import Actor
from .arrays import FloatArray


class Blend:
    """Mixes two targets, with a share that grows step by step; at rest at its end."""

    def __init__(self, num_joints: int) -> None:
        """Prepare all buffers; no blend is under way."""
        self._pose = np.zeros(num_joints)
        self.target = np.zeros(num_joints)
        """The mixture, shape (num_joints,)."""
        self._source: Actor | None = None
        self._steps = self._step = 0

    @property
    def is_active(self) -> bool:
        """Whether a blend is under way."""
        return self._step < self._steps

    def begin(self, pose: FloatArray, source: Actor | None, steps: int) -> None:
        """Begin.

        Args:
            pose: Last target, shape (num_joints,).
            source: Who goes on giving targets to come from; None: the pose stands for them.
            steps: Policy steps until the end; 0: at once.
        """
        self._pose[:] = pose
        self._source, self._steps, self._step = source, steps, 0

    def stop(self) -> None:
        """End at once."""
        self._source, self._steps = None, 0

    def mix(self, target: FloatArray) -> FloatArray:
        """Return what is wanted at this step.

        Args:
            target: Of the policy that acts, shape (num_joints,).
        """
        self._step += 1
        if self._step >= self._steps:
            self.stop()
            return target
        if self._source is not None and self._source.is_sound:
            self._pose[:] = self._source.target
        np.subtract(target, self._pose, self.target)
        np.multiply(self.target, self._step / self._steps, self.target)
        np.add(self.target, self._pose, self.target)
        return self.target
