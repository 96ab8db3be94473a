# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""One swap of the policy: its options, its state, and how it ended."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from distill_runtime.errors import ConfigError

from .candidate import Candidate
from .history import StepHistory


@dataclass(frozen=True, kw_only=True)
class SwapOptions:
    """How a policy takes over; may differ from swap to swap."""

    blend_time: float = 0.2
    """Time in [s] to blend from the targets of the active policy to those of the next."""
    shadow_time: float = 0.0
    """Time in [s] that the next policy runs beside the active one before it takes over."""
    max_divergence: float = 0.0
    """Greatest difference of a target in that time, in [rad], [rad]/[s] or [N m]; 0: any."""
    probation_time: float = 5.0
    """Time in [s] after the swap in which a fault of the policy rolls it back."""

    def __post_init__(self) -> None:
        """Refuse values out of range."""
        for name in ('blend_time', 'shadow_time', 'max_divergence', 'probation_time'):
            value = getattr(self, name)
            if not 0.0 <= value < 1e6:
                raise ConfigError(f'{name} is {value}, expected at least 0 and finite')


class SwapState(Enum):
    """State of a swap."""

    WAITING = 'waiting'
    """The candidate catches up, or runs in shadow."""
    ACTING = 'acting'
    """It has taken over."""
    REFUSED = 'refused'
    """It was rejected, or the swap was cancelled."""
    ROLLED_BACK = 'rolled_back'
    """It had taken over, and the previous policy has replaced it."""


class Swap:
    """A policy that is to take over.

    Attributes:
        candidate: The candidate.
        options: The options.
        why: What requested the swap.
        state: State of the swap.
        reason: Why it was refused or rolled back.
        since_ns: First step of the candidate's history, in [ns] of the ticks; -1 if there is none.
        stamp_ns: Tick of the last change of state; -1 before there is one.
    """

    def __init__(self, candidate: Candidate, options: SwapOptions, why: str = '') -> None:
        """Make a swap that waits."""
        self.why = why
        self.candidate = candidate
        self.options = options
        self.state = SwapState.WAITING
        self.reason = ''
        self.since_ns = -1
        self.stamp_ns = -1
        self._compared_since_ns = -1

    def prime(self, history: StepHistory) -> None:
        """Let the candidate follow the history; in any thread, before the swap is offered."""
        self.since_ns = self.candidate.prime(history)

    def is_due(self, history: StepHistory, stamp_ns: int) -> bool:
        """Whether the policy may take over at the coming step."""
        if self.candidate.problem or not self.candidate.is_up_to_date(history):
            return False
        if self._compared_since_ns < 0:
            self._compared_since_ns = stamp_ns
        return stamp_ns - self._compared_since_ns >= self.options.shadow_time * 1e9

    @property
    def is_compared(self) -> bool:
        """Whether the candidate has caught up and is compared with the active policy."""
        return self._compared_since_ns >= 0

    def end(self, state: SwapState, reason: str, stamp_ns: int) -> None:
        """Change the state, see the attributes."""
        self.state, self.reason, self.stamp_ns = state, reason, stamp_ns
