# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Replay driver for recordings in which the node swapped its model.

The replayed policy takes over at the recorded tick, with the history that it had on the robot.
Each other model is replaced by a network that returns its recorded actions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from distill_runtime.core.arrays import Float32Array, IndexArray
from distill_runtime.core.compiled_spec import CompiledSpec
from distill_runtime.core.config import RunnerConfig
from distill_runtime.core.instance.policy_instance import PolicyInstance
from distill_runtime.core.runner import PolicyRunner
from distill_runtime.core.sensors import Sensors
from distill_runtime.core.swap.candidate import Candidate
from distill_runtime.core.swap.swap import Swap, SwapOptions
from distill_runtime.data.recording.node_info import RecordedModel
from distill_runtime.data.recording.series import VectorSeries
from distill_runtime.data.recording.tick_log import TickLog
from distill_runtime.data.ticks.by_stamp import NONE
from distill_runtime.errors import ConfigError
from distill_runtime.policy.model import LoadedPolicy
from distill_runtime.spec.compile import compile_spec, sensor_layout
from distill_runtime.wire.tick_fields import model_number
import numpy as np

from .driver import DrivenStep, FollowLog

_IMMEDIATELY = SwapOptions(blend_time=0.0, probation_time=0.0)


class RecordedActions:
    """A network that returns recorded actions; see core.step.Policy.

    Attributes:
        tick: Current tick.
        has_all: Whether every requested action was recorded.
    """

    def __init__(self, compiled: CompiledSpec, actions: Float32Array, rows: IndexArray) -> None:
        """Allocate the tensors.

        Args:
            compiled: Spec of the model.
            actions: Recorded actions, shape (N, act_dim).
            rows: Row of each tick; NONE where there is none.
        """
        widths = [len(entry.layout) for entry in compiled.inputs]
        self.observation = np.zeros(sum(widths), np.float32)
        self.inputs = tuple(np.split(self.observation, np.cumsum(widths)[:-1]))
        self.action = np.zeros(compiled.action.width, np.float32)
        self.tick = 0
        self.has_all = True
        self._actions, self._rows = actions, rows

    def run(self) -> None:
        """Copy the recorded action of the tick."""
        row = self._rows[self.tick]
        if row == NONE or not np.isfinite(self._actions[row]).all():
            self.has_all = False
        else:
            self.action[:] = self._actions[row]

    def reset(self) -> None:
        """Do nothing: there is no state."""


class SwapLog(NamedTuple):
    """Which model was active at each tick, and the instances that stand for them."""

    replayed: int
    """Number of the replayed model."""
    instances: Mapping[int, PolicyInstance]
    """By model number; all belong to one runner."""
    others: Sequence[RecordedActions]
    """Networks of all other models."""
    active: Sequence[int]
    """Model number of each tick."""
    models: Sequence[RecordedModel]
    """What the node published about its models."""


def make_swap_log(
    policy: LoadedPolicy,
    config: RunnerConfig,
    log: TickLog,
    models: tuple[RecordedModel, ...],
    actions: VectorSeries | None,
    rows: IndexArray | None,
) -> tuple[PolicyRunner, SwapLog] | None:
    """Return a runner that starts with the first recorded model, and the swaps to replay.

    Args:
        policy: The replayed policy.
        config: Of the runner.
        log: The ticks.
        models: What the node published about its models.
        actions: Recorded actions of all models of one width.
        rows: Row in actions of each tick.

    Returns:
        None where the model did not change, or too little was recorded about the others.
    """
    numbers = log.model.tolist()
    replayed = model_number(policy.sha256)
    others = set(numbers) - {replayed}
    specs = {model.number: model.spec for model in models if model.spec is not None}
    if replayed not in numbers or not others or actions is None or rows is None:
        return None
    if not others <= set(specs):
        return None
    layout = sensor_layout(policy.spec)
    try:
        compiled = {
            number: compile_spec(specs[number], layout, policy.spec.joints) for number in others
        }
    except ConfigError:
        return None
    if any(other.action.width != actions.values.shape[1] for other in compiled.values()):
        return None
    networks = {
        number: RecordedActions(other, actions.values[:], rows)
        for number, other in compiled.items()
    }
    first = numbers[0]
    if first == replayed:
        runner = policy.runner(config)
        instances = {replayed: runner.switcher.active}
    else:
        runner = PolicyRunner(compiled[first], networks[first], config)
        same_layout = compile_spec(policy.spec, runner.compiled.layout)
        instances = {
            first: runner.switcher.active,
            replayed: PolicyInstance(same_layout, policy.session, config.checks),
        }
    for number in others - set(instances):
        instances[number] = PolicyInstance(compiled[number], networks[number], config.checks)
    return runner, SwapLog(replayed, instances, tuple(networks.values()), numbers, models)


class FollowSwaps:
    """Follow the modes and the models that a node logged."""

    def __init__(self, follow_log: FollowLog, swaps: SwapLog) -> None:
        """Index the swaps by time.

        Args:
            follow_log: Follows the modes.
            swaps: Which model was active when.
        """
        self._follow_log = follow_log
        self._swaps = swaps
        self._replayed = swaps.instances[swaps.replayed]
        self._history_starts_ns = {
            model.history_since_ns
            for model in swaps.models
            if model.number == swaps.replayed and not model.is_back
        }
        self._blends_ns = {
            model.since_ns: round(model.blend_time * 1e9)
            for model in swaps.models
            if model.since_ns >= 0
        }
        self._blended_ns = -1
        self._has_past = True

    @property
    def is_approximate(self) -> bool:
        """See FollowLog."""
        return self._follow_log.is_approximate

    def step(self, runner: PolicyRunner, sensors: Sensors, tick: int, stamp_ns: int) -> DrivenStep:
        """Step a runner at a tick."""
        switcher, swaps = runner.switcher, self._swaps
        instance = swaps.instances[swaps.active[tick]]
        for other in swaps.others:
            other.tick = tick
        if instance is not switcher.active:
            if instance is not self._replayed:
                instance.next_step = switcher.history.count
            switcher.offer(Swap(Candidate(instance, runner.config), _IMMEDIATELY))
            self._blended_ns = stamp_ns + self._blends_ns.get(stamp_ns, 0)
            self._has_past = all(other.has_all for other in swaps.others)
        driven = self._follow_log.step(runner, sensors, tick, stamp_ns)
        if switcher.active is not self._replayed:
            return self._follow_other(driven, runner, stamp_ns)
        if not driven.step.mode.runs_policy:
            self._has_past = True
            return driven
        if stamp_ns < self._blended_ns:
            self._follow_log.apply_recorded(runner, tick)
            reason = 'model.blended: commands are blended with those of the previous model'
            return DrivenStep(driven.step, False, reason)
        if driven.is_valid and not self._has_past:
            reason = 'model.past: actions of the previous model are missing'
            return DrivenStep(driven.step, False, reason)
        return driven

    def _follow_other(self, driven: DrivenStep, runner: PolicyRunner, stamp_ns: int) -> DrivenStep:
        """Let the replayed policy follow a step of another model."""
        instance, ring, step = self._replayed, runner.switcher.history, driven.step
        if step.has_policy_step and step.mode.runs_policy:
            number = ring.count - 1
            if stamp_ns in self._history_starts_ns:
                instance.join(ring, number)
            instance.follow(ring, number)
            step = step._replace(
                observation=instance.policy.observation,
                action=instance.policy.action,
                target=instance.target,
            )
        return DrivenStep(step, False, 'model.other: another model ran')
