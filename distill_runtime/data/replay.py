# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""A policy over what a recording holds for it, and what the recording says of the same ticks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from distill_runtime.core.arrays import FloatArray, IndexArray
from distill_runtime.core.modes import Mode
from distill_runtime.core.plan import Plan
from distill_runtime.errors import RecordingError
from distill_runtime.policy.model import LoadedPolicy
import numpy as np
import numpy.typing as npt

from .bags import Bag
from .commands import command_rows, Commands, logged_command_rows, nearest_rows, read_commands
from .course import LoggedCourse, LoggedRun
from .exact_ticks import ExactTicks, find_exact_ticks
from .labelled import Labelled, read_labelled
from .playback import play, Playback
from .recorded_node import recorded_parameters
from .recording import read_inputs, Recording
from .replay_config import ReplayConfig
from .tick_fields import model_number
from .tick_log import (
    is_interrupted,
    read_tick_log,
    started_anew,
    TickLog,
    ticks_in_period,
)
from .ticks import find_ticks, NONE, Ticks
from .topics import check_names, find_topic

F = TypeVar('F', np.float32, np.float64)


@dataclass(frozen=True, kw_only=True, eq=False)
class Source:
    """What a recording holds for a policy; None: it is not recorded."""

    recording: Recording
    log: TickLog | None
    commands: Commands | None
    observation: Labelled | None
    action: Labelled | None
    parameters: Mapping[str, object]
    """What the node was set to, as far as the recording says and a runner cares."""
    damage: tuple[str, ...]
    """What of the recording could not be read."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Reference:
    """What was recorded of the ticks; rows are NONE where nothing was."""

    command_rows: IndexArray | None
    observation_rows: IndexArray | None
    action_rows: IndexArray | None


@dataclass(frozen=True, kw_only=True, eq=False)
class Replay:
    """A policy over a recording."""

    source: Source
    playback: Playback
    reference: Reference
    is_same_model: bool | None
    """Whether this model ran in the recording; None: nothing says which did."""
    is_approximate: bool
    """Whether some ticks depend a little on what was before the recording."""
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
        return None if commands is None else _picked(commands.values, rows)

    def recorded_observations(self) -> npt.NDArray[np.float32] | None:
        """Return the observation of each tick alike."""
        logged = self.source.observation
        return None if logged is None else _picked(logged.values, self.reference.observation_rows)

    def recorded_actions(self) -> npt.NDArray[np.float32] | None:
        """Return the network's output of each tick alike."""
        logged = self.source.action
        return None if logged is None else _picked(logged.values, self.reference.action_rows)


def _picked(values: npt.NDArray[F], rows: IndexArray | None) -> npt.NDArray[F] | None:
    if rows is None:
        return None
    picked = values[rows]
    picked[rows == NONE] = np.nan
    return picked


def read_source(
    path: Path | str, policy: LoadedPolicy, topics: Mapping[str, str] | None = None, node: str = ''
) -> Source:
    """Read what a policy needs of a recording, and what it can be compared with.

    Args:
        path: See Bag.
        policy: Says which inputs are needed.
        topics: Topic of the recording per topic of student_node.
        node: See read_tick_log.

    Raises:
        ConfigError: If nothing is there, or a name in topics is unknown.
        RecordingError: If it cannot be used.
    """
    given = topics or {}
    check_names(given)
    runner = policy.runner()
    plan = runner.plan
    if plan.layout.externals:
        raise RecordingError(
            f'policy {policy.spec.name!r} reads {[e.topic for e in plan.layout.externals]}, '
            'expected one without external topics: ~/tick does not say which of their messages a '
            'tick used'
        )
    unneeded = _unneeded(plan)
    with Bag(path) as bag:
        log = read_tick_log(bag, node, policy.sha256)
        namespace = '' if log is None else log.namespace
        recording = read_inputs(bag, given, plan.layout.joints, namespace, unneeded)
        for name, is_needed, stream in (
            ('imu', plan.needs_imu, recording.imu),
            ('odom', plan.needs_odometry, recording.odometry),
        ):
            if is_needed and stream is None:
                raise RecordingError(
                    f'{path} has no messages for {name}, which the policy reads, it has '
                    f'{[f"{topic.name} ({topic.type})" for topic in bag.topics]}'
                )
        topic = find_topic(bag, 'joint_command', given, namespace)
        is_sent = topic is not None and topic.num_messages
        return Source(
            recording=recording,
            log=log,
            commands=read_commands(bag, topic, plan.joints) if topic and is_sent else None,
            observation=None
            if log is None
            else read_labelled(bag, f'{log.node}/observation', runner.policy.observation.size),
            action=None
            if log is None
            else read_labelled(bag, f'{log.node}/action', runner.policy.action.size),
            parameters={} if log is None else recorded_parameters(bag, log.node),
            damage=bag.damage,
        )


