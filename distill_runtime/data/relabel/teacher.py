# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Labels of one teacher at the ticks of a recording."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from distill_runtime.core.arrays import BoolArray, Float32Array, FloatArray, IndexArray
from distill_runtime.core.compiled_spec import CompiledSpec
from distill_runtime.core.instance.batch import action_targets, clipped_actions
from distill_runtime.data.pipeline.rows import Rows
from distill_runtime.data.pipeline.stepper import Stepped, Stepper
from distill_runtime.errors import ConfigError
from distill_runtime.policy.model import LoadedPolicy
from distill_runtime.policy.offline.taps import find_taps
import numpy as np

from .config import RelabelConfig
from .executed import Executed, ExecutedActions
from .last_action import LastActions
from .spread import Spread
from .student import ReasonArray, StudentSteps
from .teacher_rows import is_finite, TeacherRows


class TeacherSteps(NamedTuple):
    """Labels at n consecutive ticks; NaN where the teacher did not run."""

    label: Float32Array
    """Raw network output, shape (n, act_dim)."""
    target: FloatArray
    """Its targets, joint order of the student: [rad], [rad]/[s] or [N m]; (n, num_joints)."""
    reason: ReasonArray
    """Code per tick, '' where student and label are valid, shape (n,)."""
    texts: Mapping[str, str]
    """Text per code."""
    extras: Mapping[str, Float32Array]
    """Inner tensors by column, shape (n, width) each."""


class Teacher:
    """Labels policy steps, chunk by chunk.

    Attributes:
        name: In the dataset.
        sha256: Of the model.
        compiled: What it reads, with commands in the joint order of the student.
        last_action: Where its last action comes from.
        method: How its network runs, see BatchPolicy.
        extra_widths: Elements of each column of an inner tensor.
    """

    def __init__(
        self,
        number: int,
        config: RelabelConfig,
        policy: LoadedPolicy,
        compiled: CompiledSpec,
        rows: TeacherRows,
        executed: ExecutedActions,
        num_lanes: int = 1,
    ) -> None:
        """Prepare for the first chunk.

        Args:
            number: Position in the options, from 1.
            config: Options.
            policy: The teacher.
            compiled: What it reads.
            rows: Its inputs.
            executed: What was executed in the recording.
            num_lanes: Its period in periods of the student.

        Raises:
            ConfigError: If its network lacks a tensor that is asked for.
        """
        self.name = config.teachers[number - 1].label
        self.sha256 = policy.sha256
        self.compiled, self._rows = compiled, rows
        self._taps = inner_tensors(self.name, policy, config)
        self._lanes = tuple(
            Lane(number, config, policy, compiled, executed, tuple(self._taps.values()))
            for _ in range(num_lanes)
        )
        self._num_steps = 0
        self._recent_starts = np.zeros((num_lanes - 1, 2), np.bool_)
        first = self._lanes[0]
        self.last_action, self.method = first.last_action, first.method
        widths = first.tensor_widths()
        self.extra_widths = {column: widths[tensor] for column, tensor in self._taps.items()}

    def label(
        self, rows: Rows, steps: IndexArray, executed: Executed, student: StudentSteps
    ) -> TeacherSteps:
        """Return the labels of a chunk.

        Args:
            rows: The chunk.
            steps: Rows at which the student ran.
            executed: What was executed at those.
            student: What the student saw.
        """
        num_rows, layout = len(rows.stamp_ns), self.compiled.action
        chunk = slice(rows.first_tick, rows.first_tick + num_rows)
        sensors, input_reason = self._rows.read(chunk)
        label = np.full((num_rows, layout.width), np.nan, np.float32)
        target = np.full((num_rows, len(self.compiled.joints.names)), np.nan)
        reason = student.reason.copy()
        extras: dict[str, Float32Array] = {}
        texts: dict[str, str] = {}

        def note(where: IndexArray, code: str, text: str) -> None:
            """Set the reason of ticks that have none."""
            if len(where):
                texts[code] = text
                where = where[reason[where] == '']
                reason[where] = code

        runs = input_reason[steps] == 0
        for number in np.unique(input_reason[input_reason != 0]).tolist():
            code, _, text = self._rows.reasons[number].partition(': ')
            note(np.flatnonzero(input_reason == number), code, text)
        starts, known = self._starts(rows, steps)
        lane_of_step = (self._num_steps + np.arange(len(steps))) % len(self._lanes)
        self._num_steps += len(steps)
        for number, lane in enumerate(self._lanes):
            mine = np.flatnonzero(lane_of_step == number)
            where, chosen = steps[mine], steps[mine[runs[mine]]]
            marks = lane.mark(executed.picked(mine), starts[mine], known[mine], runs[mine])
            if len(chosen):
                found = lane.step(sensors[chosen], marks)
                is_valid = is_finite(found.action)
                label[chosen] = found.action
                actions = clipped_actions(layout, found.action[is_valid])
                target[chosen[is_valid]] = action_targets(
                    layout, actions, self.compiled.joints.default_command
                )
                for column, tensor in self._taps.items():
                    values = found.tensors[tensor].reshape(len(chosen), -1)
                    filled = np.full((num_rows, values.shape[1]), np.nan, np.float32)
                    extras.setdefault(column, filled)[chosen] = values
                note(chosen[~is_valid], 'label.not_finite', 'the teacher gave NaN or infinity')
            text = "the teacher's history is not complete"
            note(where[marks.unknown_start], 'history.unknown', text)
            note(where[marks.unknown_action], *lane.reason)
        return TeacherSteps(label, target, reason, texts, extras)

    def _starts(self, rows: Rows, steps: IndexArray) -> tuple[BoolArray, BoolArray]:
        """Return the steps that are the first of their lane in an episode, and in a known one.

        That is where one of the newest num_lanes steps starts an episode: the newest such counts.
        """
        begins = rows.starts[steps]
        each = np.stack((begins, begins & rows.valid[steps]), axis=1)
        each = np.concatenate((self._recent_starts, each))
        num_before = len(self._recent_starts)
        starts, known = np.zeros((2, len(steps)), np.bool_)
        for shift in range(num_before + 1):  # the oldest first
            begins, is_known = each[shift : shift + len(steps)].T
            starts |= begins
            known = np.where(begins, is_known, known)
        self._recent_starts = each[len(steps) :]
        return starts, known


