# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""A policy over what a recording holds for it, and what the recording says of the same ticks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from distill_runtime.core.arrays import FloatArray, IndexArray
from distill_runtime.core.modes import POLICY_MODES
from distill_runtime.data.recording.commands import command_rows, logged_command_rows, nearest_rows
from distill_runtime.data.recording.internals import VectorSeries
from distill_runtime.data.recording.policy_recording import PolicyRecording, unneeded
from distill_runtime.data.recording.row_store import Picked
from distill_runtime.data.recording.tick_log import (
    is_interrupted,
    started_anew,
    TickLog,
    ticks_in_period,
)
from distill_runtime.data.ticks.by_stamp import find_ticks, NONE, Ticks
from distill_runtime.data.ticks.exact import ExactTicks, find_exact_ticks
from distill_runtime.policy.model import LoadedPolicy
from distill_runtime.wire.tick_fields import model_number
import numpy as np
import numpy.typing as npt

from .anomalies import Anomaly, find_anomalies
from .config import ReplayConfig
from .driver import FollowLog, LoggedRun
from .recorded_policies import make_cast
from .step_loop import play, Playback
from .swap_driver import FollowSwaps


@dataclass(frozen=True, kw_only=True, eq=False)
class Reference:
    """What was recorded of the ticks; rows are NONE where nothing was."""

    command_rows: IndexArray | None
    observation_rows: IndexArray | None
    action_rows: IndexArray | None


@dataclass(frozen=True, kw_only=True, eq=False)
class Replay:
    """A policy over a recording."""

    source: PolicyRecording
    playback: Playback
    reference: Reference
    is_same_model: bool | None
    """Whether this model ran in the recording; None: nothing says which did."""
    is_approximate: bool
    """Whether some ticks depend a little on what was before the recording, or on samples that an
    older node did not name.
    """
    troubles: tuple[Anomaly, ...]
    """What is odd about the recording."""
    ticks_per_step: int
    period_problem: str = ''
    """Why the policy's period does not fit the ticks that were logged; '' if it does."""

    @property
    def commands(self) -> FloatArray:
        """What the policy would have sent, as recorded commands are, shape (T, num_joints)."""
        commands = self.source.commands
        is_effort = commands is not None and commands.kind == 'efforts'
        if is_effort and self.playback.effort is not None:
            return self.playback.effort
        return self.playback.command

    def recorded_commands(self) -> FloatArray | None:
        """Return what was sent at each tick, NaN where nothing was; None: not recorded."""
        commands, rows = self.source.commands, self.reference.command_rows
        if commands is None or rows is None:
            return None
        picked = commands.values[rows]
        picked[rows == NONE] = np.nan
        return picked

    def recorded_observations(self) -> Picked | None:
        """Return the observation of each tick alike."""
        logged, rows = self.source.observation, self.reference.observation_rows
        return None if logged is None or rows is None else Picked(logged.values, rows)

    def recorded_actions(self) -> Picked | None:
        """Return the network's output of each tick alike."""
        logged, rows = self.source.action, self.reference.action_rows
        return None if logged is None or rows is None else Picked(logged.values, rows)


def replay(
    source: PolicyRecording,
    policy: LoadedPolicy,
    config: ReplayConfig,
    progress: Callable[[int, int], None] | None = None,
) -> Replay:
    """Run a policy over a recording.

    Args:
        source: What it holds.
        policy: The policy.
        config: What the node was set to.
        progress: See play.

    Raises:
        ConfigError: If the control rate does not fit the recording's ticks.
        RecordingError: If it cannot be used.
    """
    log = source.log
    period_ns = round(policy.spec.period * 1e9)
    ticks_per_step, problem = ticks_in_period(log, period_ns, config.control_rate)
    runner = policy.runner(replace(config.runner, ticks_per_step=ticks_per_step))
    needs_effort = source.commands is not None and source.commands.kind == 'efforts'
    if log is None:
        ticks = find_ticks(source.recording, period_ns)
        reference = free_reference(source, ticks, period_ns)
        playback = play(
            source.recording, ticks, runner, needs_effort=needs_effort, progress=progress
        )
        return Replay(
            source=source,
            playback=playback,
            reference=reference,
            is_same_model=None,
            is_approximate=False,
            troubles=find_anomalies(source, ticks, runner),
            ticks_per_step=1,
        )
    tick_ns = period_ns // ticks_per_step
    exact = find_exact_ticks(
        source.recording, log, tick_ns, config.uses_arrival, unneeded(runner.compiled)
    )
    reference = logged_reference(source, log, tick_ns, ticks_per_step)
    ours = model_number(policy.sha256)
    is_same = bool(np.any(log.model == ours))
    models = source.said.models if source.said is not None else ()
    made = make_cast(policy, runner.config, log, models, source.action, reference.action_rows)
    is_other = log.model != ours if is_same and made is None else None
    run = logged_run(source, log, exact, reference, is_other)
    course: FollowLog | FollowSwaps
    if made is None:
        course = FollowLog(run, runner, bool(policy.spec.state))
    else:
        runner, cast = made
        course = FollowSwaps(FollowLog(run, runner, bool(policy.spec.state)), cast)
    playback = play(
        source.recording,
        exact.ticks,
        runner,
        course,
        network=policy.session,
        needs_effort=needs_effort,
        progress=progress,
    )
    return Replay(
        source=source,
        playback=playback,
        reference=reference,
        is_same_model=is_same,
        is_approximate=course.is_approximate or (is_same and not _names_all(log, source)),
        troubles=find_anomalies(source, exact.ticks, runner),
        ticks_per_step=ticks_per_step,
        period_problem=problem,
    )


def _names_all(log: TickLog, source: PolicyRecording) -> bool:
    """Whether the ticks name the samples of all topics that the policy reads."""
    return set(source.recording.externals) <= set(log.externals)


def logged_run(
    source: PolicyRecording,
    log: TickLog,
    exact: ExactTicks,
    reference: Reference,
    is_other: npt.NDArray[np.bool_] | None,
) -> LoggedRun:
    """Return what FollowLog follows.

    Args:
        source: The recording.
        log: Its ticks.
        exact: Their samples.
        reference: What was recorded of the ticks.
        is_other: Ticks of another model; None: none.
    """
    is_commands = source.commands is not None and source.commands.kind == 'commands'
    return LoggedRun(
        mode=log.mode,
        is_anew=started_anew(log),
        is_interrupted=is_interrupted(log),
        lacks=exact.lacks,
        is_other=np.zeros(len(log.tick), np.bool_) if is_other is None else is_other,
        fault_action=log.fault_action,
        command=source.commands.values if source.commands and is_commands else None,
        command_rows=reference.command_rows,
        action=None if source.action is None else source.action.values[:],
        action_rows=reference.action_rows,
    )


def free_reference(source: PolicyRecording, ticks: Ticks, period_ns: int) -> Reference:
    """Return what was recorded of ticks that no node logged."""
    rows = None
    if source.commands is not None:
        received_ns = source.recording.joints.receive_ns
        rows = command_rows(source.commands, ticks, received_ns, period_ns)
    return Reference(command_rows=rows, observation_rows=None, action_rows=None)


def logged_reference(
    source: PolicyRecording, log: TickLog, tick_ns: int, ticks_per_step: int
) -> Reference:
    """Return what was recorded of ticks that a node logged."""
    sent = None
    if source.commands is not None:
        sent = logged_command_rows(source.commands, log, tick_ns)

    def rows_of(logged: VectorSeries | None) -> IndexArray | None:
        """Find the tick of each message: they come at policy steps, once there are samples."""
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
