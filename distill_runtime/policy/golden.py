# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Golden vectors: check that a network still gives the recorded outputs."""

from __future__ import annotations

from distill_runtime.core.step import Policy
from distill_runtime.errors import ModelError
from distill_runtime.spec.tensors import Golden
import numpy as np


def clear(policy: Policy) -> None:
    """Zero the buffers and the recurrent state."""
    policy.observation.fill(0.0)
    policy.action.fill(0.0)
    policy.reset()


def replay_golden(policy: Policy, golden: Golden) -> float:
    """Run the golden observations from a reset; return the largest difference, and reset again.

    Raises:
        ModelError: If a difference exceeds the tolerance, or a row has the wrong width.
    """
    policy.reset()
    worst = 0.0
    for step, (observation, expected) in enumerate(
        zip(golden.observation, golden.action, strict=True)
    ):
        for field, row, width in (
            ('observation', observation, len(policy.observation)),
            ('action', expected, len(policy.action)),
        ):
            if len(row) != width:
                raise ModelError(
                    f'golden.{field}[{step}] has {len(row)} elements, expected {width}'
                )
        policy.observation[:] = observation
        policy.run()
        difference = np.abs(policy.action - np.asarray(expected))
        element = int(difference.argmax())
        if not difference[element] <= golden.tolerance:
            raise ModelError(
                f'golden.action[{step}][{element}] is {policy.action[element]:.9g}, expected '
                f'{expected[element]:.9g} within {golden.tolerance:g}: was the model changed '
                'after it was packed?'
            )
        worst = max(worst, float(difference[element]))
    clear(policy)
    return worst


def record_golden(policy: Policy, observations: np.ndarray, tolerance: float = 1e-4) -> Golden:
    """Record consecutive steps from a reset.

    Args:
        policy: The network.
        observations: Inputs, shape (T, obs_dim), float32.
        tolerance: Largest difference that a later replay may show.
    """
    policy.reset()
    actions = []
    for observation in observations:
        policy.observation[:] = observation
        policy.run()
        actions.append(tuple(policy.action.tolist()))
    policy.reset()
    return Golden(
        observation=tuple(tuple(row.tolist()) for row in observations),
        action=tuple(actions),
        tolerance=tolerance,
    )
