# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""A policy that follows the active one, and the difference between their targets."""

from __future__ import annotations

from distill_runtime.core.arrays import FloatArray
from distill_runtime.core.checks.registry import Debounce
from distill_runtime.core.config import RunnerConfig
from distill_runtime.core.instance.policy_instance import PolicyInstance
import numpy as np

from .history import StepHistory

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

        Args:
            history: A copy of the history.

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
