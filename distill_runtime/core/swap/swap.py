# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""One swap of the policy: its candidate, which follows the active one, options and outcome."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from distill_runtime.core.arrays import FloatArray
from distill_runtime.core.checks.registry import Debounce
from distill_runtime.core.config import RunnerConfig
from distill_runtime.core.instance.policy_instance import PolicyInstance
from distill_runtime.errors import ConfigError
import numpy as np

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


_MAX_STEPS_PER_TICK = 2
_MAX_SKIPPED = 100


class Candidate:
    """Steps a policy through the history of the active one, and compares their targets.

    Attributes:
        instance: The policy that follows.
        divergence: Its target minus that of the active policy, shape (num_joints,).
        worst: Greatest magnitude of each element so far.
        compared: Number of steps that were compared.
        shed: Number of steps skipped for lack of time.
        problem: Why it must not take over, ``code: text``; '' if it may.
    """

    def __init__(
        self, instance: PolicyInstance, config: RunnerConfig, max_divergence: float = 0.0
    ) -> None:
        """Make all buffers.

        Args:
            instance: The policy that follows.
            config: Has the checks.
            max_divergence: Greatest difference of a target, by mode in [rad], [rad]/[s] or [N m];
                0: any.
        """
        self.instance = instance
        self._max_divergence = max_divergence
        self._debounce = Debounce(config.checks, config.fault_action)
        num_joints = len(instance.compiled.joints.names)
        self.divergence = np.zeros(num_joints)
        self.worst = np.zeros(num_joints)
        self._magnitude = np.zeros(num_joints)
        self.compared = 0
        self.shed = 0
        self._skipped_in_a_row = 0
        self._run = -1
        self.problem = ''

    def prime(self, history: StepHistory) -> int:
        """Follow the whole history; in any thread, before the candidate is shared.

        Returns:
            Time of the first step that it followed, in [ns]; -1 if there was none.
        """
        self._join(history)
        self.follow(history, history.count)
        return int(history.stamps[history.row(history.oldest)]) if history.count else -1

    def is_up_to_date(self, history: StepHistory) -> bool:
        """Whether it has followed every step."""
        return self._is_same_run(history) and self.instance.next_step == history.count

    def _is_same_run(self, history: StepHistory) -> bool:
        """Whether the steps that it has followed belong to the run in the history."""
        return self._run in (-1, history.run)

    def _join(self, history: StepHistory) -> None:
        """Make the oldest step of the history its first one."""
        self.instance.join(history, history.oldest)
        self._run = history.run

    def skip(self) -> None:
        """Skip a step for lack of time."""
        self.shed += 1
        self._skipped_in_a_row += 1
        if self._skipped_in_a_row > _MAX_SKIPPED and not self.problem:
            self.problem = (
                f'shadow.shed: {self._skipped_in_a_row} steps in a row took too long to run a '
                'second policy: give the thread a dedicated CPU core, or use a smaller network'
            )

    def follow(self, history: StepHistory, most: int = _MAX_STEPS_PER_TICK) -> None:
        """Follow the next steps of the history."""
        self._skipped_in_a_row = 0
        instance = self.instance
        if not self._is_same_run(history):
            self._join(history)
        elif instance.next_step < history.oldest:
            self.problem = 'shadow.behind: more steps were missed than the history holds'
        for _ in range(min(most, history.count - instance.next_step)):
            if self.problem:
                return
            self._follow_step(history, instance.next_step)

    def _follow_step(self, history: StepHistory, number: int) -> None:
        instance = self.instance
        instance.follow(history, number)
        if not instance.is_valid:
            self.problem = instance.problem
            return
        instance.judge()
        fault = self._debounce.judge(instance.findings, int(history.stamps[history.row(number)]))
        if fault is not None:
            self.problem = fault.reason

    def compare(self, target: FloatArray) -> None:
        """Compare with the target of the active policy, shape (num_joints,), once up to date."""
        np.subtract(self.instance.target, target, self.divergence)
        np.abs(self.divergence, self._magnitude)
        np.maximum(self.worst, self._magnitude, out=self.worst)
        self.compared += 1
        if not self._max_divergence or self.problem:
            return
        joint = int(self._magnitude.argmax())
        if self._magnitude[joint] > self._max_divergence:
            self.problem = (
                f'shadow.divergence: target of {self.instance.compiled.joints.names[joint]} '
                f'differs by {self.divergence[joint]:.4f} from that of the active policy, '
                f'expected within {self._max_divergence:.4f}'
            )
