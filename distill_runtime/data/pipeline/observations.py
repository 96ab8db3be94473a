# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Observations and actions of a policy over a recording, chunk by chunk."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from distill_runtime.core.arrays import BoolArray, Float32Array, FloatArray, is_valid
from distill_runtime.core.instance.batch import BatchObservations, clipped_actions
from distill_runtime.policy.model import LoadedPolicy
from distill_runtime.policy.offline.batch import BatchPolicy
import numpy as np

from .rows import RecordedRows, Rows


class Observed(NamedTuple):
    """Consecutive ticks with what the policy reads and gives."""

    rows: Rows
    observation: Float32Array
    """Shape (n, obs_dim); zero where the policy did not run."""
    action: Float32Array
    """Raw network output, shape (n, act_dim); zero where the policy did not run."""


def observations(recorded: RecordedRows, policy: LoadedPolicy) -> Iterator[Observed]:
    """Yield what a policy reads and gives at each tick of a recording.

    Where this model ran, a step reads the recorded action of the step before as its last action,
    and the network runs on many rows at once. Otherwise, and where an action is missing, it reads
    what the network gave: then the network runs row by row, as on the robot, bit for bit.

    Args:
        recorded: See rows_of.
        policy: The policy that the rows were read for.
    """
    stepper = _Stepper(recorded, policy)
    for rows in recorded:
        is_step = rows.is_step
        observation = np.zeros((len(is_step), stepper.batch.width), np.float32)
        action = np.zeros(rows.executed_action.shape, np.float32)
        if is_step.any():
            observation[is_step], action[is_step] = stepper.compute(
                rows.sensors[is_step], rows.starts[is_step], rows.executed_action[is_step]
            )
        yield Observed(rows, observation, action)


class _Stepper:
    """Computes policy steps, chunk by chunk."""

    def __init__(self, recorded: RecordedRows, policy: LoadedPolicy) -> None:
        self.batch = BatchObservations(recorded.compiled)
        self._layout = recorded.compiled.action
        self._network = BatchPolicy(policy)
        self._uses_recorded = recorded.is_same_model is True
        self._last_action = np.zeros(self._layout.width)

    def compute(
        self, sensors: FloatArray, starts: BoolArray, executed: Float32Array
    ) -> tuple[Float32Array, Float32Array]:
        """Return observations and actions of the next steps, at least one."""
        last_action = np.zeros(executed.shape)
        last_action[0] = self._last_action
        is_known = self._uses_recorded and bool(np.isfinite(executed).all())
        if not self.batch.reads_action or is_known:
            if is_known:
                actions = clipped_actions(self._layout, executed)
                last_action[1:] = actions[:-1]
                self._last_action = actions[-1]
            observation = self.batch.compute(sensors, last_action, starts)
            return observation, self._network.run(observation, starts)
        observation = self.batch.compute(sensors, last_action, starts)
        return observation, self._run_rows(observation, starts, executed)

    def _run_rows(
        self, observation: Float32Array, starts: BoolArray, executed: Float32Array
    ) -> Float32Array:
        """Run the network row by row, each on the action of the row before."""
        action = np.empty(executed.shape, np.float32)
        resets = starts.tolist()

        def act(row: int) -> FloatArray:
            if resets[row]:
                self._last_action = np.zeros(self._layout.width)
            action[row] = self._network.step(observation[row], resets[row])
            output = action[row]
            if self._uses_recorded and np.isfinite(executed[row]).all():
                output = executed[row]
            if is_valid(output):
                self._last_action = clipped_actions(self._layout, output)
            return self._last_action

        self.batch.complete(observation, starts, act)
        return action