class Marks(NamedTuple):
    """What n consecutive steps of a lane are known to depend on."""

    starts: BoolArray
    """Where the teacher starts, of the steps at which it runs."""
    given: FloatArray
    """Executed actions in its terms, of the steps at which it runs, (k, act_dim)."""
    unknown_start: BoolArray
    """Where history is not complete, shape (n,)."""
    unknown_action: BoolArray
    """Where a last action is not known, shape (n,)."""


class Lane:
    """Every m-th step of a teacher whose period is m times that of the student.

    Steps of other lanes are none of its steps: it has its own history, recurrent state, gait clock
    and last action.

    Attributes:
        last_action: Where its last action comes from.
        method: How its network runs, see BatchPolicy.
    """

    def __init__(
        self,
        number: int,
        config: RelabelConfig,
        policy: LoadedPolicy,
        compiled: CompiledSpec,
        executed: ExecutedActions,
        taps: tuple[str, ...],
    ) -> None:
        """Prepare for the first chunk; see Teacher. Taps are the inner tensors to return."""
        self._stepper = Stepper(policy, compiled, taps)
        self._last = LastActions(self._stepper, executed, number, config.last_action)
        self.last_action, self.method = self._last.source, self._stepper.method
        self.tensor_widths = self._stepper.tensor_widths
        depth = self._stepper.depth
        if depth is not None and self.last_action not in ('executed', 'commands'):
            depth -= 1
        self._unknown_start = Spread(depth)
        self._was_running = False

    @property
    def reason(self) -> tuple[str, str]:
        """Code and text of a step whose last action is not known."""
        return self._last.reason

    def mark(
        self, executed: Executed, starts: BoolArray, known: BoolArray, runs: BoolArray
    ) -> Marks:
        """Return what the next steps depend on.

        Args:
            executed: What was executed at each.
            starts: First steps of an episode, shape (n,).
            known: Those of episodes whose start is recorded, shape (n,).
            runs: Where the inputs can be used, shape (n,).
        """
        before = np.append(self._was_running, runs)
        self._was_running = bool(before[-1])
        known = known & runs
        restarts = runs & (starts | ~before[:-1])
        given = self._last.actions(executed)
        unknown_action = self._last.unknown(executed, starts, known)
        unknown_start = self._unknown_start.mark(restarts & ~known, known)
        return Marks(restarts[runs], given[runs], unknown_start, unknown_action)

    def step(self, sensors: FloatArray, marks: Marks) -> Stepped:
        """Run the teacher at the steps at which it runs; sensors are of those, at least one."""
        if self.last_action == 'own':
            return self._stepper.run_own(sensors, marks.starts)
        return self._stepper.run(sensors, marks.starts, marks.given)


def inner_tensors(name: str, policy: LoadedPolicy, config: RelabelConfig) -> dict[str, str]:
    """Return the tensor of each wanted column.

    Raises:
        ConfigError: If the network has no such tensor.
    """
    if not (config.std or config.logits or config.features):
        return {}
    taps = find_taps(policy.path)
    found: dict[str, str] = {}
    if config.std:
        if taps.std is None:
            raise ConfigError(
                f'teacher {name}: its graph computes no standard deviation, expected one for '
                '--std: was it exported with its distribution?'
            )
        found['label_std'] = taps.std
    if config.logits:
        found['label_logits'] = taps.logits
    for layer in config.features:
        if not -len(taps.hidden) <= layer < len(taps.hidden):
            raise ConfigError(
                f'teacher {name}: it has {len(taps.hidden)} layers, there is no layer {layer}'
            )
        found[f'feature_{layer % len(taps.hidden)}'] = taps.hidden[layer]
    return found
