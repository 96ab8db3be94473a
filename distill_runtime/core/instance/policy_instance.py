# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""A policy and its state: histories, gait clocks, last action, recurrent state."""

from __future__ import annotations

from collections.abc import Mapping
import math

from distill_runtime.core.arrays import FloatArray, is_valid, worst_element
from distill_runtime.core.checks.policy import PolicyChecks, TrainedRange
from distill_runtime.core.checks.registry import CheckConfig, Finding
from distill_runtime.core.compiled_spec import CompiledSpec
from distill_runtime.core.step import Policy
from distill_runtime.core.swap.history import StepHistory
from distill_runtime.core.velocity_command import CommandRange
import numpy as np

from .action import ActionMap
from .observation import GaitClock, Observation


class PolicyInstance:
    """Computes targets from sensors, once per policy step.

    It is the active policy (``step``), or follows the active one (``follow``) so that it can take
    over at any step. Targets of all policies of a robot have the same joint order.

    Attributes:
        compiled: What the policy reads and writes.
        policy: The network.
        action_map: Has the targets of the last step.
        is_valid: Whether the last step gave finite targets.
        next_step: Number of the next step in the history.
    """

    def __init__(
        self, compiled: CompiledSpec, policy: Policy, checks: Mapping[str, CheckConfig]
    ) -> None:
        """Make every buffer that a step writes to."""
        self.compiled = compiled
        self.policy = policy
        self._vector = np.zeros(compiled.vector_dim)
        self._sensor_vector = self._vector[: compiled.gravity.stop]
        self._velocity_command = self._vector[compiled.layout.velocity_command]
        self._command_range = (
            CommandRange(compiled, self._velocity_command) if compiled.needs_command else None
        )
        self.last_action = self._vector[compiled.last_action]
        """What the policy reads as its last action, shape (act_dim,)."""
        self._observations = tuple(
            Observation(entry, tensor)
            for entry, tensor in zip(compiled.inputs, policy.inputs, strict=True)
        )
        self._clocks = tuple(GaitClock(entry, self._vector) for entry in compiled.phases)
        self.action_map = ActionMap(
            compiled.action, compiled.joints.default_command, self.last_action
        )
        self.target = self.action_map.target
        """Targets of the last step, before limits: [rad], [rad]/[s] or [N m], by mode."""
        self._targets = PolicyChecks(compiled, checks)
        margin = checks['observation_range'].limit
        self._trained_ranges = tuple(
            TrainedRange(entry, observation.frame, margin)
            for entry, observation in zip(compiled.inputs, self._observations, strict=True)
            if entry.trained_range is not None
        )
        self.findings: tuple[Finding, ...] = ()
        self.is_valid = True
        self._failure = ''
        self.next_step = 0

    @property
    def problem(self) -> str:
        """Why the last step gave no targets, ``code: text``; only where it gave none."""
        if self._failure:
            return self._failure
        element, what = worst_element(self.policy.action)
        value = self.policy.action[element]
        return f'action.{what}: network output element {element} is {value}'

    def restart(self, elapsed: int = 0) -> None:
        """Make the next step the first one of its history, some steps after its clocks began."""
        self.next_step = 0
        self.last_action.fill(0.0)
        for observation in self._observations:
            observation.reset()
        for clock in self._clocks:
            clock.reset(elapsed)
        self.policy.reset()
        self._targets.reset()
        self.findings = ()

    @property
    def elapsed(self) -> int:
        """Steps since the gait clock started, or since the restart where there is none."""
        return self._clocks[0].elapsed if self._clocks else self.next_step

    def step(self, sensor_vector: FloatArray) -> None:
        """Compute the targets of one policy step.

        Args:
            sensor_vector: Sensor values and gravity, shape (gravity.stop,).
        """
        self._sensor_vector[:] = sensor_vector
        if self._command_range is not None:
            self._command_range.apply()
        for clock in self._clocks:
            clock.advance(self._velocity_command)
        for observation in self._observations:
            observation.push(self._vector)
        self._failure = ''
        try:
            self.policy.run()
        except RuntimeError as error:
            self._failure = f'action.failed: the network fails: {" ".join(str(error).split())}'
            self.policy.action.fill(math.nan)
        self.is_valid = is_valid(self.policy.action)
        if self.is_valid:
            self.action_map.apply(self.policy.action)
        self.next_step += 1

    def join(self, history: StepHistory, number: int) -> None:
        """Restart, with a step of the history as the first one.

        Args:
            history: History of the active policy.
            number: Of a step in the history, or of the next one.
        """
        self.restart(history.elapsed_in(number))
        self.next_step = number

    def follow(self, history: StepHistory, number: int) -> None:
        """Compute a step of the active policy, with its last action translated."""
        row = history.row(number)
        if self.next_step != number:
            self.join(history, number)
        if number == 0:
            self.last_action.fill(0.0)
        else:
            self.action_map.translate(
                history.action_layouts[row], history.actions[row], history.targets[row]
            )
        self.step(history.sensor_vectors[row])

    def judge(self, is_free: bool = False, longest_step: float = math.inf) -> None:
        """Check the last step, see PolicyChecks.judge."""
        self.findings = self._targets.judge(self.policy.action, self.target, is_free, longest_step)
        for trained in self._trained_ranges:
            self.findings += trained.find()
