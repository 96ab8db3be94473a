# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""The velocity command: clip it to the trained range, and slow it to zero for a stop."""

from __future__ import annotations

import math

import numpy as np

from .arrays import FloatArray
from .compiled_spec import CompiledSpec
from .config import RunnerConfig


class CommandRange:
    """Clips the velocity command to the trained range; a command to stand stays zero."""

    def __init__(self, compiled: CompiledSpec, command: FloatArray) -> None:
        """Read the bounds; command, shape (3,), is changed in place."""
        self._lower = compiled.command_lower
        self._upper = compiled.command_upper
        self._ranges = tuple(zip(self._lower.tolist(), self._upper.tolist(), strict=True))
        self._command = command

    def apply(self) -> None:
        """Clip the command in place."""
        x, y, yaw = self._command.tolist()
        range_x, range_y, range_yaw = self._ranges
        if not (
            range_x[0] <= x <= range_x[1]
            and range_y[0] <= y <= range_y[1]
            and range_yaw[0] <= yaw <= range_yaw[1]
        ) and (x or y or yaw):
            np.maximum(self._command, self._lower, out=self._command)
            np.minimum(self._command, self._upper, out=self._command)


DWELL = 0.5
"""Time in [s] that the robot stays still before it counts as standing."""
STILL_RANGE = 0.1
"""Range in [rad] that each measured joint keeps to in that time: policies that stand still keep to
0.06 with sensor noise, those that step in place move 0.27 and more, see docs/modes.md.
"""
STILL_RATE = 0.5
"""Greatest measured angular velocity of the base about each axis in that time, in [rad]/[s]."""


class Stop:
    """Slows the velocity command to zero, and detects when the robot stands.

    It depends on time and measured samples alone: the same ticks give the same stop.

    Attributes:
        verdict: Whether the stop is over, where a log says so; None: detect it.
    """

    def __init__(
        self,
        compiled: CompiledSpec,
        config: RunnerConfig,
        sensor_vector: FloatArray,
        joint_position: FloatArray,
    ) -> None:
        """Make all buffers.

        Args:
            compiled: Of any policy of the robot.
            config: Deceleration and timeout.
            sensor_vector: Sensor values, see CompiledSpec; the velocity command in it is changed
                in place. The angular velocity of the base is zero where no Imu is needed.
            joint_position: Measured, in [rad], shape (num_joints,).
        """
        self.verdict: bool | None = None
        self._deceleration = config.stop_deceleration
        self._timeout_ns = round(config.stop_timeout * 1e9)
        self._dwell_ns = round(DWELL * 1e9)
        self._command = sensor_vector[compiled.layout.velocity_command]
        self._position = joint_position
        self._angular_velocity = sensor_vector[compiled.layout.angular_velocity]
        self._first = np.zeros(3)
        self._lower, self._upper, self._range = np.zeros((3, len(joint_position)))
        self._begin_ns = 0
        self._slow_ns: int | None = None
        self._still_since_ns: int | None = None

    def takes_time(self, compiled: CompiledSpec) -> bool:
        """Whether there is a command to slow down; if not, a stop leads straight to standby."""
        if self.verdict is not None:
            return not self.verdict
        return self._timeout_ns > 0 and compiled.needs_command

    def begin(self, stamp_ns: int) -> None:
        """Start a stop at a tick."""
        self._begin_ns = stamp_ns
        self._slow_ns = self._still_since_ns = None

    def advance(self, compiled: CompiledSpec, stamp_ns: int) -> bool:
        """Return whether the stop is over at this tick; if not, write the slowed command.

        The first call reads the command to slow down from. Direction and curvature stay.
        """
        is_over = self._stands(stamp_ns) if self.verdict is None else self.verdict
        if not is_over:
            self._slow(compiled, stamp_ns)
        return is_over

    def _slow(self, compiled: CompiledSpec, stamp_ns: int) -> None:
        """Overwrite the command with the slowed one."""
        command = self._command
        if self._slow_ns is None:
            CommandRange(compiled, command).apply()
            self._first[:] = command
            self._slow_ns = self._time_to_slow()
        elapsed_ns = max(stamp_ns - self._begin_ns, 0)
        if elapsed_ns >= self._slow_ns:
            command.fill(0.0)
        else:
            np.multiply(self._first, 1.0 - elapsed_ns / self._slow_ns, command)

    def _time_to_slow(self) -> int:
        """Return the time to slow down from the first command, in [ns]."""
        if self._deceleration == 0.0:
            return 0
        x, y, yaw = self._first.tolist()
        return round(max(math.hypot(x, y), abs(yaw)) / self._deceleration * 1e9)

    def _stands(self, stamp_ns: int) -> bool:
        """Whether the robot stands, or the stop has timed out."""
        elapsed_ns = stamp_ns - self._begin_ns
        if elapsed_ns >= self._timeout_ns:
            return True
        if self._slow_ns is None or elapsed_ns < self._slow_ns:
            return False
        if self._still_since_ns is None or not self._is_still():
            self._lower[:] = self._upper[:] = self._position
            self._still_since_ns = stamp_ns
        return stamp_ns - self._still_since_ns >= self._dwell_ns

    def _is_still(self) -> bool:
        """Whether joints and base have moved little since _still_since_ns."""
        np.minimum(self._lower, self._position, out=self._lower)
        np.maximum(self._upper, self._position, out=self._upper)
        np.subtract(self._upper, self._lower, self._range)
        is_turning = max(map(abs, self._angular_velocity.tolist())) > STILL_RATE
        return not is_turning and float(self._range.max()) <= STILL_RANGE
