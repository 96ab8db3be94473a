# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Read a recording as rows: what a policy saw at each tick, chunk by chunk.

Ticks, modes and validity are those of a replay. A chunk that OrdinaryChunk accepts is computed in
a few numpy calls. For every other chunk the runner of the robot is stepped, with recorded actions
as its network. Checks of the network's output are not applied: they judge a policy, not a
recording.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from distill_runtime.core.arrays import (
    BoolArray,
    Float32Array,
    FloatArray,
    IndexArray,
    StampArray,
)
from distill_runtime.core.compiled_spec import CompiledSpec
from distill_runtime.core.config import RunnerConfig
from distill_runtime.core.instance.batch import zero_old_commands
from distill_runtime.core.modes import Mode
from distill_runtime.core.runner import PolicyRunner
from distill_runtime.core.sensors import Sensors
from distill_runtime.data.bags.bag import Bag
from distill_runtime.data.recording.internals import read_internals
from distill_runtime.data.recording.policy_recording import (
    PolicyRecording,
    read_policy_recording,
    unneeded,
)
from distill_runtime.data.recording.recording import Recording
from distill_runtime.data.recording.row_store import Picked
from distill_runtime.data.recording.tick_log import ticks_in_period
from distill_runtime.data.replay.config import replay_config, ReplayConfig
from distill_runtime.data.replay.driver import DrivenStep, FollowLog, LoggedRun, ReplayDriver
from distill_runtime.data.replay.replay import (
    logged_reference,
    logged_run,
    Reference,
    reference_by_period,
)
from distill_runtime.data.replay.step_loop import free_run, gap_times, SensorRows
from distill_runtime.data.ticks.ambiguous import ambiguous_samples
from distill_runtime.data.ticks.by_stamp import find_ticks, NONE, Ticks
from distill_runtime.data.ticks.exact import find_exact_ticks
from distill_runtime.policy.model import LoadedPolicy
from distill_runtime.spec.compile import compile_spec, sensor_layout
from distill_runtime.wire.tick_fields import model_number
import numpy as np

from .ordinary import OrdinaryChunk

