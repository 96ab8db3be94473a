# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Measured joints against the limits of the robot: one comparison for all of them."""

from __future__ import annotations

from collections.abc import Mapping
import math

import numpy as np

from .arrays import FloatArray, squared_norm, write_excess
from .checks import CheckConfig, Finding
from .limits import FASTEST_JOINT
from .plan import Plan
from .sensors import InputProblem


class JointRange:
    """Finds positions and velocities that a sound joint does not have."""

    def __init__(self, plan: Plan, values: FloatArray, checks: Mapping[str, CheckConfig]) -> None:
        """Choose the bounds.

        Args:
            plan: Limits of the joints; what is not known is not bounded.
            values: View of the runner's positions and velocities, robot order.
            checks: Those of joint_position and joint_velocity.
        """
        joints, layout = plan.joints, plan.layout
        margin, factor = checks['joint_position'].limit, checks['joint_velocity'].limit
        self._values = values
        self._lower = np.full(len(values), -np.inf)
        self._upper = np.full(len(values), np.inf)
        self._lower[joints.position_index] = joints.position_lower - margin
        self._upper[joints.position_index] = joints.position_upper + margin
        fastest = np.array(joints.velocity)
        fastest[np.isfinite(fastest)] *= factor
        self._lower[joints.velocity_index] = -fastest
        self._upper[joints.velocity_index] = fastest
        if checks['joint_position'].action == 'ignore':
            self._lower[layout.joint_position] = -np.inf
            self._upper[layout.joint_position] = np.inf
        if checks['joint_velocity'].action == 'ignore':
            self._lower[layout.joint_velocity] = -np.inf
            self._upper[layout.joint_velocity] = np.inf
        self._is_bounded = bool(np.isfinite(self._lower).any() or np.isfinite(self._upper).any())
        self._names = layout.joints
        self._excess = np.zeros(len(values))

    def find(self) -> tuple[Finding, ...]:
        """Return the worst joint of each check that finds one."""
        if not self._is_bounded:
            return ()
        excess = self._excess
        if not write_excess(self._values, self._lower, self._upper, excess):
            return ()
        count = len(self._names)
        return tuple(
            self._finding(check, start)
            for check, start in (('joint_position', 0), ('joint_velocity', count))
            if excess[start : start + count].any()
        )

    def _finding(self, check: str, start: int) -> Finding:
        """Name the joint that is furthest out."""
        count = len(self._names)
        joint = int(np.abs(self._excess[start : start + count]).argmax())
        place = start + joint
        what, unit = ('position', 'rad') if check == 'joint_position' else ('velocity', 'rad/s')
        return Finding(
            check,
            f'{what}.limit: {self._names[joint]} is at {self._values[place]:.3f} {unit}, expected '
            f'{_range(self._lower[place], self._upper[place])} {unit}: is it the right robot, are '
            'the units right?',
        )


class VelocityBound:
    """Finds velocities that no joint has: a glitch, wrong units. Their sample is not used."""

    def __init__(self, plan: Plan, check: CheckConfig) -> None:
        """Choose the bounds.

        Args:
            plan: Velocity limits of the joints; FASTEST_JOINT bounds one that has none.
            check: The multiple of a limit that is the bound, and whether to look at all.
        """
        layout, joints = plan.layout, plan.joints
        self._part = layout.joint_velocity
        self._names = layout.joints
        self._bound = np.full(len(layout.joints), np.inf)
        if check.action != 'ignore':
            limit = np.where(
                np.isfinite(joints.velocity), check.limit * joints.velocity, FASTEST_JOINT
            )
            self._bound[joints.velocity_index - self._part.start] = limit
        smallest = float(self._bound.min())
        self._small_squared = 0.99 * smallest * smallest

    def problem(self, values: FloatArray) -> InputProblem | None:
        """Name the joint whose velocity is furthest beyond its bound, if there is one.

        Args:
            values: The sensor vector, all finite.
        """
        velocity = values[self._part]
        if squared_norm(velocity) <= self._small_squared:
            return None
        excess = np.abs(velocity) - self._bound
        joint = int(excess.argmax())
        if not excess[joint] > 0.0:
            return None
        return InputProblem(
            f'velocity.implausible: {self._names[joint]} is at {velocity[joint]:.4g} rad/s, '
            f'expected within {self._bound[joint]:.4g} rad/s of any joint like it, the last valid '
            'sample is kept: are the units right, does its encoder slip?',
            check='implausible_velocity',
        )


def _range(lower: float, upper: float) -> str:
    """Say a range of which one side may be open."""
    if math.isinf(lower):
        return f'up to {upper:.3f}'
    if math.isinf(upper):
        return f'from {lower:.3f}'
    return f'{lower:.3f} to {upper:.3f}'
