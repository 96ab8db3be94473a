# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""How a runner is led through a recording in which the node changed its model.

The policy that is replayed takes over where it did: it has seen the same steps before, by the
same code. In place of each other model stands one that gives the actions that were recorded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from distill_runtime.core.arrays import Float32Array, IndexArray
from distill_runtime.core.compiled_spec import CompiledSpec
from distill_runtime.core.instance.policy_instance import PolicyInstance
from distill_runtime.core.runner import PolicyRunner
from distill_runtime.core.sensors import Sensors
from distill_runtime.core.swap.candidate import Candidate
from distill_runtime.core.swap.swap import Swap, SwapOptions
from distill_runtime.data.recording.node_info import RecordedModel
from distill_runtime.data.ticks.by_stamp import NONE
import numpy as np

from .driver import DrivenStep, FollowLog

_AT_ONCE = SwapOptions(blend_time=0.0, probation_time=0.0)


class RecordedActions:
    """A network whose actions were recorded; see core.step.Policy.

    Attributes:
        tick: At which it is asked.
        has_all: Whether every action that it was asked for was recorded.
    """

    def __init__(self, compiled: CompiledSpec, actions: Float32Array, rows: IndexArray) -> None:
        """Begin.

        Args:
            compiled: Of the policy.
            actions: What was recorded, shape (N, act_dim).
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
        """Give what was recorded at the tick."""
        row = self._rows[self.tick]
        if row == NONE or not np.isfinite(self._actions[row]).all():
            self.has_all = False
        else:
            self.action[:] = self._actions[row]

    def reset(self) -> None:
        """Begin anew: nothing is carried."""


class Cast(NamedTuple):
    """Who acts in a recording."""

    own: int
    """Number of the model that is replayed."""
    actors: Mapping[int, PolicyInstance]
    """By the number of the model; all of one runner."""
    others: Sequence[RecordedActions]
    """Networks of all but the own."""
    models: Sequence[int]
    """Number of who acts at each tick."""
    changes: Sequence[RecordedModel]
    """What the node says of its swaps."""


class FollowSwaps:
    """Through modes and models that a node logged."""

    def __init__(self, course: FollowLog, cast: Cast) -> None:
        """Begin.

        Args:
            course: Through the modes.
            cast: Who acts when.
        """
        self._course = course
        self._cast = cast
        self._own = cast.actors[cast.own]
        self._begins = {
            change.history_since_ns
            for change in cast.changes
            if change.number == cast.own and not change.is_back
        }
        self._blends = {
            c.since_ns: round(c.blend_time * 1e9) for c in cast.changes if c.since_ns >= 0
        }
        self._blended_ns = -1
        self._has_seen_all = True

    @property
    def is_approximate(self) -> bool:
        """Whether some ticks were known but for a little."""
        return self._course.is_approximate

    def step(self, runner: PolicyRunner, sensors: Sensors, tick: int, stamp_ns: int) -> DrivenStep:
        """Step a runner at a tick."""
        switcher, cast = runner.switcher, self._cast
        instance = cast.actors[cast.models[tick]]
        for other in cast.others:
            other.tick = tick
        if instance is not switcher.active:
            if instance is not self._own:
                instance.next_step = switcher.ring.count
            switcher.offer(Swap(Candidate(instance, runner.config), _AT_ONCE))
            self._blended_ns = stamp_ns + self._blends.get(stamp_ns, 0)
            self._has_seen_all = all(other.has_all for other in cast.others)
        led = self._course.step(runner, sensors, tick, stamp_ns)
        if switcher.active is not self._own:
            return self._follow(led, runner, stamp_ns)
        if not led.step.mode.runs_policy:
            self._has_seen_all = True
            return led
        if stamp_ns < self._blended_ns:
            self._course.take_over(runner, tick)
            return DrivenStep(
                led.step, False, 'model.blended: the model before has a part in this'
            )
        if led.is_known and not self._has_seen_all:
            return DrivenStep(
                led.step, False, 'model.past: actions of the model before are missing'
            )
        return led

    def _follow(self, led: DrivenStep, runner: PolicyRunner, stamp_ns: int) -> DrivenStep:
        """Let the own policy see what another one does."""
        own, ring, step = self._own, runner.switcher.ring, led.step
        if step.has_policy_step and step.mode.runs_policy:
            number = ring.count - 1
            if stamp_ns in self._begins:
                own.join(ring, number)
            own.follow(ring, number)
            step = step._replace(
                observation=own.policy.observation, action=own.policy.action, target=own.target
            )
        return DrivenStep(step, False, 'model.other: another model ran')
