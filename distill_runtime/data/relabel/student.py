# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""What the student saw and gave at the ticks of a recording."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from distill_runtime.core.arrays import BoolArray, Float32Array, FloatArray, IndexArray
from distill_runtime.core.compiled_spec import CompiledSpec
from distill_runtime.core.instance.batch import action_targets, clipped_actions
from distill_runtime.core.modes import Mode
from distill_runtime.data.pipeline.rows import Rows
from distill_runtime.data.pipeline.stepper import Stepper
from distill_runtime.policy.model import LoadedPolicy
import numpy as np
import numpy.typing as npt

from .executed import Executed, ExecutedActions
from .last_action import LastActions
from .spread import Spread

ReasonArray = npt.NDArray[np.object_]
_LIMITED = 1e-6
"""Difference of command and target above which a limit bound, in [rad]."""


class StudentSteps(NamedTuple):
    """The student at n consecutive ticks; NaN where it did not run."""

    observation: Float32Array
    action: Float32Array
    target: FloatArray
    """Of the action, before limits, shape (n, num_joints)."""
    reason: ReasonArray
    """Code per tick, '' where it is valid, shape (n,)."""
    texts: Mapping[str, str]
    """Text per code."""
    warm_up: BoolArray
    """Part of the history is from before the episode: filled."""
    saturated: BoolArray
    """The clip of the spec changed the action."""
    limited: BoolArray
    """A limit changed the target, or may have."""
    ran: BoolArray
    """The recorded action is that of the student."""


class StudentRows:
    """Computes observations and actions of the student.

    Attributes:
        last_action: Where its last action comes from.
        obs_dim: Width of its observation.
    """

    def __init__(
        self,
        policy: LoadedPolicy,
        compiled: CompiledSpec,
        executed: ExecutedActions,
        reasons: Sequence[str],
    ) -> None:
        """Prepare for the first chunk.

        Args:
            policy: The student.
            compiled: What it reads.
            executed: What was executed in the recording.
            reasons: Of RecordedRows, which adds to them.
        """
        self._layout, self._executed, self._reasons = compiled.action, executed, reasons
        self._default = compiled.joints.default_command
        self._stepper = Stepper(policy, compiled)
        self._last = LastActions(self._stepper, executed, 0)
        self.last_action = self._last.source
        self._warm_up = Spread(max(entry.depth for entry in compiled.inputs) - 1)
        self.obs_dim = self._stepper.obs_dim

    def read(self, rows: Rows, steps: IndexArray, executed: Executed) -> StudentSteps:
        """Return the ticks of a chunk.

        Args:
            rows: The chunk.
            steps: Rows at which the policy ran.
            executed: What was executed at those.
        """
        num_rows = len(rows.stamp_ns)
        observation = np.full((num_rows, self.obs_dim), np.nan, np.float32)
        action = np.full((num_rows, self._layout.width), np.nan, np.float32)
        target = np.full((num_rows, len(self._default)), np.nan)
        reason = np.full(num_rows, '', object)
        warm_up, saturated, limited, ran = np.zeros((4, num_rows), np.bool_)
        texts: dict[str, str] = {}
        if len(steps):
            starts = rows.starts[steps]
            observation[steps], action[steps], ran[steps] = self._step(rows, steps, executed)
            clipped = clipped_actions(self._layout, action[steps])
            target[steps] = action_targets(self._layout, clipped, self._default)
            saturated[steps] = (clipped != action[steps]).any(axis=1)
            limited[steps] = self._limited(rows, steps, executed)
            warm_up[steps] = self._warm_up.mark(starts, starts)
            unknown = self._last.unknown(executed, starts, starts & rows.valid[steps])
            if unknown.any():
                code, text = self._last.reason
                reason[steps[unknown]], texts[code] = code, text
        for row in np.flatnonzero(~rows.valid).tolist():
            code, _, text = self._reasons[rows.reason[row]].partition(': ')
            reason[row], texts[code] = code, text
        for row in np.flatnonzero(~rows.is_step & (reason == '')).tolist():
            code = f'mode.{Mode(int(rows.mode[row])).name.lower()}'
            reason[row], texts[code] = code, 'the policy did not run'
        return StudentSteps(
            observation, action, target, reason, texts, warm_up, saturated, limited, ran
        )

    def _step(
        self, rows: Rows, steps: IndexArray, executed: Executed
    ) -> tuple[Float32Array, Float32Array, BoolArray]:
        """Return observations and actions, and whether those are recorded ones."""
        sensors, starts = rows.sensors[steps], rows.starts[steps]
        acted = next(
            (found for number, found, _ in executed.actions if number == 0),
            np.zeros(len(steps), np.bool_),
        )
        if self.last_action == 'own':
            return *self._stepper.run_own(sensors, starts)[:2], acted
        given = self._last.actions(executed)
        if acted.all() and not self._stepper.has_encoder:
            observation = self._stepper.observe(sensors, starts, given)
            return observation, rows.executed_action[steps], acted
        observation, action = self._stepper.run(sensors, starts, given)[:2]
        action[acted] = rows.executed_action[steps[acted]]
        return observation, action, acted

    def _limited(self, rows: Rows, steps: IndexArray, executed: Executed) -> BoolArray:
        if self._executed.source == 'commands':
            return ~executed.is_known
        with np.errstate(invalid='ignore'):
            difference = np.abs(rows.sent[steps] - executed.targets)
            return np.asarray((difference > _LIMITED).any(axis=1))
