# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""What no command ever leaves: torque, step of a position, and range of each joint."""

from __future__ import annotations

import numpy as np

from .arrays import FloatArray, squared_norm
from .plan import JointPlan


class Limiter:
    """Clips commands in place and remembers the last one.

    Each limit has the last word over the one before: torque, step, range.

    A target is held where the PD law of the drive, ``kp (target - q) - kd dq``, stays within the
    effort limit of its joint, by the newest feedback. The step is measured from the previous
    *command*, not from the measured position: feedback lags, and a limit around it would slow
    commands that are fine.
    """

    def __init__(
        self,
        joints: JointPlan,
        max_step: float,
        torque_factor: float = 0.0,
        position: FloatArray | None = None,
        velocity: FloatArray | None = None,
    ) -> None:
        """Prepare all buffers.

        Args:
            joints: Range, gains, effort limit and mode of each joint.
            max_step: Largest change of a position command per tick, in [rad]; 0: unlimited.
            torque_factor: Share of the effort limit that a target may ask for; 0: unlimited.
            position: Measured positions in [rad], shape (num_joints,), updated by others.
            velocity: Measured velocities in [rad]/[s], alike.
        """
        num_joints = len(joints.names)
        self._lower = joints.lower
        self._upper = joints.upper
        self._step = np.where(joints.is_position, max_step, np.inf) if max_step > 0.0 else None
        self._small_step_squared = 0.99 * max_step * max_step
        self._low = np.zeros(num_joints)
        self._high = np.zeros(num_joints)
        self._middle = np.zeros(num_joints)
        self._feedback = None
        if position is not None and velocity is not None and torque_factor > 0.0:
            reach, lead = _torque_reach(joints, torque_factor)
            if np.isfinite(reach).any():
                self._feedback = (position, velocity)
                self._reach, self._lead = reach, lead
                self._small_reach_squared = 0.99 * float(reach.min()) ** 2
        self.previous = np.zeros(num_joints)
        """Last command, shape (num_joints,); meaningful while has_previous."""
        self.has_previous = False

    def reset(self) -> None:
        """Forget the last command: the next one is not limited in its step."""
        self.has_previous = False

    def follow(self, command: FloatArray) -> None:
        """Take a command as the last one: a replay knows what was sent before it began."""
        self.previous[:] = command
        self.has_previous = True

    def _may_exceed_step(self, target: FloatArray) -> bool:
        """Whether the step limit can bind; where all steps together are small, none does."""
        np.subtract(target, self.previous, self._low)
        return not squared_norm(self._low) <= self._small_step_squared

    def _may_exceed_torque(self, target: FloatArray) -> bool:
        """Whether the torque limit can bind: not where all targets together are near enough."""
        np.subtract(target, self._middle, self._low)
        return not squared_norm(self._low) <= self._small_reach_squared

    def limit(self, target: FloatArray, command: FloatArray, has_feedback: bool = False) -> None:
        """Write the command nearest to the target that is inside all limits.

        Args:
            target: What is wanted, finite, shape (num_joints,).
            command: Receives the limited command, shape (num_joints,); may be target itself.
            has_feedback: Whether the measured joints are fresh and the torque is to be limited: a
                slow way to a pose may pull as hard as it can.
        """
        if has_feedback and self._feedback is not None:
            position, velocity = self._feedback
            np.multiply(velocity, self._lead, self._middle)
            np.add(self._middle, position, self._middle)
            if self._may_exceed_torque(target):
                np.subtract(self._middle, self._reach, self._low)
                np.add(self._middle, self._reach, self._high)
                np.maximum(target, self._low, out=command)
                np.minimum(command, self._high, out=command)
                target = command
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


def _torque_reach(joints: JointPlan, factor: float) -> tuple[FloatArray, FloatArray]:
    """Return how far from ``q + lead dq`` a target may lie, in [rad], and lead in [s]."""
    num_joints = len(joints.names)
    reach, lead = np.full(num_joints, np.inf), np.zeros(num_joints)
    if joints.stiffness is None:
        return reach, lead
    damping = np.zeros(num_joints) if joints.damping is None else joints.damping
    known = joints.is_position & (joints.stiffness > 0.0) & np.isfinite(joints.effort)
    reach[known] = factor * joints.effort[known] / joints.stiffness[known]
    lead[known] = damping[known] / joints.stiffness[known]
    return reach, lead
