# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Assess a replay: differences, motion, findings about the contract, verdict."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from distill_runtime.core.modes import POLICY_MODES
from distill_runtime.data.bags.bag import Bag
from distill_runtime.data.diagnosis.inspection import inspect, Inspection
from distill_runtime.data.recording.policy_recording import unneeded
from distill_runtime.data.recording.recording import read_inputs, Recording
from distill_runtime.data.recording.row_store import Picked
from distill_runtime.data.recording.series import JointStream
from distill_runtime.data.ticks.by_stamp import NONE
from distill_runtime.policy.model import LoadedPolicy
from distill_runtime.spec.compile import compile_spec, external_terms
from distill_runtime.spec.observation_table import observation_rows
from distill_runtime.spec.robot_description import RobotDescription
import numpy as np
import numpy.typing as npt

from .compare import compare, Difference, Group, Rows, single
from .motion import Motion, motion
from .replay import Replay
from .thresholds import Thresholds
from .verdict import (
    Breach,
    contract_breaches,
    difference_breaches,
    motion_breaches,
    tick_breaches,
    Verdict,
)

MAX_INSPECTED = 10_000
"""Ticks that the contract search reads: it takes dozens of replays."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Assessment:
    """Results of a replay."""

    verdict: Verdict
    breaches: tuple[Breach, ...]
    differences: tuple[Difference, ...]
    motion: Motion
    """Of the policy's commands."""
    reference_motion: Motion | None
    """Of the reference commands."""
    inspection: Inspection | None
    """Findings about the contract; None: not inspected."""
    against: str
    """Name of the reference."""


def assess(
    replay: Replay,
    policy: LoadedPolicy,
    thresholds: Thresholds,
    robot: RobotDescription | None = None,
    other: Replay | None = None,
    *,
    explains: bool = False,
) -> Assessment:
    """Assess a replay.

    The contract is inspected where nothing is recorded to compare with, since the verdict depends
    on it then, and on request where there are breaches.

    Args:
        replay: Of the policy.
        policy: The replayed policy.
        thresholds: For the verdict.
        robot: The contract search tries its motor order, too.
        other: Another model over the same recording, the reference; None: the recorded values.
        explains: Whether to search for a contract that explains breaches; takes seconds.
    """
    references = _recorded(replay) if other is None else _of_other(replay, other)
    differences = tuple(_differences(replay, policy, references, thresholds))
    policy_motion, reference_motion = _motions(replay, policy, references)
    seconds = times(replay)
    breaches = [
        breach
        for difference in differences
        for breach in difference_breaches(difference, thresholds, seconds)
    ]
    breaches += motion_breaches(policy_motion, policy.spec.joints, thresholds)
    breaches += tick_breaches(replay, thresholds, seconds)
    inspection = None
    has_fit = False
    if other is None and (not differences or (breaches and explains)):
        inspection = inspect(
            policy.spec, policy.session, _inspected_recording(replay, policy), robot
        )
        has_fit = inspection.drive_fit is not None
        if not differences:
            breaches += contract_breaches(inspection)
    verdict: Verdict = 'outside' if breaches else 'within'
    if not breaches and not differences and not has_fit:
        verdict = 'not_compared'
    return Assessment(
        verdict=verdict,
        breaches=tuple(breaches),
        differences=differences,
        motion=policy_motion,
        reference_motion=reference_motion,
        inspection=inspection,
        against='recorded' if other is None else 'another model',
    )


def times(replay: Replay) -> list[float]:
    """Return the times of the ticks since the first one, in [s]."""
    stamp_ns = replay.playback.stamp_ns
    return ((stamp_ns - stamp_ns[0]) / 1e9).tolist()


def observation_groups(policy: LoadedPolicy) -> tuple[Group, ...]:
    """Return which elements of the observation belong to which term."""
    spec = policy.spec
    tables = observation_rows(spec, compile_spec(spec))
    names = [row.term.kind for rows in tables for row in rows]
    groups, start = [], 0
    for entry, rows in zip(spec.inputs, tables, strict=True):
        for number, row in enumerate(rows):
            indices: list[int] = []
            labels: list[str] = []
            for age, (first, last) in zip(row.ages, row.blocks, strict=True):
                indices += range(start + first, start + last + 1)
                past = f' {age} ticks ago' if age else ''
                labels += [f'{element}{past}' for element in row.elements]
            name = row.term.kind
            if names.count(name) > 1:
                name = f'{name} ({entry.name}, {number + 1})'
            groups.append(Group(name, indices, labels))
        start += spec.input_dim(entry)
    return tuple(groups)


def _recorded(replay: Replay) -> dict[str, Rows | None]:
    return {
        'commands': replay.recorded_commands(),
        'observation': replay.recorded_observations(),
        'action': replay.recorded_actions(),
    }


