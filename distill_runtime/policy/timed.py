# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""A policy whose runs are timed."""

from __future__ import annotations

from collections.abc import Sequence
import time

from distill_runtime.core.arrays import Float32Array
from distill_runtime.core.step import Policy

_SHARE = 0.05


class TimedPolicy:
    """Does what another policy does, and measures it; see core.step.Policy.

    Attributes:
        mean_ns: Running mean of the time that a run takes; 0 before the first.
    """

    def __init__(self, policy: Policy) -> None:
        """Measure a policy."""
        self._policy = policy
        self.observation: Float32Array = policy.observation
        self.inputs: Sequence[Float32Array] = policy.inputs
        self.action: Float32Array = policy.action
        self.reset = policy.reset
        self.mean_ns = 0.0

    def run(self) -> None:
        """Compute the action from the inputs, and carry the recurrent state."""
        start_ns = time.perf_counter_ns()
        self._policy.run()
        share = _SHARE if self.mean_ns else 1.0
        self.mean_ns += share * (time.perf_counter_ns() - start_ns - self.mean_ns)
