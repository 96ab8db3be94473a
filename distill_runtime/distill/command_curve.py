# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""What the teacher is told where the student is told a velocity command.

Rewards that forgive small errors teach a policy to stand still for small commands. Its student
need not inherit that: it is told what is wanted, and labelled by a teacher that is told what makes
it do that.
"""

from __future__ import annotations

from dataclasses import dataclass

from distill_runtime.core.arrays import FloatArray
from distill_runtime.errors import ConfigError
import numpy as np


@dataclass(frozen=True, kw_only=True)
class CommandCurve:
    """Scales commands by their size: ``told(c) = c told(|c / unit|) / |c / unit|``.

    The default changes nothing.
    """

    unit: tuple[float, float, float] = (1.0, 1.0, 1.0)
    """Velocities of size 1: vx, vy in [m]/[s], yaw rate in [rad]/[s]."""
    wanted: tuple[float, ...] = (0.0, 1.0)
    """Sizes of what the student is told, from 0, rising."""
    told: tuple[float, ...] = (0.0, 1.0)
    """Sizes of what the teacher is told; linear between, and the wanted ones from the last on."""

    def __post_init__(self) -> None:
        """Refuse a curve that is none, or jumps at its end."""
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
        """Return what the teacher is told.

        Args:
            command: What the student is told, shape (3,).
        """
        size = float(np.linalg.norm(command / np.array(self.unit)))
        if not 0.0 < size < self.wanted[-1]:
            return command
        return command * (float(np.interp(size, self.wanted, self.told)) / size)
