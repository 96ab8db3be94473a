# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""The last action that a policy reads, and the steps that depend on one that is not known."""

from __future__ import annotations

from distill_runtime.core.arrays import BoolArray, FloatArray
from distill_runtime.data.pipeline.stepper import Stepper
import numpy as np

from .config import LastActionSource
from .executed import Executed, ExecutedActions
from .spread import Spread


class LastActions:
    """Executed actions in terms of one policy.

    Attributes:
        source: Where they come from.
    """

    def __init__(
        self, stepper: Stepper, executed: ExecutedActions, number: int, wanted: str = 'auto'
    ) -> None:
        """Choose the source.

        Args:
            stepper: The policy.
            executed: What was executed in the recording.
            number: Number of the policy there.
            wanted: ``own``: the policy's own actions, whatever is recorded.
        """
        self._executed, self._number = executed, number
        self.source: LastActionSource = 'own'
        if not stepper.reads_action:
            self.source = 'none'
        elif wanted != 'own' and executed.source != 'none' and executed.can_translate(number):
            self.source = executed.source
        self._spread = Spread(stepper.depth)
        self._was_known = True

    @property
    def reason(self) -> tuple[str, str]:
        """Code and text of a step whose last action is not known."""
        if self.source == 'commands':
            return 'last_action.limited', 'a limit may have bound, or no command is recorded'
        return 'last_action.missing', 'the executed action is not recorded'

    def actions(self, executed: Executed) -> FloatArray:
        """Return what was executed at some steps, zero where it is not known; (n, act_dim)."""
        return self._executed.in_terms_of(self._number, executed)

    def unknown(self, executed: Executed, starts: BoolArray, clears: BoolArray) -> BoolArray:
        """Return the steps that depend on an action that is not known.

        Args:
            executed: What was executed at consecutive steps.
            starts: Steps that begin an episode: their last action is zero.
            clears: Steps that begin one whose start is known.
        """
        before = np.append(self._was_known, executed.is_known)
        self._was_known = bool(before[-1])
        if self.source not in ('executed', 'commands'):
            return np.zeros(len(starts), np.bool_)
        return self._spread.mark(~before[:-1] & ~starts, clears)
