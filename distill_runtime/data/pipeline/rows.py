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
from dataclasses import dataclass
from pathlib import Path

from distill_runtime.core.arrays import (
    BoolArray,
    Float32Array,
    FloatArray,
    IndexArray,
    StampArray,
)
from distill_runtime.core.compiled_spec import CompiledSpec
from distill_runtime.core.instance.batch import zero_old_commands
from distill_runtime.core.modes import Mode
from distill_runtime.core.runner import PolicyRunner
from distill_runtime.data.bags.bag import Bag
from distill_runtime.data.recording.policy_recording import PolicyRecording, read_policy_recording
from distill_runtime.data.recording.row_store import Picked
from distill_runtime.data.recording.series import read_vectors
from distill_runtime.data.replay.config import replay_config, ReplayConfig
from distill_runtime.data.replay.driver import DrivenStep, FollowLog, FreeRun
from distill_runtime.data.replay.recorded_run import find_run, RecordedRun
from distill_runtime.data.replay.step_loop import StepLoop
from distill_runtime.data.replay.swap_driver import RecordedActions
from distill_runtime.policy.model import LoadedPolicy
from distill_runtime.spec.compile import compile_spec, sensor_layout
import numpy as np

from .ordinary import OrdinaryChunk

CHUNK = 512
"""Ticks of the first chunk that no runner is needed for; the next one has twice as many."""
MAX_CHUNK = 2048
"""Largest number of ticks of a chunk."""
STEPPED_CHUNK = 64
"""Ticks of a chunk that the runner is stepped through."""


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
        self.is_same_model = self._run.is_same_model

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
        if log is None or width == self.compiled.action.width:
            return self._run.actions()
        with Bag(source.recording.path) as bag:
            actions = read_vectors(bag, f'{log.node}/action', width)
        return self._run.picked(actions)

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.stamp_ns)

    def __iter__(self) -> Iterator[Rows]:
        """Yield all chunks, in order."""
        reader = _Reader(self.compiled, self._run, self.reasons)
        begin = 0
        while begin < len(self):
            rows = reader.read(begin)
            yield rows
            begin += len(rows.stamp_ns)


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


