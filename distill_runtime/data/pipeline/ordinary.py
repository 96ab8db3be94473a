# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Find chunks of ticks that need no runner, since none of its checks can find anything.

The bounds are tighter than those of the checks. The runner decides about every other chunk.
"""

from __future__ import annotations

from distill_runtime.core.arrays import BoolArray, FloatArray, MAX_SQUARED_NORM, StampArray
from distill_runtime.core.compiled_spec import CompiledSpec
from distill_runtime.core.config import RunnerConfig
from distill_runtime.core.instance.batch import gravity_rows
from distill_runtime.core.limits import FASTEST_JOINT
from distill_runtime.core.sensors import NEVER
import numpy as np


class OrdinaryChunk:
    """Decides whether no check of the runner can find anything in a chunk in policy mode.

    The bounds are tighter than those of the checks. The runner decides about every other chunk.
    """

    def __init__(self, compiled: CompiledSpec, config: RunnerConfig) -> None:
        """Choose the bounds.

        Args:
            compiled: Which inputs the policy needs, limits of the joints.
            config: Ages and thresholds of the checks.
        """
        joints, layout = compiled.joints, compiled.layout
        self._compiled = compiled
        self._joints = slice(0, layout.joint_velocity.stop)
        self._imu = slice(layout.angular_velocity.start, layout.quat_base_to_world.stop)
        max_age_ns = round(config.max_input_age * 1e9)
        needed = [True, compiled.needs_imu, compiled.needs_odometry, False]
        ages = [(column, max_age_ns) for column, is_needed in enumerate(needed) if is_needed]
        for column, entry in enumerate(layout.externals, len(needed)):
            ages.append((column, round(entry.max_age * 1e9)))
        self._max_ages = tuple(ages)
        """Columns of the stamps that must be there, and the greatest age of each; 0: any."""
        self._max_gravity = (
            -np.cos(config.tilt_limit) - 1e-9 if config.tilt_limit > 0.0 else np.inf
        )
        factors = [
            config.checks[name].limit for name in ('joint_velocity', 'implausible_velocity')
        ]
        fastest = np.where(np.isfinite(joints.velocity), joints.velocity, FASTEST_JOINT)
        self._velocity = joints.velocity_index, fastest * min(1.0, *factors)
        self._position_index = joints.position_index
        self._lower, self._upper = joints.position_lower, joints.position_upper

    def is_ordinary(self, sensors: FloatArray, input_ns: StampArray, stamp_ns: StampArray) -> bool:
        """Return whether all ticks are ordinary.

        Args:
            sensors: Newest samples, after those of the tick before the chunk, (1 + n, size).
            input_ns: Their stamps, shape (1 + n, 4 + number of external inputs).
            stamp_ns: Time of each tick, shape (n,).
        """
        now = sensors[1:]
        if not (np.einsum('ij,ij->i', now, now) < 0.99 * MAX_SQUARED_NORM).all():
            return False
        for column, max_age_ns in self._max_ages:
            samples = input_ns[1:, column]
            if (samples == NEVER).any():
                return False
            if max_age_ns and (np.abs(stamp_ns - samples) > max_age_ns).any():
                return False
        return self._is_upright(now) and self._is_within(now) and self._changes(sensors, input_ns)

    def _is_upright(self, sensors: FloatArray) -> bool:
        if not self._compiled.needs_imu:
            return True
        gravity = gravity_rows(sensors[:, self._compiled.layout.quat_base_to_world])
        return bool((gravity[:, 2] <= self._max_gravity).all())

    def _is_within(self, sensors: FloatArray) -> bool:
        """Whether joints are within their limits."""
        position = sensors[:, self._position_index]
        index, fastest = self._velocity
        is_within = (position >= self._lower) & (position <= self._upper)
        return bool(is_within.all() and (np.abs(sensors[:, index]) <= fastest).all())

    def _changes(self, sensors: FloatArray, input_ns: StampArray) -> bool:
        """Whether each new sample of joints and Imu differs from the one before."""
        segments = [(0, self._joints)]
        if self._compiled.needs_imu:
            segments.append((1, self._imu))
        for column, segment in segments:
            is_new: BoolArray = np.diff(input_ns[:, column]) != 0
            differs = (sensors[1:, segment] != sensors[:-1, segment]).any(axis=1)
            if (is_new & ~differs).any():
                return False
        return True