def _unneeded(plan: Plan) -> list[str]:
    """Return the inputs that a policy does not read."""
    needed = {'imu': plan.needs_imu, 'odom': plan.needs_odometry, 'cmd_vel': plan.needs_command}
    return [name for name, is_needed in needed.items() if not is_needed]


def replay(
    source: Source,
    policy: LoadedPolicy,
    config: ReplayConfig,
    progress: Callable[[int], None] | None = None,
) -> Replay:
    """Run a policy over a recording.

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
        reference = _free_reference(source, ticks, period_ns)
        playback = play(
            source.recording, ticks, runner, needs_effort=needs_effort, progress=progress
        )
        return Replay(
            source=source,
            playback=playback,
            reference=reference,
            is_same_model=None,
            is_approximate=False,
            ticks_per_step=1,
        )
    tick_ns = period_ns // ticks_per_step
    exact = find_exact_ticks(
        source.recording, log, tick_ns, config.uses_arrival, _unneeded(runner.plan)
    )
    reference = _logged_reference(source, log, tick_ns, ticks_per_step)
    ours = model_number(policy.sha256)
    is_same = bool(np.any(log.model == ours))
    run = _logged_run(source, log, exact, reference, log.model != ours if is_same else None)
    course = LoggedCourse(run, runner, bool(policy.spec.state))
    playback = play(
        source.recording,
        exact.ticks,
        runner,
        course,
        needs_effort=needs_effort,
        progress=progress,
    )
    return Replay(
        source=source,
        playback=playback,
        reference=reference,
        is_same_model=is_same,
        is_approximate=course.is_approximate,
        ticks_per_step=ticks_per_step,
        period_problem=problem,
    )


def _logged_run(
    source: Source,
    log: TickLog,
    exact: ExactTicks,
    reference: Reference,
    is_other: npt.NDArray[np.bool_] | None,
) -> LoggedRun:
    is_commands = source.commands is not None and source.commands.kind == 'commands'
    return LoggedRun(
        mode=log.mode,
        is_anew=started_anew(log),
        is_interrupted=is_interrupted(log),
        lacks=exact.lacks,
        is_other=np.zeros(len(log.tick), np.bool_) if is_other is None else is_other,
        command=source.commands.values if source.commands and is_commands else None,
        command_rows=reference.command_rows,
        action=None if source.action is None else source.action.values,
        action_rows=reference.action_rows,
    )


def _free_reference(source: Source, ticks: Ticks, period_ns: int) -> Reference:
    rows = None
    if source.commands is not None:
        received_ns = source.recording.joints.receive_ns
        rows = command_rows(source.commands, ticks, received_ns, period_ns)
    return Reference(command_rows=rows, observation_rows=None, action_rows=None)


def _logged_reference(
    source: Source, log: TickLog, tick_ns: int, ticks_per_step: int
) -> Reference:
    sent = None
    if source.commands is not None:
        sent = logged_command_rows(source.commands, log, tick_ns)

    def rows_of(logged: Labelled | None) -> IndexArray | None:
        """Find the tick of each message: they come at policy steps, once there are samples."""
        if logged is None:
            return None
        is_step = (log.mode == Mode.POLICY) & (log.joint_states_ns >= 0)
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
