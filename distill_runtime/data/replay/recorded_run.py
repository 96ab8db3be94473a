# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Find the ticks of a recording for a policy, and what was recorded at each of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from distill_runtime.core.arrays import BoolArray, FloatArray, IndexArray
from distill_runtime.core.config import RunnerConfig
from distill_runtime.core.modes import POLICY_MODES
from distill_runtime.data.recording.commands import command_rows, logged_command_rows, nearest_rows
from distill_runtime.data.recording.policy_recording import PolicyRecording, unneeded
from distill_runtime.data.recording.row_store import Picked
from distill_runtime.data.recording.series import VectorSeries
from distill_runtime.data.recording.tick_log import TickLog, ticks_in_period
from distill_runtime.data.ticks.by_stamp import find_ticks, NONE, Ticks
from distill_runtime.data.ticks.exact import find_exact_ticks
from distill_runtime.policy.model import LoadedPolicy
from distill_runtime.spec.compile import compile_spec
from distill_runtime.wire.tick_fields import model_number
import numpy as np

from .config import ReplayConfig


@dataclass(frozen=True, kw_only=True, eq=False)
class RecordedRun:
    """The ticks of a recording, and the recorded rows of each; NONE where nothing was recorded."""

    source: PolicyRecording
    ticks: Ticks
    tick_ns: int
    """Time between ticks, in [ns]."""
    config: RunnerConfig
    """Of the runner to step through the ticks."""
    is_recurrent: bool
    """Whether the network carries a state."""
    period_problem: str
    """Why the policy's period does not fit the logged ticks; '' if it does."""
    is_same_model: bool | None
    """Whether this model ran in the recording; None: not recorded."""
    is_other: BoolArray
    """Ticks of another model, shape (T,); none where only other models ran."""
    lacks: Mapping[str, BoolArray]
    """By input, the ticks whose sample is missing in the recording."""
    command_rows: IndexArray | None
    observation_rows: IndexArray | None = None
    action_rows: IndexArray | None = None

    def commands(self, chunk: slice = slice(None)) -> FloatArray | None:
        """Return the command sent at each tick, NaN where none was; None: not recorded."""
        if self.source.commands is None or self.command_rows is None:
            return None
        rows = self.command_rows[chunk]
        picked = self.source.commands.values[rows]
        picked[rows == NONE] = np.nan
        return picked

    def picked(self, series: VectorSeries | None) -> Picked | None:
        """Return the vector of a logged series at each tick, NaN for none; None: no series."""
        log = self.source.log
        if series is None or log is None:
            return None
        steps = _steps(log, self.command_rows, self.config.ticks_per_step)
        return _picked(series, _rows(series, log, steps, self.tick_ns))

    def observations(self) -> Picked | None:
        """Return the observation of each tick, NaN where it is not recorded; None: never."""
        return _picked(self.source.observation, self.observation_rows)

    def actions(self) -> Picked | None:
        """Return the network output of each tick, NaN where it is not recorded; None: never."""
        return _picked(self.source.action, self.action_rows)


def _picked(series: VectorSeries | None, rows: IndexArray | None) -> Picked | None:
    return None if series is None or rows is None else Picked(series.values, rows)


def find_run(
    source: PolicyRecording,
    policy: LoadedPolicy,
    config: ReplayConfig,
    period: float | None = None,
) -> RecordedRun:
    """Find the ticks of a recording.

    Args:
        source: The recording.
        policy: The policy.
        config: Parameters of the node.
        period: Time between policy steps in the recording, in [s]; None: the policy's.

    Raises:
        ConfigError: If the control rate does not fit the recording's ticks.
        RecordingError: If the recording cannot be used.
    """
    log, recording, spec = source.log, source.recording, policy.spec
    period_ns = round((period or spec.period) * 1e9)
    ticks_per_step, problem = ticks_in_period(log, period_ns, config.control_rate)
    options = replace(config.runner, ticks_per_step=ticks_per_step)
    if log is None:
        ticks = find_ticks(recording, period_ns)
        rows = None
        if source.commands is not None:
            rows = command_rows(source.commands, ticks, recording.joints.receive_ns, period_ns)
        return RecordedRun(
            source=source,
            ticks=ticks,
            tick_ns=period_ns,
            config=options,
            is_recurrent=bool(spec.state),
            period_problem=problem,
            is_same_model=None,
            is_other=np.zeros(len(ticks.stamp_ns), np.bool_),
            lacks={},
            command_rows=rows,
        )
    tick_ns = period_ns // ticks_per_step
    exact = find_exact_ticks(
        recording, log, tick_ns, config.uses_arrival, unneeded(compile_spec(spec))
    )
    sent = None
    if source.commands is not None:
        sent = logged_command_rows(source.commands, log, tick_ns)
    steps = _steps(log, sent, ticks_per_step)
    is_other = log.model != model_number(policy.sha256)
    is_same_model = not bool(is_other.all())
    return RecordedRun(
        source=source,
        ticks=exact.ticks,
        tick_ns=tick_ns,
        config=options,
        is_recurrent=bool(spec.state),
        period_problem=problem,
        is_same_model=is_same_model,
        is_other=is_other & is_same_model,
        lacks=exact.lacks,
        command_rows=sent,
        observation_rows=_rows(source.observation, log, steps, tick_ns),
        action_rows=_rows(source.action, log, steps, tick_ns),
    )


def _steps(log: TickLog, sent: IndexArray | None, ticks_per_step: int) -> IndexArray:
    """Return the ticks that may be policy steps, which start with the first samples."""
    if ticks_per_step > 1:
        return np.arange(len(log.tick))
    is_step = np.isin(log.mode, POLICY_MODES) & (log.joint_states_ns >= 0)
    if sent is not None and np.any(sent != NONE):
        is_step &= sent != NONE
    return np.flatnonzero(is_step)


def _rows(
    logged: VectorSeries | None, log: TickLog, steps: IndexArray, tick_ns: int
) -> IndexArray | None:
    """Match messages to policy steps; return the row of each tick."""
    if logged is None:
        return None
    rows = np.full(len(log.tick), NONE, np.intp)
    if len(steps):
        rows[steps] = nearest_rows(logged.receive_ns, log.receive_ns[steps], tick_ns)
    return rows
