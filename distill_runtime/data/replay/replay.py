# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Replay a policy over a recording, and pick what was recorded of the same ticks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from distill_runtime.core.arrays import FloatArray, IndexArray
from distill_runtime.core.modes import POLICY_MODES
from distill_runtime.core.runner import PolicyRunner
from distill_runtime.data.bags.chunk import BoolArray
from distill_runtime.data.recording.commands import command_rows, logged_command_rows, nearest_rows
from distill_runtime.data.recording.policy_recording import PolicyRecording, unneeded
from distill_runtime.data.recording.row_store import Picked
from distill_runtime.data.recording.series import VectorSeries
from distill_runtime.data.recording.tick_log import (
    is_interrupted,
    is_restart,
    TickLog,
    ticks_in_period,
)
from distill_runtime.data.ticks.by_stamp import find_ticks, NONE, Ticks
from distill_runtime.data.ticks.exact import ExactTicks, find_exact_ticks
from distill_runtime.policy.model import LoadedPolicy
from distill_runtime.wire.tick_fields import model_number
import numpy as np

from .anomalies import Anomaly, find_anomalies
from .config import ReplayConfig
from .driver import FollowLog, LoggedRun
from .step_loop import play, Playback
from .swap_driver import FollowSwaps, make_swap_log


@dataclass(frozen=True, kw_only=True, eq=False)
class Reference:
    """Recorded rows of the ticks; NONE where nothing was recorded."""

    command_rows: IndexArray | None
    observation_rows: IndexArray | None
    action_rows: IndexArray | None


@dataclass(frozen=True, kw_only=True, eq=False)
class Replay:
    """Result of a policy over a recording."""

    source: PolicyRecording
    playback: Playback
    reference: Reference
    is_same_model: bool | None
    """Whether this model ran in the recording; None: not recorded."""
    is_approximate: bool
    """Whether valid ticks may still depend on the time before the recording, or on samples that
    the log of an older node does not name.
    """
    anomalies: tuple[Anomaly, ...]
    """Of the recording."""
    ticks_per_step: int
    period_problem: str = ''
    """Why the policy's period does not fit the logged ticks; '' if it does."""

    @property
    def commands(self) -> FloatArray:
        """What the policy would send, in units of the recorded commands, (T, num_joints)."""
        commands = self.source.commands
        is_effort = commands is not None and commands.kind == 'efforts'
        if is_effort and self.playback.effort is not None:
            return self.playback.effort
        return self.playback.command

    def recorded_commands(self) -> FloatArray | None:
        """Return the command sent at each tick, NaN where none was; None: not recorded."""
        commands, rows = self.source.commands, self.reference.command_rows
        if commands is None or rows is None:
            return None
        picked = commands.values[rows]
        picked[rows == NONE] = np.nan
        return picked

    def recorded_observations(self) -> Picked | None:
        """Return the observation of each tick, NaN where it is not recorded; None: never."""
        return _picked(self.source.observation, self.reference.observation_rows)

    def recorded_actions(self) -> Picked | None:
        """Return the network output of each tick, NaN where it is not recorded; None: never."""
        return _picked(self.source.action, self.reference.action_rows)


def _picked(series: VectorSeries | None, rows: IndexArray | None) -> Picked | None:
    return None if series is None or rows is None else Picked(series.values, rows)


def replay(
    source: PolicyRecording,
    policy: LoadedPolicy,
    config: ReplayConfig,
    progress: Callable[[int, int], None] | None = None,
) -> Replay:
    """Run a policy over a recording.

    Args:
        source: The recording.
        policy: The policy.
        config: Parameters of the node.
        progress: See play.

    Raises:
        ConfigError: If the control rate does not fit the recording's ticks.
        RecordingError: If the recording cannot be used.
    """
    log = source.log
    period_ns = round(policy.spec.period * 1e9)
    ticks_per_step, problem = ticks_in_period(log, period_ns, config.control_rate)
    runner = policy.runner(replace(config.runner, ticks_per_step=ticks_per_step))
    driver: FollowLog | FollowSwaps | None = None
    is_same = None
    if log is None:
        ticks = find_ticks(source.recording, period_ns)
        reference = reference_by_period(source, ticks, period_ns)
    else:
        is_same = bool(np.any(log.model == model_number(policy.sha256)))
        tick_ns = period_ns // ticks_per_step
        exact = find_exact_ticks(
            source.recording, log, tick_ns, config.uses_arrival, unneeded(runner.compiled)
        )
        ticks = exact.ticks
        reference = logged_reference(source, log, tick_ns, ticks_per_step)
        runner, driver = _log_driver(source, policy, runner, exact, reference)
    playback = play(
        source.recording,
        ticks,
        runner,
        driver,
        network=policy.session,
        needs_effort=source.commands is not None and source.commands.kind == 'efforts',
        progress=progress,
    )
    lacks_names = log is not None and not set(source.recording.externals) <= set(log.externals)
    return Replay(
        source=source,
        playback=playback,
        reference=reference,
        is_same_model=is_same,
        is_approximate=(driver is not None and driver.is_approximate)
        or (bool(is_same) and lacks_names),
        anomalies=find_anomalies(source, ticks, runner),
        ticks_per_step=ticks_per_step,
        period_problem=problem,
    )