CHUNK = 512
"""Ticks of a chunk."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Rows:
    """Consecutive ticks, one row each."""

    first_tick: int
    stamp_ns: StampArray
    """Time of the tick, shape (n,)."""
    sensors: FloatArray
    """Samples in use with the velocity command in use, see SensorLayout; the newest ones where the
    policy did not run. Shape (n, layout.size).
    """
    input_ns: StampArray
    """Stamps of the newest samples: joint_states, imu, odom, cmd_vel, then each external topic;
    NEVER for none. Shape (n, 4 + number of external topics).
    """
    mode: IndexArray
    """Number of the Mode, shape (n,)."""
    reason: IndexArray
    """Why the tick is not valid, an index in RecordedRows.reasons; 0 where it is. Shape (n,)."""
    valid: BoolArray
    """Whether the policy had complete, fresh inputs and a complete history, shape (n,)."""
    is_step: BoolArray
    """Whether the policy ran, shape (n,)."""
    starts: BoolArray
    """Whether its history started at this tick, shape (n,)."""
    sent: FloatArray
    """Recorded command, policy joint order, NaN where none is; shape (n, num_joints)."""
    executed_action: Float32Array
    """Recorded network output, NaN where none is; shape (n, act_dim)."""


class RecordedRows:
    """The rows of one recording for one policy; may be read several times.

    Attributes:
        source: The recording.
        compiled: What the policy reads.
        is_same_model: Whether this model ran in the recording; None: not recorded.
        reasons: Why ticks are not valid, ``code: text`` of the first tick with each code; complete
            after the last chunk. The first one is ''.
    """

    def __init__(
        self, source: PolicyRecording, policy: LoadedPolicy, config: ReplayConfig | None = None
    ) -> None:
        """Find the ticks.

        Args:
            source: The recording.
            policy: The policy.
            config: Parameters of the node; None: those that were recorded.

        Raises:
            ConfigError: If the control rate does not fit the recording's ticks.
            RecordingError: If the recording cannot be used.
        """
        self.source = source
        self.compiled = compile_spec(policy.spec, sensor_layout(policy.spec))
        self.reasons = ['']
        self._run = find_run(source, policy, config or replay_config(source.parameters))
        log = source.log
        self.is_same_model = (
            None if log is None else bool(np.any(log.model == model_number(policy.sha256)))
        )

    @property
    def stamp_ns(self) -> StampArray:
        """Of all ticks, shape (T,)."""
        return self._run.ticks.stamp_ns

    @property
    def receive_ns(self) -> StampArray:
        """When the message that triggered each tick, or its log, was received, shape (T,)."""
        log = self.source.log
        if log is None:
            return self.source.recording.joints.receive_ns[self._run.ticks.joints]
        return log.receive_ns

    @property
    def ticks_per_step(self) -> int:
        """Control ticks per policy step."""
        return self._run.config.ticks_per_step

    def logged_actions(self, width: int) -> Picked | None:
        """Return the recorded network output at each tick, NaN for none, shape (T, width).

        Args:
            width: Number of its elements: models of several widths may have run. None is returned
                if there is none of this width, or no ~/tick.

        Raises:
            RecordingError: If the recording is damaged there.
        """
        source, log = self.source, self.source.log
        if log is None:
            return None
        if width != self.compiled.action.width:
            with Bag(source.recording.path) as bag:
                source = replace(source, action=read_internals(bag, f'{log.node}/action', width))
        if source.action is None:
            return None
        tick_ns = self.compiled.period_ns // self.ticks_per_step
        rows = logged_reference(source, log, tick_ns, self.ticks_per_step).action_rows
        return None if rows is None else Picked(source.action.values, rows)

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.stamp_ns)

    def __iter__(self) -> Iterator[Rows]:
        """Yield all chunks, in order."""
        reader = _Reader(self.source, self.compiled, self._run, self.reasons)
        for begin in range(0, len(self), CHUNK):
            yield reader.read(slice(begin, min(begin + CHUNK, len(self))))


def rows_of(
    bag: Path | str,
    policy: LoadedPolicy,
    config: ReplayConfig | None = None,
    topics: Mapping[str, str] | None = None,
    node: str = '',
) -> RecordedRows:
    """Return the rows of a recording for a policy.

    Args:
        bag: See read_policy_recording, as for topics and node.
        policy: The policy.
        config: See RecordedRows.
        topics: Topic of the recording per topic of student_node.
        node: Whose ticks.

    Raises:
        ConfigError: If nothing is there, or a name in topics is unknown.
        RecordingError: If the recording cannot be used.
    """
    return RecordedRows(read_policy_recording(bag, policy, topics, node), policy, config)


class _Run(NamedTuple):
    """The ticks of a recording, and how to step a runner through them."""

    ticks: Ticks
    reference: Reference
    config: RunnerConfig
    log: LoggedRun | None
    is_recurrent: bool

    def driver(self, recording: Recording, runner: PolicyRunner) -> ReplayDriver:
        """Return the driver of a runner at its first tick."""
        if self.log is None:
            return free_run(recording, self.ticks, runner)
        return FollowLog(self.log, runner, self.is_recurrent)


def find_run(source: PolicyRecording, policy: LoadedPolicy, config: ReplayConfig) -> _Run:
    """Find the ticks as replay does; those of other models are not valid."""
    log, spec = source.log, policy.spec
    period_ns = round(spec.period * 1e9)
    ticks_per_step, _ = ticks_in_period(log, period_ns, config.control_rate)
    options = replace(config.runner, ticks_per_step=ticks_per_step)
    if log is None:
        ticks = find_ticks(source.recording, period_ns)
        reference = reference_by_period(source, ticks, period_ns)
        return _Run(ticks, reference, options, None, bool(spec.state))
    compiled = compile_spec(spec, sensor_layout(spec))
    tick_ns = period_ns // ticks_per_step
    exact = find_exact_ticks(
        source.recording, log, tick_ns, config.uses_arrival, unneeded(compiled)
    )
    reference = logged_reference(source, log, tick_ns, ticks_per_step)
    is_other = log.model != model_number(policy.sha256)
    if is_other.all():
        is_other[:] = False
    run = logged_run(source, log, exact, reference, is_other)
    return _Run(exact.ticks, reference, options, run, bool(spec.state))


class RecordedNetwork:
    """A network that returns recorded actions; see core.step.Policy.

    Attributes:
        recorded: Action of this tick, NaN where none is recorded: it is zero then.
        was_reset: Whether the history of the next step starts with it.
    """

    def __init__(self, compiled: CompiledSpec) -> None:
        """Make the buffers of a policy."""
        widths = [len(entry.layout) for entry in compiled.inputs]
        self.observation = np.zeros(sum(widths), np.float32)
        self.inputs = tuple(np.split(self.observation, np.cumsum(widths)[:-1]))
        self.action = np.zeros(compiled.action.width, np.float32)
        self.recorded = self.action
        self.was_reset = False

    def run(self) -> None:
        """Return the recorded action of this tick."""
        self.action[:] = self.recorded if np.isfinite(self.recorded).all() else 0.0

    def reset(self) -> None:
        """Note that the history starts again."""
        self.was_reset = True


class _Reader:
    """Reads chunk after chunk."""

    def __init__(
        self, source: PolicyRecording, compiled: CompiledSpec, run: _Run, reasons: list[str]
    ) -> None:
        self._source = source
        self._compiled = compiled
        self._run = run
        self._reasons = reasons
        self._numbers = {text.partition(':')[0]: number for number, text in enumerate(reasons)}
        self._network = RecordedNetwork(compiled)
        self._runner = PolicyRunner(compiled, self._network, run.config)
        self._driver = run.driver(source.recording, self._runner)
        self._sensors = Sensors(compiled.layout)
        self._samples = SensorRows(source.recording, run.ticks, self._sensors)
        self._ordinary = OrdinaryChunk(compiled, run.config)
        self._breaks = None if run.log is not None else _breaks(source, run)
        self._max_command_age_ns = round(run.config.cmd_vel_timeout * 1e9)
        self._last: Rows | None = None
        self._is_stepping = True
        """Whether the runner was stepped through the last chunk."""

    def read(self, chunk: slice) -> Rows:
        """Return the rows of the next ticks."""
        ticks = self._run.ticks
        self._samples.prepare(chunk)
        stamps = [stamps[chunk] for stamps in (*ticks.stamps, *ticks.external_stamps)]
        num_rows = chunk.stop - chunk.start
        rows = Rows(
            first_tick=chunk.start,
            stamp_ns=ticks.stamp_ns[chunk],
            sensors=self._samples.vectors.copy(),
            input_ns=np.stack(stamps, axis=1),
            mode=np.full(num_rows, Mode.POLICY, np.intp),
            reason=np.zeros(num_rows, np.intp),
            valid=np.ones(num_rows, np.bool_),
            is_step=np.ones(num_rows, np.bool_),
            starts=np.zeros(num_rows, np.bool_),
            sent=self._sent(chunk),
            executed_action=self._executed(chunk),
        )
        if self._is_ordinary(chunk):
            self._take(rows)
        else:
            self._step(rows)
        self._last = rows
        return rows

    def _sent(self, chunk: slice) -> FloatArray:
        commands, rows = self._source.commands, self._run.reference.command_rows
        sent = np.full((chunk.stop - chunk.start, len(self._compiled.joints.names)), np.nan)
        if commands is not None and rows is not None:
            is_sent = rows[chunk] != NONE
            sent[is_sent] = commands.values[rows[chunk][is_sent]]
        return sent

    def _executed(self, chunk: slice) -> Float32Array:
        action, rows = self._source.action, self._run.reference.action_rows
        if action is None or rows is None:
            shape = chunk.stop - chunk.start, self._compiled.action.width
            return np.full(shape, np.nan, np.float32)
        return Picked(action.values, rows)[chunk]

    def _is_ordinary(self, chunk: slice) -> bool:
        """Whether no check of the runner can find anything."""
        if self._breaks is None or self._breaks[chunk].any():
            return False
        ticks, begin = self._run.ticks, chunk.start
        # compared with the samples before
        first = self._samples.vectors[0] if begin == 0 else self._sensors.values
        sensors = np.concatenate((first[np.newaxis], self._samples.vectors))
        numbers = np.arange(begin - 1, chunk.stop).clip(min=0)
        stamps = [stamps[numbers] for stamps in (*ticks.stamps, *ticks.external_stamps)]
        return self._ordinary.is_ordinary(sensors, np.stack(stamps, axis=1), ticks.stamp_ns[chunk])

    def _take(self, rows: Rows) -> None:
        """Complete the rows of an ordinary chunk."""
        rows.starts[0] = self._last is None or not self._last.valid[-1]
        if self._compiled.needs_command:
            command = self._compiled.layout.velocity_command
            zero_old_commands(
                rows.sensors[:, command], rows.input_ns[:, 3], rows.stamp_ns,
                self._max_command_age_ns,
            )  # fmt: skip
        self._samples.write(len(rows.stamp_ns) - 1)
        self._is_stepping = False

    def _step(self, rows: Rows) -> None:
        """Step the runner through a chunk, and complete its rows."""
        if not self._is_stepping:
            self._catch_up(rows)
        history, num_sensors = self._runner.switcher.history, self._compiled.layout.size
        for row, driven in enumerate(self._steps(rows)):
            step, is_valid, reason = driven[:3]
            rows.mode[row] = step.mode
            rows.valid[row] = is_valid
            rows.is_step[row] = step.has_policy_step
            if not is_valid:
                rows.reason[row] = self._number(reason)
            if step.has_policy_step:
                newest = history.sensor_vectors[history.row(history.count - 1)]
                rows.sensors[row] = newest[:num_sensors]
                rows.starts[row] = self._network.was_reset
                self._network.was_reset = False

    def _catch_up(self, rows: Rows) -> None:
        """Step the runner through the last chunk, which was ordinary."""
        last = self._last
        assert last is not None, 'the first chunk needs no catching up'
        begin = last.first_tick
        self._samples.prepare(slice(begin, begin + len(last.stamp_ns)))
        self._runner.reset(Mode.POLICY)
        for _ in self._steps(last):
            pass
        self._network.was_reset = False
        self._samples.prepare(slice(rows.first_tick, rows.first_tick + len(rows.stamp_ns)))
        self._is_stepping = True

    def _steps(self, rows: Rows) -> Iterator[DrivenStep]:
        """Step the runner; the samples of the rows are prepared."""
        for row, stamp_ns in enumerate(rows.stamp_ns.tolist()):
            self._samples.write(row)
            self._network.recorded = rows.executed_action[row]
            yield self._driver.step(self._runner, self._sensors, rows.first_tick + row, stamp_ns)

    def _number(self, reason: str) -> int:
        code = reason.partition(':')[0]
        if code not in self._numbers:
            self._numbers[code] = len(self._reasons)
            self._reasons.append(reason)
        return self._numbers[code]


def _breaks(source: PolicyRecording, run: _Run) -> BoolArray:
    """Return the ticks at which a free run may start again, or whose sample is ambiguous."""
    recording, ticks = source.recording, run.ticks
    breaks = gap_times(recording, ticks) > run.config.max_input_age
    breaks[0] = False  # it starts in any case
    breaks |= np.diff(ticks.stamp_ns, prepend=ticks.stamp_ns[0]) < 0
    for is_ambiguous in ambiguous_samples(recording, ticks).values():
        breaks |= is_ambiguous
    return breaks
