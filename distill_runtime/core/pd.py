# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""PD law of the joints for drives that take efforts."""

from __future__ import annotations

from distill_runtime.errors import ConfigError
import numpy as np

from .arrays import FloatArray
from .compiled_spec import JointTable


class JointPD:
    """Computes ``clip(kp (q* - q) + kd (dq* - dq) + feed-forward, ±effort)`` per joint, in place.

    A position joint has dq* = 0 and no feed-forward; a velocity joint has no kp; the command of an
    effort joint is its effort.
    """

    def __init__(self, joints: JointTable) -> None:
        """Split the joints by mode.

        Raises:
            ConfigError: If the spec carries no gains.
        """
        if joints.stiffness is None or joints.damping is None:
            raise ConfigError(
                f'spec of {list(joints.names)} has no stiffness and damping, expected both for '
                "command_type 'effort'"
            )
        modes = np.array(joints.modes)
        self._stiffness = np.where(modes == 'position', joints.stiffness, 0.0)
        self._damping = np.where(modes == 'effort', 0.0, joints.damping)
        self._is_velocity = (modes == 'velocity').astype(np.float64)
        self._is_effort = (modes == 'effort').astype(np.float64)
        self._has_other = bool(np.any(modes != 'position'))
        self._upper = joints.effort
        self._lower = -joints.effort
        self._work = np.zeros(len(joints.names))
        self.effort = np.zeros(len(joints.names))
        """Joint efforts in [N m], shape (num_joints,); written by compute."""

    def compute(self, command: FloatArray, position: FloatArray, velocity: FloatArray) -> None:
        """Write the efforts.

        Args:
            command: Joint commands, shape (num_joints,).
            position: Measured positions in [rad], shape (num_joints,).
            velocity: Measured velocities in [rad]/[s], shape (num_joints,).
        """
        effort, work = self.effort, self._work
        np.subtract(command, position, effort)
        np.multiply(effort, self._stiffness, effort)
        np.multiply(velocity, self._damping, work)
        np.subtract(effort, work, effort)
        if self._has_other:
            np.multiply(command, self._is_velocity, work)
            np.multiply(work, self._damping, work)
            np.add(effort, work, effort)
            np.multiply(command, self._is_effort, work)
            np.add(effort, work, effort)
        np.maximum(effort, self._lower, out=effort)
        np.minimum(effort, self._upper, out=effort)
