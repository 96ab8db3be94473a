# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Joint limits: torque, step and position of commands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from .arrays import FloatArray, squared_norm
from .compiled_spec import JointTable

PositionLimits = Literal['soft', 'clip', 'off']
POSITION_LIMITS: tuple[PositionLimits, ...] = ('soft', 'clip', 'off')

MARGIN_SHARE = 0.05
"""Margin of soft position limits, as a share of the range of the joint."""
MAX_MARGIN = 0.1
"""Largest margin of soft position limits, and how far beyond a limit a joint may be, in [rad]."""
_MIN_MARGIN = 1e-6  # of a joint whose range is a point
FASTEST_JOINT = 100.0
"""Velocity limit in [rad]/[s] of a joint without a known one; the fastest joint of the robot
profiles is specified for 37 rad/s.
"""


@dataclass(frozen=True, kw_only=True)
class LimitConfig:
    """Which limits act; by default the position range alone."""

    max_step: float = 0.0
    """Largest change of a position command per tick, in [rad]; 0: unlimited."""
    torque_limit: float = 0.0
    """Share of the effort limit that a target may ask for; 0: unlimited."""
    position_limits: PositionLimits = 'clip'
    """How targets beyond the range of their joint are limited; soft clips joints whose gains are
    not known.
    """
    period: float = 0.0
    """Time between two commands, in [s]."""


class Feedback(NamedTuple):
    """Measured joints, updated in place by the runner."""

    position: FloatArray
    """In [rad], shape (num_joints,)."""
    velocity: FloatArray
    """In [rad]/[s], shape (num_joints,)."""


class Limiter:
    """Bounds commands and remembers the last one.

    Each limit overrides the one before it: torque, step, position.

    - Torque: ``kp (target - q) - kd dq`` of the drive stays within a share of the effort limit.
      From a share of 1 on it is the drive that saturates, and a target may lead the joint further
      by what it can move until the next command: otherwise the torque would fall below that of
      training as the joint moves. The bounded target lies between the measured position and
      the target, whatever dq is.
    - Step: measured from the previous *command*, not from the measured position: feedback lags,
      and a limit around it would slow valid commands.
    - Position, ``clip``: targets stay within the range of the joint. ``soft``: a policy with PD
      targets asks for torque by pointing beyond the range, so the target may lie outside while
      the joint itself is well inside. Within a margin of the limit the part of the target that
      lies beyond it is scaled down, to zero at the limit: there, and beyond it, no torque drives
      the joint outward. Targets within the range are never changed. Where the torque limit
      does not act, a target lies beyond the range by the width of the range at most.

    Source:
        The margin plays the part of soft_lower_limit and soft_upper_limit of ros2_control
        (joint_limits, soft_joint_limiter), which scale the velocity in place of the torque.
    """

    def __init__(
        self, joints: JointTable, config: LimitConfig, feedback: Feedback | None = None
    ) -> None:
        """Make all buffers; without feedback neither torque nor soft limits act."""
        max_step = config.max_step
        num_joints = len(joints.names)
        self._lower, self._upper = np.array(joints.lower), np.array(joints.upper)
        if config.position_limits == 'off':
            self._lower[joints.is_position] = -np.inf
            self._upper[joints.is_position] = np.inf
        reach, lead = torque_reach(joints, config)
        self._soft = None
        if config.position_limits == 'soft' and feedback is not None:
            self._soft = _SoftRange(joints, feedback.position, np.isfinite(reach))
        self._step = np.where(joints.is_position, max_step, np.inf) if max_step > 0.0 else None
        self._small_step_squared = 0.99 * max_step * max_step
        self._low = np.zeros(num_joints)
        self._high = np.zeros(num_joints)
        self._feedback = None
        if feedback is not None and np.isfinite(reach).any():
            self._feedback = feedback
            self._reach, self._lead = reach, lead
            self._center = np.zeros(num_joints)
            self._small_reach_squared = 0.99 * float(reach.min()) ** 2
        self.is_inactive = True
        """Whether no limit changed the last target, and it was within the range of its joint."""
        self.previous = np.zeros(num_joints)
        """Last command, shape (num_joints,); meaningful while has_previous."""
        self.has_previous = False

    def reset(self) -> None:
        """Forget the last command: the next one is not limited in its step."""
        self.has_previous = False

    def follow(self, command: FloatArray) -> None:
        """Set the last command, as a replay does that starts in the middle of a log."""
        self.previous[:] = command
        self.has_previous = True

    def _may_exceed_step(self, target: FloatArray) -> bool:
        """Whether the step limit can bind; if the norm of all steps is small, none does."""
        np.subtract(target, self.previous, self._low)
        return not squared_norm(self._low) <= self._small_step_squared

    def _may_exceed_torque(self, target: FloatArray) -> bool:
        """Whether the torque limit can bind; if the norm of all distances is small, none does."""
        np.subtract(target, self._center, self._low)
        return not squared_norm(self._low) <= self._small_reach_squared

    def _limit_torque(self, target: FloatArray, command: FloatArray, feedback: Feedback) -> bool:
        """Bound the torque of a target; return whether the command was written."""
        position, velocity = feedback
        np.multiply(velocity, self._lead, self._center)
        np.add(self._center, position, self._center)
        if not self._may_exceed_torque(target):
            return False
        low, high = self._low, self._high
        np.subtract(self._center, self._reach, low)
        np.add(self._center, self._reach, high)
        np.minimum(low, position, out=low)
        np.maximum(high, position, out=high)
        np.maximum(target, low, out=command)
        np.minimum(command, high, out=command)
        return True

    def limit(self, target: FloatArray, command: FloatArray, has_feedback: bool = False) -> None:
        """Write the command nearest to the target that is inside all limits.

        Args:
            target: Targets, finite, shape (num_joints,).
            command: Receives the limited command, shape (num_joints,); not target itself.
            has_feedback: Whether the measured joints are fresh, and torque and soft limits are to
                act. Without it positions are clipped: a slow ramp to a pose within the range may
                use any torque.
        """
        wanted = target
        if (
            has_feedback
            and self._feedback is not None
            and self._limit_torque(target, command, self._feedback)
        ):
            target = command
        if self._step is not None and self.has_previous and self._may_exceed_step(target):
            np.subtract(self.previous, self._step, self._low)
            np.add(self.previous, self._step, self._high)
            np.maximum(target, self._low, out=command)
            np.minimum(command, self._high, out=command)
            target = command
        clipped = self._low
        np.maximum(target, self._lower, out=clipped)
        np.minimum(clipped, self._upper, out=clipped)
        self.is_inactive = clipped.data == wanted.data
        if has_feedback and self._soft is not None and not self.is_inactive:
            self._soft.soften(target, clipped)
        command[:] = clipped
        self.previous[:] = clipped
        self.has_previous = True


