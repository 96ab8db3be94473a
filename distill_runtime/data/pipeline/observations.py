# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Observations and actions of a policy over a recording, chunk by chunk."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from distill_runtime.core.arrays import Float32Array
from distill_runtime.core.instance.batch import clipped_actions
from distill_runtime.policy.model import LoadedPolicy
import numpy as np

from .rows import RecordedRows, Rows
from .stepper import Stepper


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
    stepper, layout = Stepper(policy, recorded.compiled), recorded.compiled.action
    for rows in recorded:
        steps = np.flatnonzero(rows.is_step)
        observation = np.zeros((len(rows.is_step), stepper.obs_dim), np.float32)
        action = np.zeros(rows.executed_action.shape, np.float32)
        if len(steps):
            sensors, starts = rows.sensors[steps], rows.starts[steps]
            recorded_action = rows.executed_action[steps]
            is_known = recorded.is_same_model is True and np.isfinite(recorded_action).all()
            if is_known or not stepper.reads_action:
                found = stepper.run(sensors, starts, clipped_actions(layout, recorded_action))
            elif recorded.is_same_model:
                found = stepper.run_own(sensors, starts, recorded_action)
            else:
                found = stepper.run_own(sensors, starts)
            observation[steps], action[steps] = found.observation, found.action
        yield Observed(rows, observation, action)
