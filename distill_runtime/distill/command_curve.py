# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Map the student's velocity command to the command that makes the teacher follow it.

Rewards that tolerate small errors teach a policy to stand still for small commands. The student
need not inherit that: its labels come from a teacher that gets a larger command, which makes it
walk as the student's command asks.
"""

from __future__ import annotations

from dataclasses import dataclass

from distill_runtime.core.arrays import FloatArray
from distill_runtime.errors import ConfigError
import numpy as np


@dataclass(frozen=True, kw_only=True)
class CommandCurve:
    """Scales a command c by its size s = ``|c / unit|``: the teacher gets ``c told(s) / s``.

    The default is the identity.
    """

    unit: tuple[float, float, float] = (1.0, 1.0, 1.0)
    """Velocities of size 1: vx, vy in [m]/[s], yaw rate in [rad]/[s]."""
    wanted: tuple[float, ...] = (0.0, 1.0)
    """Sizes of the student's command, increasing from 0."""
    told: tuple[float, ...] = (0.0, 1.0)
    """Sizes of the teacher's command; linear between, identical from the last one on."""

    def __post_init__(self) -> None:
        """Reject a curve that is not monotonic, or jumps at its end."""
        if not all(unit > 0.0 for unit in self.unit):
            raise ConfigError(f'unit is {list(self.unit)}, expected above 0')
        if len(self.wanted) != len(self.told) or not self.wanted:
            raise ConfigError(
                f'told has {len(self.told)} elements, expected as many as wanted, '
                f'{len(self.wanted)}'
            )
        if self.wanted[0] != 0.0 or not all(np.diff(self.wanted) > 0.0):
            raise ConfigError(f'wanted is {list(self.wanted)}, expected rising from 0')
        if self.told[0] != 0.0 or not all(np.diff(self.told) >= 0.0):
            raise ConfigError(f'told is {list(self.told)}, expected from 0 and not falling')
        if self.told[-1] != self.wanted[-1]:
            raise ConfigError(
                f'told ends at {self.told[-1]}, expected the end of wanted, {self.wanted[-1]}'
            )

    def teacher_command(self, command: FloatArray) -> FloatArray:
        """Return the teacher's command.

        Args:
            command: Command of the student, shape (3,).
        """
        size = float(np.linalg.norm(command / np.array(self.unit)))
        if not 0.0 < size < self.wanted[-1]:
            return command
        return command * (float(np.interp(size, self.wanted, self.told)) / size)
