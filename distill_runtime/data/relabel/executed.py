# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""The action that the robot executed at each policy step, in terms of any policy.

Actions of ~/action are exact. Commands are what the limits made of a target, so they stand for an
action only where no limit can have bound:

    acting policy: action -> clip, scale, offset -> targets -> [limits] -> command
    any policy:    action <- clip, scale, offset <- targets
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from distill_runtime.core.arrays import BoolArray, FloatArray, IndexArray
from distill_runtime.core.compiled_spec import ActionLayout, CompiledSpec
from distill_runtime.core.config import RunnerConfig
from distill_runtime.core.instance.action import is_equivalent
from distill_runtime.core.instance.batch import (
    action_targets,
    clipped_actions,
    translated_actions,
)
from distill_runtime.core.limits import has_gains, LimitConfig, soft_margin, torque_reach
from distill_runtime.data.recording.row_store import Picked
import numpy as np

_EPSILON = 1e-9
"""In [rad] and [N m]: a command this close to a limit may have been bound by it."""
_NO_ACTIONS = ActionLayout(
    width=0,
    clip=None,
    scale=np.zeros(0),
    offset=np.zeros(0),
    joints=np.zeros(0, np.intp),
    choices=None,
)
"""Layout that is that of no policy: only targets are known."""


class Executed(NamedTuple):
    """What was executed at n consecutive policy steps."""

    targets: FloatArray
    """Before limits where actions are recorded, else the commands; joint order of the student,
    NaN where neither is known. Shape (n, num_joints).
    """
    is_known: BoolArray
    """Where the targets are those of the policy, shape (n,)."""
    actions: tuple[tuple[int, BoolArray, FloatArray], ...] = ()
    """Per policy that acted: its number, at which steps, and its clipped actions at those."""

    def picked(self, steps: IndexArray) -> Executed:
        """Return what was executed at some of the steps, by their sorted index."""
        actions = tuple(
            (policy, acted[steps], clipped[np.isin(np.flatnonzero(acted), steps)])
            for policy, acted, clipped in self.actions
        )
        return Executed(self.targets[steps], self.is_known[steps], actions)


@dataclass(frozen=True, kw_only=True, eq=False)
class LoggedActions:
    """Recorded outputs of one of the policies."""

    policy: int
    """Number of the policy that acted."""
    is_active: BoolArray
    """Ticks at which it was the model of the node, shape (T,)."""
    values: Picked
    """Its output at each tick, NaN where none is recorded, shape (T, act_dim)."""


class ExecutedActions:
    """Reads the executed actions of one recording.

    Attributes:
        source: executed: from recorded actions; commands: from joint commands; none: neither is
            recorded.
    """

    def __init__(
        self,
        compiled: Sequence[CompiledSpec],
        config: RunnerConfig,
        logged: Sequence[LoggedActions],
        has_commands: bool,
    ) -> None:
        """Choose the source.

        Args:
            compiled: The policies, the student first; all command the joints of the student.
            config: Limits of the node.
            logged: Recorded actions.
            has_commands: Whether joint commands are recorded.
        """
        self._compiled = compiled
        self._logged = logged
        self._bounds = _Bounds(compiled[0], config)
        self.source: Literal['executed', 'commands', 'none'] = 'none'
        if logged:
            self.source = 'executed'
        elif has_commands:
            self.source = 'commands'

    def read(
        self, chunk: slice, steps: IndexArray, sent: FloatArray, sensors: FloatArray
    ) -> Executed:
        """Return what was executed at some policy steps.

        Args:
            chunk: Ticks of the chunk.
            steps: Rows of the chunk at which the policy ran.
            sent: Recorded commands, NaN where none is, shape (n, num_joints).
            sensors: Of the student, shape (n, layout.size).
        """
        if self.source == 'commands':
            targets = sent[steps]
            is_bound = self._bounds.find(sent, sensors)[steps]
            return Executed(targets, np.isfinite(targets).all(axis=1) & ~is_bound)
        num_joints = len(self._compiled[0].joints.names)
        targets = np.full((len(steps), num_joints), np.nan)
        is_known = np.zeros(len(steps), np.bool_)
        actions = []
        for entry in self._logged:
            layout = self._compiled[entry.policy].action
            outputs = entry.values[chunk][steps]
            acted = entry.is_active[chunk][steps] & np.isfinite(outputs).all(axis=1)
            if acted.any():
                clipped = clipped_actions(layout, outputs[acted])
                default = self._compiled[entry.policy].joints.default_command
                targets[acted] = action_targets(layout, clipped, default)
                is_known |= acted
                actions.append((entry.policy, acted, clipped))
        return Executed(targets, is_known, tuple(actions))

    def can_translate(self, policy: int) -> bool:
        """Whether executed actions have a counterpart in terms of a policy."""
        layout = self._compiled[policy].action
        if layout.choices is None:
            return not np.any(layout.scale == 0.0)
        return self.source == 'executed' and all(
            is_equivalent(self._compiled[entry.policy].action, layout) for entry in self._logged
        )

    def in_terms_of(self, policy: int, executed: Executed) -> FloatArray:
        """Return the actions in terms of a policy, zero where nothing is known, (n, act_dim)."""
        layout = self._compiled[policy].action
        found = np.zeros((len(executed.targets), layout.width))
        if self.source == 'commands':
            rows = np.isfinite(executed.targets).all(axis=1)
            unknown = np.zeros((int(rows.sum()), 0))
            found[rows] = translated_actions(layout, _NO_ACTIONS, unknown, executed.targets[rows])
        for number, acted, actions in executed.actions:
            found[acted] = translated_actions(
                layout, self._compiled[number].action, actions, executed.targets[acted]
            )
        return found


class _Bounds:
    """Finds commands that a limit may have bound, see Limiter."""

    def __init__(self, compiled: CompiledSpec, config: RunnerConfig) -> None:
        joints = compiled.joints
        self._joints = joints
        period = compiled.period_ns * 1e-9 / config.ticks_per_step
        limits = LimitConfig(torque_limit=config.torque_limit, period=period)
        self._reach, self._lead = torque_reach(joints, limits)
        self._is_soft = np.full(len(joints.names), config.position_limits == 'soft')
        self._is_soft &= has_gains(joints)
        self._margin = soft_margin(joints)
        self._is_limited = ~joints.is_position | (config.position_limits != 'off')
        max_step = config.max_joint_step or np.inf
        self._max_step = np.where(joints.is_position, max_step, np.inf)
        self._previous = np.full(len(joints.names), np.nan)

    def find(self, sent: FloatArray, sensors: FloatArray) -> BoolArray:
        """Return at which consecutive ticks a limit may have bound.

        Args:
            sent: Commands, shape (n, num_joints).
            sensors: Of each tick, shape (n, layout.size).

        Returns:
            Shape (n,).
        """
        joints = self._joints
        before = np.concatenate((self._previous[np.newaxis], sent[:-1]))
        self._previous = sent[-1]
        position = sensors[:, joints.position_index]
        center = position + self._lead * sensors[:, joints.velocity_index]
        low = (sent <= joints.lower + _EPSILON) & ~(
            self._is_soft & (position > joints.lower + self._margin)
        )
        high = (sent >= joints.upper - _EPSILON) & ~(
            self._is_soft & (position < joints.upper - self._margin)
        )
        is_bound = (low | high) & self._is_limited
        is_bound |= np.abs(sent - before) >= self._max_step - _EPSILON
        is_bound |= sent <= np.minimum(center - self._reach, position) + _EPSILON
        is_bound |= sent >= np.maximum(center + self._reach, position) - _EPSILON
        return np.asarray(is_bound.any(axis=1))
