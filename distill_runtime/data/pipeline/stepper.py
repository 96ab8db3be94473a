# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Observations, actions and inner tensors of one policy over consecutive steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from distill_runtime.core.arrays import BoolArray, Float32Array, FloatArray, is_valid
from distill_runtime.core.compiled_spec import CompiledSpec
from distill_runtime.core.instance.batch import BatchObservations, clipped_actions
from distill_runtime.policy.model import LoadedPolicy
from distill_runtime.policy.offline.batch import BatchPolicy
import numpy as np


class Stepped(NamedTuple):
    """What a policy read and gave at n steps."""

    observation: Float32Array
    """Shape (n, obs_dim)."""
    action: Float32Array
    """Raw network output, shape (n, act_dim)."""
    tensors: Mapping[str, Float32Array]
    """Inner tensors by name, shape (n, width) each."""


class Stepper:
    """Computes policy steps, chunk by chunk; history and recurrent state are carried over.

    Attributes:
        reads_action: Whether the observation holds last actions.
        obs_dim: Width of an observation.
        depth: Steps that an observation depends on; None: all since the start of the episode.
        has_encoder: Whether an encoder completes the observation.
        method: How the network runs, see BatchPolicy.
    """

    def __init__(
        self, policy: LoadedPolicy, compiled: CompiledSpec, taps: Sequence[str] = ()
    ) -> None:
        """Open the network again.

        Args:
            policy: Its network.
            compiled: What it reads.
            taps: Inner tensors to return, see find_taps.
        """
        self._observations = BatchObservations(compiled)
        self.reads_action = self._observations.reads_action
        self.obs_dim = self._observations.width
        has_memory = bool(policy.spec.state) or bool(compiled.phases)
        self.depth = None if has_memory else max(entry.depth for entry in compiled.inputs)
        self._layout = compiled.action
        self._network = BatchPolicy(policy, taps)
        self.has_encoder = policy.spec.encoder is not None
        self.method = self._network.method
        # tensors of steps that were run one by one
        self._tapped = BatchPolicy(policy, taps) if taps else None
        self._last_action = np.zeros(compiled.action.width)

    def tensor_widths(self) -> dict[str, int]:
        """Return the number of elements of each inner tensor; before the first step."""
        if self._tapped is None:
            return {}
        observation = np.zeros((1, self._observations.width), np.float32)
        tensors = self._tapped.run_tapped(observation, np.ones(1, np.bool_)).tensors
        return {name: values.reshape(1, -1).shape[1] for name, values in tensors.items()}

    def observe(
        self, sensors: FloatArray, starts: BoolArray, executed: FloatArray
    ) -> Float32Array:
        """Return observations only; see run."""
        last_action = np.concatenate((self._last_action[np.newaxis], executed[:-1]))
        self._last_action = executed[-1]
        return self._observations.compute(sensors, last_action, starts)

    def run(self, sensors: FloatArray, starts: BoolArray, executed: FloatArray) -> Stepped:
        """Step on executed actions.

        Args:
            sensors: Of each step, shape (n, layout.size), n at least 1.
            starts: Steps that begin an episode, shape (n,).
            executed: Action that was executed at each step, in terms of this policy and clipped;
                the next step reads it. Shape (n, act_dim).
        """
        observation = self.observe(sensors, starts, executed)
        return Stepped(observation, *self._network.run_tapped(observation, starts))

    def run_own(
        self, sensors: FloatArray, starts: BoolArray, recorded: Float32Array | None = None
    ) -> Stepped:
        """Step on the policy's own actions, one step after another; see run.

        Args:
            sensors: Of each step.
            starts: Steps that begin an episode.
            recorded: Outputs that replace the policy's own as last action where they are finite,
                shape (n, act_dim).
        """
        last_action = np.zeros((len(starts), self._layout.width))
        last_action[0] = self._last_action
        observation = self._observations.compute(sensors, last_action, starts)
        action = np.empty(last_action.shape, np.float32)
        resets = starts.tolist()

        def act(row: int) -> FloatArray:
            if resets[row]:
                self._last_action = np.zeros(self._layout.width)
            output = action[row] = self._network.step(observation[row], resets[row])
            if recorded is not None and np.isfinite(recorded[row]).all():
                output = recorded[row]
            if is_valid(output):
                self._last_action = clipped_actions(self._layout, output)
            return self._last_action

        self._observations.complete(observation, starts, act)
        tensors: Mapping[str, Float32Array] = {}
        if self._tapped is not None:
            tensors = self._tapped.run_tapped(observation.copy(), starts).tensors
        return Stepped(observation, action, tensors)