def _of_other(replay: Replay, other: Replay) -> dict[str, Rows | None]:
    """Return the results of another model where their shapes agree."""
    given, reference = replay.playback, other.playback
    sent, ran = reference.is_valid & reference.sends, reference.is_valid & reference.ran
    found: dict[str, Rows | None] = dict.fromkeys(('commands', 'observation', 'action'))
    if given.command.shape == reference.command.shape:
        found['commands'] = np.where(sent[:, None], other.commands, np.nan)
    if given.observation.shape == reference.observation.shape:
        rows = np.where(ran, np.arange(len(ran)), NONE)
        found['observation'] = Picked(reference.observation, rows)
    if given.action.shape == reference.action.shape:
        found['action'] = np.where(ran[:, None], reference.action, np.nan)
    return found


def _differences(
    replay: Replay,
    policy: LoadedPolicy,
    references: dict[str, Rows | None],
    thresholds: Thresholds,
) -> Iterator[Difference]:
    playback, spec = replay.playback, policy.spec
    ran = playback.is_valid & playback.ran
    actions = spec.action_joints
    if spec.outputs.action.choices is not None:
        actions = tuple(f'choice {index}' for index in range(spec.act_dim))
    series: tuple[tuple[str, str, Rows, npt.NDArray[np.bool_], Sequence[Group]], ...] = (
        ('commands', _unit(replay, policy), replay.commands, playback.is_valid & playback.sends,
         single(spec.joints)),
        ('observation', '', playback.observation, ran, observation_groups(policy)),
        ('action', '', playback.action, ran, single(actions)),
    )  # fmt: skip
    for what, unit, values, is_compared, groups in series:
        reference = references[what]
        if reference is None:
            continue
        found = compare(what, unit, values, reference, is_compared, groups, thresholds.tolerance)
        if found is not None:
            yield found


def _unit(replay: Replay, policy: LoadedPolicy) -> str:
    commands = replay.source.commands
    if commands is not None and commands.kind == 'efforts':
        return 'N m'
    units = {'position': 'rad', 'velocity': 'rad/s', 'effort': 'N m'}
    found = {units[mode] for mode in policy.spec.modes}
    return found.pop() if len(found) == 1 else ''


def _motions(
    replay: Replay,
    policy: LoadedPolicy,
    references: dict[str, Rows | None],
) -> tuple[Motion, Motion | None]:
    """Return the motion of the policy's commands and of the reference commands."""
    playback = replay.playback
    measured, rows = replay.source.recording.joints.position, playback.ticks.joints
    position = np.full((len(rows), measured.shape[1]), np.nan)
    position[rows != NONE] = measured[rows[rows != NONE]]
    period = policy.spec.period / replay.ticks_per_step
    ran = playback.is_valid & playback.ran & np.isin(playback.mode, POLICY_MODES)
    bound = playback.command[ran] != playback.target[ran]
    clipped = np.zeros(bound.shape, np.bool_)
    clip = compile_spec(policy.spec).action.clip
    if clip is not None and policy.spec.outputs.action.choices is None:
        action = playback.action[ran]
        columns = [policy.spec.joints.index(name) for name in policy.spec.action_joints]
        clipped[:, columns] = (action < clip[0]) | (action > clip[1])
    sent = np.where(playback.sends[:, None], replay.commands, np.nan)
    valid = playback.is_valid
    policy_motion = motion(sent, position, valid, period, bound, clipped)
    commands = references['commands']
    if commands is None:
        return policy_motion, None
    reference = commands[:].astype(np.float64)
    return policy_motion, motion(reference, position, valid, period, bound[:0], clipped[:0])


def _inspected_recording(replay: Replay, policy: LoadedPolicy) -> Recording:
    """Read all samples up to the last inspected tick: the replay keeps only those of ticks."""
    source = replay.source
    log, joints, commands = source.log, source.recording.joints, source.commands
    ticks = replay.playback.ticks
    received_ns = joints.receive_ns[ticks.joints] if log is None else log.receive_ns
    until_ns = int(received_ns[: MAX_INSPECTED + 1][-1])
    with Bag(source.recording.path, until_ns) as bag:
        recording = read_inputs(
            bag,
            source.topics,
            joints=joints.joints,
            skip=unneeded(policy.runner().compiled),
            external_terms=external_terms(policy.spec),
            node='' if log is None else log.node,
        )
    if commands is None or commands.kind != 'commands' or np.isnan(commands.values).any():
        return recording
    is_early = commands.receive_ns <= until_ns
    stamp_ns = commands.receive_ns if commands.stamp_ns is None else commands.stamp_ns
    stream = JointStream(
        topic=commands.topic,
        joints=policy.spec.joints,
        stamp_ns=stamp_ns[is_early],
        receive_ns=commands.receive_ns[is_early],
        position=commands.values[is_early],
        velocity=None,
        effort=None,
    )
    return replace(recording, joint_command=stream)
