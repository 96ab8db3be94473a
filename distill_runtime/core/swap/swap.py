# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""One change of the policy: what was asked for, how far it is, how it ended."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from distill_runtime.errors import ConfigError

from .candidate import Candidate
from .history import StepHistory


@dataclass(frozen=True, kw_only=True)
class SwapOptions:
    """How a policy is to take over; all in a way that may change from swap to swap."""

    blend_time: float = 0.2
    """Time in [s] in which commands go over from those of one policy to those of the next."""
    shadow_time: float = 0.0
    """Time in [s] that the next policy runs beside the one that acts before it takes over."""
    max_divergence: float = 0.0
    """Greatest difference of a target while it does, in [rad], [rad]/[s] or [N m]; 0: any."""
    probation_time: float = 5.0
    """Time in [s] after a switch in which a fault returns to the policy before."""

    def __post_init__(self) -> None:
        """Refuse values out of range."""
        for name in ('blend_time', 'shadow_time', 'max_divergence', 'probation_time'):
            value = getattr(self, name)
            if not 0.0 <= value < 1e6:
                raise ConfigError(f'{name} is {value}, expected at least 0 and finite')


class SwapState(Enum):
    """How far a swap is."""

    WAITING = 'waiting'
    """It runs in shadow, or has still to catch up."""
    ACTING = 'acting'
    """It has taken over."""
    REFUSED = 'refused'
    """It did not come to that."""
    ROLLED_BACK = 'rolled_back'
    """It had taken over, and had to go again."""


class Swap:
    """A policy that is to take over.

    Attributes:
        shadow: Who is to act.
        terms: How.
        why: What made it come.
        state: How far it is.
        reason: Why it is so, if it was refused or rolled back.
        since_ns: First step of its history, in [ns] of the ticks; -1 before there is one.
        stamp_ns: Tick at which it took over or was refused; -1 before.
    """

    def __init__(self, shadow: Candidate, terms: SwapOptions, why: str = '') -> None:
        """Ask for it."""
        self.why = why
        self.shadow = shadow
        self.terms = terms
        self.state = SwapState.WAITING
        self.reason = ''
        self.since_ns = -1
        self.stamp_ns = -1
        self._shown_ns = -1

    def prime(self, ring: StepHistory) -> None:
        """See what is remembered, in any thread, before the swap is handed over.

        Args:
            ring: A copy.
        """
        self.since_ns = self.shadow.prime(ring)

    def is_due(self, ring: StepHistory, stamp_ns: int) -> bool:
        """Whether the policy may take over at the coming step.

        Args:
            ring: Every step so far.
            stamp_ns: Time of the coming step.
        """
        if self.shadow.problem or not self.shadow.is_up_to_date(ring):
            return False
        if self._shown_ns < 0:
            self._shown_ns = stamp_ns
        return stamp_ns - self._shown_ns >= self.terms.shadow_time * 1e9

    @property
    def is_shown(self) -> bool:
        """Whether it has begun to be compared with the policy that acts."""
        return self._shown_ns >= 0

    def end(self, state: SwapState, reason: str, stamp_ns: int) -> None:
        """Note how it ended, or that it has taken over."""
        self.state, self.reason, self.stamp_ns = state, reason, stamp_ns