def _log_driver(
    source: PolicyRecording,
    policy: LoadedPolicy,
    runner: PolicyRunner,
    exact: ExactTicks,
    reference: Reference,
) -> tuple[PolicyRunner, FollowLog | FollowSwaps]:
    """Return the driver for a log, with the runner that it drives."""
    log, actions = source.log, source.action
    assert log is not None, 'there are logged ticks'
    models = source.node_info.models if source.node_info is not None else ()
    swaps = make_swap_log(policy, runner.config, log, models, actions, reference.action_rows)
    is_other = log.model != model_number(policy.sha256)
    if swaps is not None or is_other.all():
        is_other[:] = False
    run = logged_run(source, log, exact, reference, is_other)
    is_recurrent = bool(policy.spec.state)
    if swaps is None:
        return runner, FollowLog(run, runner, is_recurrent)
    runner, swap_log = swaps
    return runner, FollowSwaps(FollowLog(run, runner, is_recurrent), swap_log)


def logged_run(
    source: PolicyRecording,
    log: TickLog,
    exact: ExactTicks,
    reference: Reference,
    is_other: BoolArray,
) -> LoggedRun:
    """Return what a driver needs of logged ticks.

    Args:
        source: The recording.
        log: Its ticks.
        exact: Their samples.
        reference: What was recorded at the ticks.
        is_other: Ticks of another model, shape (T,).
    """
    commands = source.commands
    return LoggedRun(
        mode=log.mode,
        is_activation=is_restart(log),
        is_interrupted=is_interrupted(log),
        lacks=exact.lacks,
        is_other=is_other,
        fault_action=log.fault_action,
        command=commands.values if commands and commands.kind == 'commands' else None,
        command_rows=reference.command_rows,
        action=None if source.action is None else source.action.values[:],
        action_rows=reference.action_rows,
    )


def reference_by_period(source: PolicyRecording, ticks: Ticks, period_ns: int) -> Reference:
    """Pick the command of each tick by its period."""
    rows = None
    if source.commands is not None:
        received_ns = source.recording.joints.receive_ns
        rows = command_rows(source.commands, ticks, received_ns, period_ns)
    return Reference(command_rows=rows, observation_rows=None, action_rows=None)


def logged_reference(
    source: PolicyRecording, log: TickLog, tick_ns: int, ticks_per_step: int
) -> Reference:
    """Pick commands, observations and actions by the logged ticks."""
    sent = None
    if source.commands is not None:
        sent = logged_command_rows(source.commands, log, tick_ns)

    def rows_of(logged: VectorSeries | None) -> IndexArray | None:
        """Match messages to policy steps, which start with the first samples."""
        if logged is None:
            return None
        is_step = np.isin(log.mode, POLICY_MODES) & (log.joint_states_ns >= 0)
        if sent is not None and np.any(sent != NONE):
            is_step &= sent != NONE
        steps = np.flatnonzero(is_step)
        if ticks_per_step > 1:
            steps = np.arange(len(log.tick))
        rows = np.full(len(log.tick), NONE, np.intp)
        if len(steps):
            rows[steps] = nearest_rows(logged.receive_ns, log.receive_ns[steps], tick_ns)
        return rows

    return Reference(
        command_rows=sent,
        observation_rows=rows_of(source.observation),
        action_rows=rows_of(source.action),
    )
