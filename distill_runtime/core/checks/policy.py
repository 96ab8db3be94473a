# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Checks of a policy step: targets before limits, and observations against their trained range."""

from __future__ import annotations

from collections.abc import Mapping
import math

from distill_runtime.core.arrays import (
    as_float32,
    Float32Array,
    FloatArray,
    squared_norm,
    write_excess,
)
from distill_runtime.core.compiled_spec import CompiledSpec, ObservationLayout
import numpy as np

from .registry import CheckConfig, Finding


class PolicyChecks:
    """Finds saturated and jumping targets."""

    def __init__(self, compiled: CompiledSpec, checks: Mapping[str, CheckConfig]) -> None:
        """Make all buffers."""
        joints, action = compiled.joints, compiled.action
        self._names = joints.names
        self._lower, self._upper = joints.lower, joints.upper
        self._clip = as_float32(action.clip)
        self._unclipped_squared = _unclipped_squared(action.clip)
        self._share = checks['action_saturation'].limit
        self._jump = checks['target_step'].limit
        is_position = joints.is_position
        self._is_position = None if is_position.all() else is_position.astype(np.float64)
        self._difference = np.zeros(len(joints.names))
        self._previous = np.zeros(len(joints.names))
        self._has_previous = self._was_free = False

    def reset(self) -> None:
        """Forget the last target."""
        self._has_previous = self._was_free = False

    def judge(
        self,
        action: Float32Array,
        target: FloatArray,
        is_free: bool = False,
        longest_step: float = math.inf,
    ) -> tuple[Finding, ...]:
        """Return the findings of one policy step.

        Args:
            action: Raw network output, shape (act_dim,).
            target: Targets before all limits, shape (num_joints,).
            is_free: Whether no limit changed the targets, and all are in the range of their joint.
            longest_step: Step limit of position commands, in [rad].
        """
        findings: tuple[Finding, ...] = ()
        difference = self._difference
        is_near = is_free and self._was_free and longest_step <= self._jump
        self._was_free = is_free
        if self._has_previous and not is_near:
            np.subtract(target, self._previous, difference)
            if self._is_position is not None:
                np.multiply(difference, self._is_position, difference)
            if squared_norm(difference) > self._jump * self._jump:
                findings += self._jumps()
        is_limited = not is_free and write_excess(target, self._lower, self._upper, difference)
        if is_limited or (
            self._clip is not None and squared_norm(action) >= self._unclipped_squared
        ):
            if not is_limited:
                difference.fill(0.0)
            findings += self._saturation(action)
        self._previous[:] = target
        self._has_previous = True
        return findings

    def _jumps(self) -> tuple[Finding, ...]:
        """Name the joint whose target jumps furthest."""
        joint = int(np.abs(self._difference).argmax())
        jump = float(self._difference[joint])
        if not abs(jump) > self._jump:
            return ()
        return (
            Finding(
                'target_step',
                f'target.step: target of {self._names[joint]} jumps by {jump:.3f} rad in one '
                f'policy step, expected within {self._jump:.3f} rad',
            ),
        )

    def _saturation(self, action: Float32Array) -> tuple[Finding, ...]:
        """Return a finding if too many targets, or actions, are beyond their bounds."""
        beyond = np.count_nonzero(self._difference) / len(self._difference)
        what = 'targets lie beyond the limits of their joints'
        if self._clip is not None:
            lower, upper = self._clip
            clipped = np.count_nonzero((action < lower) | (action > upper)) / len(action)
            if clipped > beyond:
                beyond, what = clipped, 'actions lie beyond their clip'
        if not beyond or beyond < self._share:
            return ()
        return (
            Finding(
                'action_saturation',
                f'action.saturated: {beyond:.0%} of the {what}, expected less than '
                f'{self._share:.0%}: are scale and offset right?',
            ),
        )


def _unclipped_squared(bounds: tuple[FloatArray, FloatArray] | None) -> float:
    """Return the squared norm below which no action is clipped."""
    if bounds is None:
        return np.inf
    lower, upper = bounds
    return max(0.0, float(min(upper.min(), (-lower).min()))) ** 2


class TrainedRange:
    """Finds elements of the newest frame outside the range of training."""

    def __init__(self, compiled: ObservationLayout, frame: Float32Array, margin: float) -> None:
        """Check frame, shape (frame_dim,); margin is a share of the width of the range."""
        assert compiled.trained_range is not None
        lower, upper = compiled.trained_range
        width = upper - lower
        room = margin * np.where(np.isfinite(width), width, 0.0)
        self._name = compiled.name
        self._frame = frame
        self._lower = (lower - room).astype(np.float32)
        self._upper = (upper + room).astype(np.float32)
        self._excess = np.zeros_like(frame)

    def find(self) -> tuple[Finding, ...]:
        """Return the element that is furthest outside."""
        excess = self._excess
        if not write_excess(self._frame, self._lower, self._upper, excess):
            return ()
        index = int(np.abs(excess).argmax())
        return (
            Finding(
                'observation_range',
                f'observation.range: element {index} of a frame of {self._name!r} is '
                f'{self._frame[index]:.4g}, expected {self._lower[index]:.4g} to '
                f'{self._upper[index]:.4g}, as in training',
            ),
        )
