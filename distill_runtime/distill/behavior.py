# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Two policies on one robot: one leads, the other says what it would have done.

DAgger needs the teacher's action in the states, and after the actions, of whoever was in control.
Teacher and student keep a runner of their own, so that each assembles its observation as it does
on the robot; both runners are told the action of the leader, so that ``last_action`` is in both
what the robot was really given.
"""

from __future__ import annotations

from distill_runtime.core.arrays import Float32Array
from distill_runtime.core.step import Policy
from distill_runtime.errors import ShapeError
import numpy as np


class BehaviorPolicy:
    """A policy whose runner is given the leader's action.

    Attributes:
        observation: The wrapped policy's inputs behind one another, shape (obs_dim,).
        inputs: The same, one view per input.
        own: What the wrapped policy itself computed last, shape (act_dim,).
        action: What the runner is told, shape (act_dim,): the leader's action, or its own.
        leader: Whose action counts, run before this one in the same tick; None: this one leads.
    """

    def __init__(self, policy: Policy) -> None:
        """Wrap a policy; it leads until told otherwise."""
        self._policy = policy
        self.observation = policy.observation
        self.inputs = policy.inputs
        self.own: Float32Array = policy.action
        self.action: Float32Array = np.zeros_like(policy.action)
        self.leader: BehaviorPolicy | None = None

    def run(self) -> None:
        """Compute the own action, and choose the one that counts."""
        self._policy.run()
        self.action[:] = self.own if self.leader is None else self.leader.action

    def reset(self) -> None:
        """Reset the wrapped policy's recurrent state."""
        self._policy.reset()


def lead(leader: BehaviorPolicy, follower: BehaviorPolicy) -> None:
    """Make one policy lead the other, from the next tick on.

    Raises:
        ShapeError: If their actions have different widths.
    """
    if leader.action.shape != follower.action.shape:
        raise ShapeError(
            f'action of the follower has shape {follower.action.shape}, expected that of the '
            f'leader, {leader.action.shape}'
        )
    leader.leader = None
    follower.leader = leader
