# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""All that a replay says: differences, motion, what may be wrong with the contract, verdict."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from distill_runtime.core.modes import POLICY_MODES
from distill_runtime.data.diagnosis.inspection import Inspection
from distill_runtime.data.recording.row_store import Picked
from distill_runtime.data.ticks.by_stamp import NONE
from distill_runtime.policy.model import LoadedPolicy
from distill_runtime.spec.compile import compile_spec
from distill_runtime.spec.observation_table import observation_rows
from distill_runtime.spec.robot_description import RobotDescription
import numpy as np
import numpy.typing as npt

from .compare import compare, Difference, Group, Rows, single
from .contract_check import contract_breaches, inspect_contract
from .motion import Motion, motion
from .replay import Replay
from .thresholds import Thresholds
from .verdict import Breach, difference_breaches, motion_breaches, Verdict


@dataclass(frozen=True, kw_only=True, eq=False)
class Assessment:
    """What a replay says of a policy."""

    verdict: Verdict
    breaches: tuple[Breach, ...]
    differences: tuple[Difference, ...]
    motion: Motion
    """Of the policy's commands."""
    reference_motion: Motion | None
    """Of the commands it is compared with."""
    inspection: Inspection | None
    """What the recording says of the contract; None: not asked."""
    against: str
    """What it is compared with, in words."""


def assess(
    replay: Replay,
    policy: LoadedPolicy,
    rules: Thresholds,
    robot: RobotDescription | None = None,
    other: Replay | None = None,
) -> Assessment:
    """Judge a replay.

    Args:
        replay: Of the policy.
        policy: Says what the numbers mean.
        rules: The thresholds.
        robot: For the search for a better contract.
        other: Another model over the same recording, to compare with; None: with what was
            recorded.
    """
    references = _recorded(replay) if other is None else _of_other(replay, other)
    differences = tuple(_differences(replay, policy, references, rules))
    own, theirs = _motions(replay, policy, references)
    breaches = [
        breach
        for difference in differences
        for breach in difference_breaches(difference, rules, times(replay))
    ]
    breaches += motion_breaches(own, policy.spec.joints, rules.motion)
    breaches += _tick_breaches(replay, rules)
    inspection = None
    if other is None and (breaches or not differences):
        inspection = inspect_contract(replay, policy, robot)
        if not differences:
            breaches += contract_breaches(inspection)
    explained = inspection is not None and inspection.explained is not None
    verdict: Verdict = 'outside' if breaches else 'within'
    if not breaches and not differences and not explained:
        verdict = 'not_compared'
    return Assessment(
        verdict=verdict,
        breaches=tuple(breaches),
        differences=differences,
        motion=own,
        reference_motion=theirs,
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
            places: list[int] = []
            labels: list[str] = []
            for age, (first, last) in zip(row.ages, row.blocks, strict=True):
                places += range(start + first, start + last + 1)
                past = f' {age} ticks ago' if age else ''
                labels += [f'{element}{past}' for element in row.elements]
            name = row.term.kind
            if names.count(name) > 1:
                name = f'{name} ({entry.name}, {number + 1})'
            groups.append(Group(name, places, labels))
        start += spec.input_dim(entry)
    return tuple(groups)


def _recorded(replay: Replay) -> dict[str, Rows | None]:
    return {
        'commands': replay.recorded_commands(),
        'observation': replay.recorded_observations(),
        'action': replay.recorded_actions(),
    }


def _of_other(replay: Replay, other: Replay) -> dict[str, Rows | None]:
    """Return what another model does, where it is of the same form."""
    mine, theirs = replay.playback, other.playback
    sent, ran = theirs.is_valid & theirs.sends, theirs.is_valid & theirs.ran
    found: dict[str, Rows | None] = dict.fromkeys(('commands', 'observation', 'action'))
    if mine.command.shape == theirs.command.shape:
        found['commands'] = np.where(sent[:, None], other.commands, np.nan)
    if mine.observation.shape == theirs.observation.shape:
        rows = np.where(ran, np.arange(len(ran)), NONE)
        found['observation'] = Picked(theirs.observation, rows)
    if mine.action.shape == theirs.action.shape:
        found['action'] = np.where(ran[:, None], theirs.action, np.nan)
    return found


def _differences(
    replay: Replay,
    policy: LoadedPolicy,
    references: dict[str, Rows | None],
    rules: Thresholds,
) -> Iterator[Difference]:
    playback, spec = replay.playback, policy.spec
    ran = playback.is_valid & playback.ran
    actions = spec.action_joints
    if spec.outputs.action.choices is not None:
        actions = tuple(f'choice {place}' for place in range(spec.act_dim))
    series: tuple[tuple[str, str, Rows, npt.NDArray[np.bool_], Sequence[Group]], ...] = (
        ('commands', _unit(replay, policy), replay.commands, playback.is_valid & playback.sends,
         single(spec.joints)),
        ('observation', '', playback.observation, ran, observation_groups(policy)),
        ('action', '', playback.action, ran, single(actions)),
    )  # fmt: skip
    for what, unit, own, is_compared, groups in series:
        reference = references[what]
        if reference is None:
            continue
        found = compare(what, unit, own, reference, is_compared, groups, rules.tolerance)
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
    playback = replay.playback
    measured, rows = replay.source.recording.joints.position, playback.ticks.joints
    position = np.full((len(rows), measured.shape[1]), np.nan)
    position[rows != NONE] = measured[rows[rows != NONE]]
    period = policy.spec.period / replay.ticks_per_step
    is_policy = np.isin(playback.mode, POLICY_MODES)
    ran = playback.is_valid & playback.ran & is_policy
    bound = playback.command[ran] != playback.target[ran]
    clipped = np.zeros((len(bound), len(policy.spec.joints)), np.bool_)
    clip = compile_spec(policy.spec).action.clip
    if clip is not None and policy.spec.outputs.action.choices is None:
        action = playback.action[ran]
        beyond = (action < clip[0]) | (action > clip[1])
        clipped[:, [policy.spec.joints.index(name) for name in policy.spec.action_joints]] = beyond
    own = np.where(playback.sends[:, None], replay.commands, np.nan)
    commands = references['commands']
    return (
        motion(own, position, playback.is_valid, period, bound, clipped),
        None
        if commands is None
        else motion(
            commands[:].astype(np.float64),
            position,
            playback.is_valid,
            period,
            bound[:0],
            clipped[:0],
        ),
    )


def _tick_breaches(replay: Replay, rules: Thresholds) -> Iterator[Breach]:
    """Judge ticks that cannot be compared, and modes in which the log was not."""
    playback = replay.playback
    share = 1.0 - float(playback.is_valid.mean())
    if share > rules.invalid:
        yield Breach(
            what='ticks',
            name='',
            metric='invalid',
            value=share,
            limit=rules.invalid,
            text=f'{share:.1%} of the ticks cannot be compared, expected within '
            f'{rules.invalid:.1%}',
        )
    if replay.period_problem:
        yield Breach(
            what='contract',
            name='period',
            metric='finding',
            value=1.0,
            limit=0.0,
            text=replay.period_problem,
        )
    if replay.source.log is None:
        return
    for code, entry in playback.reasons.items():
        if 'the log says' in entry.text and code != 'mode.unknown':
            yield Breach(
                what='ticks',
                name=code,
                metric='mode',
                value=float(entry.count),
                limit=0.0,
                text=f'mode differs at {entry.count} ticks, first at '
                f'{times(replay)[entry.first_tick]:.3f} s (tick {entry.first_tick}): {entry.text}',
            )
