# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Gait clock: phases of the legs as sine and cosine."""

from __future__ import annotations

import math

from distill_runtime.core.arrays import FloatArray
from distill_runtime.core.compiled_spec import PhaseLayout


class GaitClock:
    """Writes the phases of one gait_phase term into the runner's vector, once per policy step.

    The phase of step k is ``offset + k * step``, with k from ``first``. It is computed from the
    count, never summed up, so that it does not drift. While the command is to stand, every phase
    is the standing phase.
    """

    def __init__(self, compiled: PhaseLayout, vector: FloatArray) -> None:
        """Reset the clock."""
        self._compiled = compiled
        self._out = vector[compiled.slot]
        self.reset()

    def reset(self, elapsed: int = 0) -> None:
        """Restart the clock.

        Args:
            elapsed: Steps since it started.
        """
        self._count = self._compiled.first + elapsed

    @property
    def elapsed(self) -> int:
        """Steps since the clock started; -1: the next one is at the offsets, the first was not."""
        return self._count - self._compiled.first

    def advance(self, command: FloatArray) -> None:
        """Write the phases of this step, and count it.

        Args:
            command: Velocity command as the policy sees it, shape (3,).
        """
        compiled = self._compiled
        below = compiled.standing_below
        stands = below is not None and all(abs(value) < below for value in command.tolist())
        turn = self._count * compiled.step
        index = 0
        for component in compiled.components:
            function = math.cos if component == 'cos' else math.sin
            for offset in compiled.offsets.tolist():
                self._out[index] = function(compiled.standing_phase if stands else offset + turn)
                index += 1
        if stands and compiled.restart is not None:
            self._count = compiled.restart
        else:
            self._count += 1
