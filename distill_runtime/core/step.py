# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Interface of a policy network, and the result of one tick."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from .arrays import Float32Array, FloatArray
from .modes import Mode


class Policy(Protocol):
    """A network and its buffers: fill ``inputs``, run, read ``action``."""

    @property
    def observation(self) -> Float32Array:
        """All inputs concatenated, shape (obs_dim,)."""

    @property
    def inputs(self) -> Sequence[Float32Array]:
        """One flat view into the observation per network input, in the order of the spec."""

    @property
    def action(self) -> Float32Array:
        """Output of the last run, shape (act_dim,)."""

    def run(self) -> None:
        """Compute the action from the inputs, and update the recurrent state.

        Raises:
            RuntimeError: If the network cannot be computed on these inputs.
        """

    def reset(self) -> None:
        """Set the recurrent state to its initial value."""


class Step(NamedTuple):
    """Result of one tick. The arrays belong to the runner: they are valid until the next step."""

    command: FloatArray
    """Command after all limits: [rad], [rad]/[s] or [N m] by mode, shape (num_joints,)."""
    sends: bool
    """Whether to send the command: not before all inputs have come, and not in the fault action
    stop.
    """
    mode: Mode
    reason: str
    """Fault or warning of the tick, ``code: text``; '' if there is none."""
    has_policy_step: bool
    """Whether the policy ran at this tick."""
    observation: Float32Array
    """Input of the last policy step, shape (obs_dim,)."""
    action: Float32Array
    """Raw output of the last policy step, shape (act_dim,)."""
    target: FloatArray
    """Targets of the last policy step before limits, shape (num_joints,)."""
    has_feedback: bool
    """Whether the joint sample is fresh; without it no effort can be computed."""
