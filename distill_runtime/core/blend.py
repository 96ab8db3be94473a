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
        self.pose = np.zeros(num_joints)
        """Where it comes from, shape (num_joints,)."""
        self._mixture = np.zeros(num_joints)
        self.source: Actor | None = None
        """Who goes on giving that pose; None: nobody, or no blend is under way."""
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
        self.pose[:] = pose
        self.source, self._steps, self._step = (source if steps else None), steps, 0

    def stop(self) -> None:
        """End at once."""
        self.source, self._steps = None, 0

    def mix(self, target: FloatArray) -> FloatArray:
        """Return what is wanted at this step.

        Args:
            target: Of the policy that acts, shape (num_joints,).
        """
        self._step += 1
        if self._step >= self._steps:
            self.stop()
            return target
        if self.source is not None and self.source.is_sound:
            self.pose[:] = self.source.target
        np.subtract(target, self.pose, self._mixture)
        np.multiply(self._mixture, self._step / self._steps, self._mixture)
        np.add(self._mixture, self.pose, self._mixture)
        return self._mixture
