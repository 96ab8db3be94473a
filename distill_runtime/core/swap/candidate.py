# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""A policy that follows the one that acts, and how far it would have gone from it."""

from __future__ import annotations

from distill_runtime.core.arrays import FloatArray
from distill_runtime.core.checks.registry import Watch
from distill_runtime.core.config import RunnerConfig
from distill_runtime.core.instance.policy_instance import Actor
import numpy as np

from .history import StepRing

_MOST = 2
_PATIENCE = 100


class Shadow:
    """Lets an actor follow the ring, and compares.

    Attributes:
        actor: Who follows.
        divergence: Its targets less those that were acted on, shape (num_joints,).
        worst: Greatest amount of each so far.
        compared: Number of steps in which both were compared.
        shed: Number of steps in which there was no time for it.
        problem: Why it must not act, ``code: text``; '' if nothing speaks against it.
    """

    def __init__(self, actor: Actor, config: RunnerConfig, max_divergence: float = 0.0) -> None:
        """Begin.

        Args:
            actor: Who follows.
            config: Has the checks.
            max_divergence: Greatest difference of a target, by mode in [rad], [rad]/[s] or [N m];
                0: any.
        """
        self.actor = actor
        self._max_divergence = max_divergence
        self._watch = Watch(config.checks, config.fault_action)
        num_joints = len(actor.plan.joints.names)
        self.divergence = np.zeros(num_joints)
        self.worst = np.zeros(num_joints)
        self._amount = np.zeros(num_joints)
        self.compared = 0
        self.shed = 0
        self._in_vain = 0
        self._run = -1
        self.problem = ''

    def prime(self, ring: StepRing) -> int:
        """See all that is remembered, in any thread, before others use it.

        Args:
            ring: A copy.

        Returns:
            Time of the first step that it saw, in [ns]; -1 where there is none.
        """
        self._join(ring)
        self.follow(ring, ring.count)
        return int(ring.stamps[ring.place(ring.oldest)]) if ring.count else -1

    def is_up_to_date(self, ring: StepRing) -> bool:
        """Whether it has seen every step."""
        return self._knows(ring) and self.actor.next_step == ring.count

    def _knows(self, ring: StepRing) -> bool:
        """Whether steps that it has seen are of the run that is remembered."""
        return self._run in (-1, ring.run)

    def _join(self, ring: StepRing) -> None:
        """Begin with the oldest step that is remembered."""
        self.actor.join(ring, ring.oldest)
        self._run = ring.run

    def skip(self) -> None:
        """Let a step pass for which there is no time."""
        self.shed += 1
        self._in_vain += 1
        if self._in_vain > _PATIENCE and not self.problem:
            self.problem = (
                f'shadow.shed: {self._in_vain} steps in a row took too long to compute another '
                'policy beside them: give the thread a processor of its own, or take a smaller '
                'network'
            )

    def follow(self, ring: StepRing, most: int = _MOST) -> None:
        """See the next steps of the ring, a few at a time.

        Args:
            ring: What was done.
            most: How many steps at most.
        """
        self._in_vain = 0
        actor = self.actor
        if not self._knows(ring):
            self._join(ring)
        elif actor.next_step < ring.oldest:
            self.problem = 'shadow.behind: more steps were missed than are remembered'
        for _ in range(min(most, ring.count - actor.next_step)):
            if self.problem:
                return
            self._see(ring, actor.next_step)

    def _see(self, ring: StepRing, number: int) -> None:
        actor = self.actor
        actor.follow(ring, number)
        if not actor.is_sound:
            self.problem = actor.problem
            return
        actor.judge()
        found = self._watch.judge(actor.findings, int(ring.stamps[ring.place(number)]))
        if found is not None:
            self.problem = found.reason

    def compare(self, target: FloatArray) -> None:
        """Compare with what is acted on, shape (num_joints,), once up to date."""
        np.subtract(self.actor.target, target, self.divergence)
        np.abs(self.divergence, self._amount)
        np.maximum(self.worst, self._amount, out=self.worst)
        self.compared += 1
        if not self._max_divergence or self.problem:
            return
        joint = int(self._amount.argmax())
        if self._amount[joint] > self._max_divergence:
            self.problem = (
                f'shadow.divergence: target of {self.actor.plan.joints.names[joint]} differs by '
                f'{self.divergence[joint]:.4f} from that of the policy that acts, expected within '
                f'{self._max_divergence:.4f}'
            )
