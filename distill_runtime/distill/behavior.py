# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""The behavior policy of DAgger: teacher and student take turns in acting on one robot.

DAgger needs the teacher's action in the states that the behavior policy visits. Teacher and
student each have a runner, so that each observation is assembled as on the robot. Both runners get
the executed action, so that ``last_action`` is the same in both observations.
"""

from __future__ import annotations

from distill_runtime.core.arrays import Float32Array
from distill_runtime.core.step import Policy
from distill_runtime.errors import ShapeError
import numpy as np


class BehaviorPolicy:
    """A policy whose runner gets the executed action, which may be another policy's.

    Attributes:
        observation: Inputs of the wrapped policy, concatenated, shape (obs_dim,).
        inputs: The same, one view per input.
        output: Last action that the wrapped policy computed, shape (act_dim,).
        action: Executed action, shape (act_dim,): that of ``active``, or ``output``.
        active: Policy whose action is executed, run before this one in the same tick; None: this
            one.
    """

    def __init__(self, policy: Policy) -> None:
        """Wrap a policy, which is active until ``set_active`` says otherwise."""
        self._policy = policy
        self.observation = policy.observation
        self.inputs = policy.inputs
        self.output: Float32Array = policy.action
        self.action: Float32Array = np.zeros_like(policy.action)
        self.active: BehaviorPolicy | None = None

    def run(self) -> None:
        """Compute the output, and select the executed action."""
        self._policy.run()
        self.action[:] = self.output if self.active is None else self.active.action

    def reset(self) -> None:
        """Reset the recurrent state of the wrapped policy."""
        self._policy.reset()


def set_active(active: BehaviorPolicy, passive: BehaviorPolicy) -> None:
    """Execute the actions of one policy in both, from the next tick on.

    Raises:
        ShapeError: If their actions have different widths.
    """
    if active.action.shape != passive.action.shape:
        raise ShapeError(
            f'action of the passive policy has shape {passive.action.shape}, expected that of the '
            f'active one, {active.action.shape}'
        )
    active.active = None
    passive.active = active
