# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""The velocity command: is it in date, is it one that the policy knows?"""

from __future__ import annotations

import numpy as np

from .arrays import FloatArray
from .plan import Plan
from .sensors import NEVER


class CommandGate:
    """Zeroes a velocity command that is out of date."""

    def __init__(self, plan: Plan, command: FloatArray, max_age_ns: int) -> None:
        """Choose the age.

        Args:
            plan: Says whether there is a command.
            command: View into the runner's vector, shape (3,); changed in place.
            max_age_ns: Greatest age, inclusive; 0: any.
        """
        self._is_needed = plan.needs_command
        self._command = command
        self._max_age_ns = max_age_ns

    def apply(self, sample_ns: int, stamp_ns: int) -> str:
        """Judge the command in place; return why it counts as zero, or ''.

        Before the first command it is zero without a reason: nobody has asked for anything.

        Args:
            sample_ns: Stamp of the command.
            stamp_ns: Time of the tick.
        """
        if not self._is_needed:
            return ''
        if sample_ns == NEVER:
            self._command.fill(0.0)
            return ''
        age, limit = stamp_ns - sample_ns, self._max_age_ns
        if limit and not -limit <= age <= limit:
            self._command.fill(0.0)
            if age < 0:
                return (
                    f'cmd_vel.ahead: the velocity command is stamped {-age / 1e9:.3f} s after the '
                    'tick and counts as zero: are the clocks synchronised?'
                )
            return f'cmd_vel.stale: the velocity command is {age / 1e9:.3f} s old, counts as zero'
        return ''


class CommandRange:
    """Clips the velocity command to what a policy was trained on; a command to stand remains."""

    def __init__(self, plan: Plan, command: FloatArray) -> None:
        """Choose the bounds.

        Args:
            plan: Has the range.
            command: View into the vector of a policy, shape (3,); changed in place.
        """
        self._lower = plan.command_lower
        self._upper = plan.command_upper
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
