# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Checks of the robot: joints against their limits, and sensors that repeat a frozen sample."""

from __future__ import annotations

from collections.abc import Mapping
import math

from distill_runtime.core.arrays import FloatArray, squared_norm, write_excess
from distill_runtime.core.compiled_spec import CompiledSpec
from distill_runtime.core.limits import FASTEST_JOINT
from distill_runtime.core.sensors import InputProblem, NEVER
import numpy as np

from .registry import CheckConfig, Finding


class JointRange:
    """Finds measured positions and velocities beyond the limits of their joint."""

    def __init__(
        self, compiled: CompiledSpec, values: FloatArray, checks: Mapping[str, CheckConfig]
    ) -> None:
        """Compute the bounds; values views positions and velocities in robot order."""
        joints, layout = compiled.joints, compiled.layout
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
        """Return the worst joint per check."""
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
        """Name the joint that is furthest outside."""
        count = len(self._names)
        joint = int(np.abs(self._excess[start : start + count]).argmax())
        index = start + joint
        what, unit = ('position', 'rad') if check == 'joint_position' else ('velocity', 'rad/s')
        return Finding(
            check,
            f'{what}.limit: {self._names[joint]} is at {self._values[index]:.3f} {unit}, expected '
            f'{_range(self._lower[index], self._upper[index])} {unit}: is it the right robot, are '
            'the units right?',
        )


class VelocityBound:
    """Finds implausible velocities: a glitch, wrong units. Their sample is not used."""

    def __init__(self, compiled: CompiledSpec, check: CheckConfig) -> None:
        """Compute the bounds; FASTEST_JOINT bounds a joint without a limit."""
        layout, joints = compiled.layout, compiled.joints
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
        """Name the joint furthest beyond its bound in a finite sensor vector, or return None."""
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
    """Format a range of which one side may be open."""
    if math.isinf(lower):
        return f'up to {upper:.3f}'
    if math.isinf(upper):
        return f'from {lower:.3f}'
    return f'{lower:.3f} to {upper:.3f}'


class FrozenSample:
    """Finds an input whose new samples repeat an earlier one bit for bit.

    An input that has never changed is no finding: it may be a test bench, or a part at rest.
    """

    def __init__(self, topic: str, part: slice, time_ns: int) -> None:
        """Check a part of the sensor vector; time_ns without a change is tolerated, inclusive."""
        self._topic = topic
        self._part = part
        self._probe = part.start
        self._time_ns = time_ns
        self._is_same = np.zeros(part.stop - part.start, np.bool_)
        self.reset()

    def reset(self) -> None:
        """Forget every sample."""
        self._changed_ns = NEVER
        self._changes = 0
        self._repeats = 0

    def begin(self, stamp_ns: int) -> None:
        """Restart the time without a change."""
        self._changed_ns = stamp_ns
        self._repeats = 0

    def note(self, values: FloatArray, held: FloatArray, stamp_ns: int) -> None:
        """Compare a new sample with the one in use."""
        if values.item(self._probe) == held.item(self._probe) and self._is_equal(values, held):
            self._repeats += 1
        else:
            self._changed_ns = stamp_ns
            self._changes += 1
            self._repeats = 0

    def _is_equal(self, values: FloatArray, held: FloatArray) -> bool:
        """Whether all bits are the same."""
        part = self._part
        np.equal(values[part].view(np.int64), held[part].view(np.int64), self._is_same)
        return bool(self._is_same.all())

    def find(self, stamp_ns: int) -> tuple[Finding, ...]:
        """Return the finding of this tick."""
        if not self._repeats or self._changes < 2:
            return ()
        elapsed_ns = stamp_ns - self._changed_ns
        if elapsed_ns <= self._time_ns:
            return ()
        return (
            Finding(
                'input_frozen',
                f'{self._topic}.frozen: {self._repeats} samples in {elapsed_ns / 1e9:.3f} s '
                'repeat the one before bit for bit: does the sensor still measure, or does its '
                'driver send the last value?',
            ),
        )