class _SoftRange:
    """Allows targets outside the range of their joint while the joint is well inside."""

    def __init__(
        self, joints: JointTable, position: FloatArray, has_torque_limit: npt.NDArray[np.bool_]
    ) -> None:
        num_joints = len(joints.names)
        self._position = position
        self._lower, self._upper = np.array(joints.lower), np.array(joints.upper)
        self._furthest = np.where(has_torque_limit, np.inf, joints.upper - joints.lower)
        self._lowest = joints.lower - MAX_MARGIN
        self._highest = joints.upper + MAX_MARGIN
        self._per_margin = 1.0 / soft_margin(joints)
        self._is_soft = has_gains(joints)
        self._low = np.zeros(num_joints)
        self._high = np.zeros(num_joints)
        self._wanted = np.zeros(num_joints)
        self._nearest = np.zeros(num_joints)
        self._share = np.zeros(num_joints)
        self._mask = np.zeros(num_joints, dtype=bool)

    def soften(self, target: FloatArray, clipped: FloatArray) -> None:
        """Undo the clipping of targets, by the share of the margin that their joint has left.

        Args:
            target: Targets, shape (num_joints,).
            clipped: The same clipped to the range; changed in place.
        """
        position, low, high = self._position, self._low, self._high
        wanted, nearest, share, mask = self._wanted, self._nearest, self._share, self._mask
        # A joint a little beyond its limit is not pulled back: its position replaces the limit.
        # Further out the position itself is wrong, in degrees for example.
        np.maximum(position, self._lowest, out=low)
        np.minimum(position, self._highest, out=high)
        np.minimum(low, self._lower, out=low)
        np.maximum(high, self._upper, out=high)
        np.maximum(target, low, out=nearest)
        np.minimum(nearest, high, out=nearest)
        # room up to the limit that the target is beyond, as a share of the margin
        np.greater(target, high, out=mask)
        np.subtract(position, self._lower, share)
        np.subtract(self._upper, position, wanted)
        np.copyto(share, wanted, where=mask)
        np.multiply(share, self._per_margin, share)
        np.maximum(share, 0.0, out=share)
        np.minimum(share, 1.0, out=share)
        np.subtract(low, self._furthest, low)
        np.add(high, self._furthest, high)
        np.maximum(target, low, out=wanted)
        np.minimum(wanted, high, out=wanted)
        # nearest + share (wanted - nearest), and exactly wanted where share is 1
        np.equal(share, 1.0, out=mask)
        np.subtract(wanted, nearest, low)
        np.multiply(low, share, low)
        np.add(nearest, low, nearest)
        np.copyto(nearest, wanted, where=mask)
        np.copyto(clipped, nearest, where=self._is_soft)


def soft_margin(joints: JointTable) -> FloatArray:
    """Return the distance to the limit from which torque outward is scaled down.

    Returns:
        In [rad], shape (num_joints,); MAX_MARGIN where one side of the range is open.
    """
    width = joints.upper - joints.lower
    margin: FloatArray = np.clip(MARGIN_SHARE * width, _MIN_MARGIN, MAX_MARGIN)
    return margin


def has_gains(joints: JointTable) -> npt.NDArray[np.bool_]:
    """Return which joints are driven by a PD law whose stiffness is known, (num_joints,)."""
    if joints.stiffness is None:
        return np.zeros(len(joints.names), dtype=bool)
    return joints.is_position & (joints.stiffness > 0.0)


def torque_reach(joints: JointTable, config: LimitConfig) -> tuple[FloatArray, FloatArray]:
    """Return how far from ``q + lead dq`` a target may lie, in [rad], and lead in [s]."""
    num_joints, share = len(joints.names), config.torque_limit
    reach, lead = np.full(num_joints, np.inf), np.zeros(num_joints)
    if joints.stiffness is None or share == 0.0:
        return reach, lead
    damping = np.zeros(num_joints) if joints.damping is None else joints.damping
    known = has_gains(joints) & np.isfinite(joints.effort)
    reach[known] = share * joints.effort[known] / joints.stiffness[known]
    lead[known] = damping[known] / joints.stiffness[known]
    if share >= 1.0:
        fastest = np.where(np.isfinite(joints.velocity), joints.velocity, FASTEST_JOINT)
        reach += config.period * fastest
    return reach, lead