class _Reader:
    """Reads chunk after chunk."""

    def __init__(self, compiled: CompiledSpec, run: RecordedRun, reasons: list[str]) -> None:
        self._compiled = compiled
        self._run = run
        self._reasons = reasons
        self._numbers = {text.partition(':')[0]: number for number, text in enumerate(reasons)}
        self._network = RecordedActions(compiled, np.zeros((0, compiled.action.width), np.float32))
        self._runner = PolicyRunner(compiled, self._network, run.config)
        recording, ticks = run.source.recording, run.ticks
        self._driver: FreeRun | FollowLog
        if run.source.log is None:
            self._driver = FreeRun(recording, ticks, run.config.max_input_age)
        else:
            self._driver = FollowLog(run, self._runner)
        self._loop = StepLoop(recording, ticks, self._runner, self._driver)
        self._actions = run.actions()
        self._ordinary = OrdinaryChunk(compiled, run.config)
        self._max_command_age_ns = round(run.config.cmd_vel_timeout * 1e9)
        self._size = CHUNK
        self._last: Rows | None = None
        self._is_stepping = True
        """Whether the runner was stepped through the last chunk."""

    def read(self, begin: int) -> Rows:
        """Return the rows from a tick on: many if all are ordinary, else a few."""
        num_ticks = len(self._run.ticks.stamp_ns)
        chunk = slice(begin, min(begin + self._size, num_ticks))
        self._loop.prepare(chunk)
        is_ordinary = self._is_ordinary(chunk)
        self._size = min(2 * self._size, MAX_CHUNK) if is_ordinary else CHUNK
        if not is_ordinary:
            chunk = slice(begin, min(begin + STEPPED_CHUNK, num_ticks))
            self._loop.prepare(chunk)
        rows = self._rows(chunk)
        if is_ordinary:
            self._take(rows)
        else:
            self._step(rows)
        self._last = rows
        return rows

    def _rows(self, chunk: slice) -> Rows:
        """Return the rows of a prepared chunk, as if all were ordinary."""
        ticks, num_rows = self._run.ticks, chunk.stop - chunk.start
        stamps = [stamps[chunk] for stamps in (*ticks.stamps, *ticks.external_stamps)]
        sent = self._run.commands(chunk)
        if sent is None:
            sent = np.full((num_rows, len(self._compiled.joints.names)), np.nan)
        if self._actions is None:
            executed = np.full((num_rows, self._compiled.action.width), np.nan, np.float32)
        else:
            executed = self._actions[chunk]
        return Rows(
            first_tick=chunk.start,
            stamp_ns=ticks.stamp_ns[chunk],
            sensors=self._loop.vectors.copy(),
            input_ns=np.stack(stamps, axis=1),
            mode=np.full(num_rows, Mode.POLICY, np.intp),
            reason=np.zeros(num_rows, np.intp),
            valid=np.ones(num_rows, np.bool_),
            is_step=np.ones(num_rows, np.bool_),
            starts=np.zeros(num_rows, np.bool_),
            sent=sent,
            executed_action=executed,
        )

    def _is_ordinary(self, chunk: slice) -> bool:
        """Whether no check of the runner can find anything."""
        if self._driver.is_suspect[chunk].any() or not self._may_continue():
            return False
        ticks, begin = self._run.ticks, chunk.start
        # compared with the samples before
        first = self._loop.vectors[0] if begin == 0 else self._loop.sensors.values
        sensors = np.concatenate((first[np.newaxis], self._loop.vectors))
        numbers = np.arange(begin - 1, chunk.stop).clip(min=0)
        stamps = [stamps[numbers] for stamps in (*ticks.stamps, *ticks.external_stamps)]
        return self._ordinary.is_ordinary(sensors, np.stack(stamps, axis=1), ticks.stamp_ns[chunk])

    def _may_continue(self) -> bool:
        """Whether the policy runs at the tick before; only a free run starts by itself."""
        last = self._last
        if self._run.source.log is None:
            return True
        return last is not None and bool(
            last.valid[-1] and last.is_step[-1] and last.mode[-1] == Mode.POLICY
        )

    def _take(self, rows: Rows) -> None:
        """Complete the rows of an ordinary chunk."""
        rows.starts[0] = self._last is None or not self._last.valid[-1]
        if self._compiled.needs_command:
            command = self._compiled.layout.velocity_command
            zero_old_commands(
                rows.sensors[:, command], rows.input_ns[:, 3], rows.stamp_ns,
                self._max_command_age_ns,
            )  # fmt: skip
        self._loop.write(len(rows.stamp_ns) - 1)
        self._is_stepping = False

    def _step(self, rows: Rows) -> None:
        """Step the runner through a chunk, and complete its rows."""
        if not self._is_stepping:
            self._catch_up(rows)
        history, num_sensors = self._runner.switcher.history, self._compiled.layout.size
        for row, driven in enumerate(self._steps(rows.executed_action)):
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
        """Step the runner through the end of the last chunk, which was ordinary."""
        last = self._last
        assert last is not None, 'the first chunk needs no catching up'
        actions = last.executed_action[-CHUNK:]
        self._loop.prepare(slice(rows.first_tick - len(actions), rows.first_tick))
        self._runner.reset(Mode.POLICY)
        for _ in self._steps(actions):
            pass
        self._network.was_reset = False
        self._loop.prepare(slice(rows.first_tick, rows.first_tick + len(rows.stamp_ns)))
        self._is_stepping = True

    def _steps(self, actions: Float32Array) -> Iterator[DrivenStep]:
        """Step the runner through the prepared chunk, with the recorded network outputs."""
        self._network.actions = actions
        for row in range(len(actions)):
            self._network.tick = row
            yield self._loop.step(row)

    def _number(self, reason: str) -> int:
        code = reason.partition(':')[0]
        if code not in self._numbers:
            self._numbers[code] = len(self._reasons)
            self._reasons.append(reason)
        return self._numbers[code]
