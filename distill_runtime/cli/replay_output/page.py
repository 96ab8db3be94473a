# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Page that `replay` prints."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
import math

from distill_runtime.cli.terminal.page import finding_lines, Section, styled, styled_rows
from distill_runtime.cli.terminal.tables import fact_lines, table_lines, wrap
from distill_runtime.core.modes import Mode
from distill_runtime.data.replay.assessment import Assessment, times
from distill_runtime.data.replay.compare import Difference
from distill_runtime.data.replay.replay import Replay
from distill_runtime.policy.model import LoadedPolicy
import numpy as np

from .report import streams, tick_source

MAX_BREACHES = 8
"""Number of broken thresholds on the page."""
_VERDICTS = {
    'within': ('pass', 'good'),
    'outside': ('FAIL', 'error'),
    'not_compared': ('INCONCLUSIVE: the recording has neither commands nor efforts', 'error'),
}


def replay_page(replay: Replay, policy: LoadedPolicy, found: Assessment) -> list[Section]:
    """Return the sections of the page."""
    return [
        Section(title='replay', lines=fact_lines(facts(replay, policy))),
        _streams(replay),
        *_counted(
            'anomalies of the recording',
            ('times', 'first at', 'what'),
            [(entry.count, entry.first, entry.text) for entry in replay.anomalies],
        ),
        *_counted(
            'ticks that are not valid',
            ('ticks', 'first at', 'why'),
            sorted(_invalid(replay), key=lambda row: -row[0]),
        ),
        *(_difference(entry, replay) for entry in found.differences),
        _motion(found, policy),
        *_findings(found),
        _verdict(found),
    ]


def facts(replay: Replay, policy: LoadedPolicy) -> Iterator[tuple[str, str]]:
    """Yield names and values that describe the replay."""
    playback = replay.playback
    count = len(playback.mode)
    yield 'recording', str(replay.source.recording.path)
    yield 'model', f'{policy.path.name}: {policy.spec.name}, sha256 {policy.sha256[:12]}'
    if replay.run.is_same_model is not None:
        yield 'recorded with', 'this model' if replay.run.is_same_model else 'another model'
    if replay.source.log is not None:
        yield 'parameters', 'recorded' if replay.source.parameters else 'not recorded: defaults'
    seconds = times(replay)[-1]
    yield 'ticks', f'{count} in {seconds:.2f} s, from {tick_source(replay)}'
    valid = int(np.count_nonzero(playback.is_valid))
    yield 'valid', f'{valid} ({valid / count:.1%})'
    for mode in (Mode.STANDBY, Mode.STOPPING, Mode.FAULT):
        ticks = int(np.count_nonzero(playback.mode == mode))
        if ticks:
            yield mode.name.lower(), f'{ticks} ticks'
    if replay.source.damage:
        yield 'damage', '; '.join(replay.source.damage)
    if replay.is_approximate:
        yield (
            'note',
            'approximate: the recording starts in the middle of a run and lacks ~/action, so '
            'that earlier actions are unknown (the effect decays), or its ~/tick does not name '
            'the samples of all external topics',
        )


def _streams(replay: Replay) -> Section:
    log = replay.source.log
    rows = [
        (
            name,
            stream.topic.name,
            stream.topic.type.rpartition('/')[2],
            str(stream.topic.num_messages),
            str(stream.num_skipped or ''),
        )
        for name, stream in (*streams(replay), *(() if log is None else (('~/tick', log),)))
    ]
    headings = ('input', 'topic', 'type', 'messages', 'dropped')
    return Section(title='topics', lines=table_lines(headings, rows, {'messages', 'dropped'}))


def _counted(
    title: str, headings: tuple[str, str, str], rows: Sequence[tuple[int, float, str]]
) -> Iterator[Section]:
    """Yield a table of events: how often, time of the first in [s], text."""
    cells = [(str(count), f'{first:.3f} s', text) for count, first, text in rows]
    if cells:
        yield Section(title=title, lines=table_lines(headings, cells, headings[:2]))


def _invalid(replay: Replay) -> Iterator[tuple[int, float, str]]:
    moments = times(replay)
    for entry in replay.playback.reasons.values():
        yield entry.count, moments[entry.first_tick], entry.text


def _difference(found: Difference, replay: Replay) -> Section:
    moments = times(replay)
    rows = []
    for column in found.columns:
        first = column.first_exceeded
        rows.append(
            (
                column.name,
                _figure(column.max),
                _figure(column.rms),
                *map(_figure, column.percentiles),
                str(column.num_exceeded or ''),
                ''
                if first is None
                else f'{moments[first.tick]:.3f} s'
                + ('' if first.column == column.name else f', {first.column}')
                + f': {first.value:.5g} instead of {first.reference:.5g}',
            )
        )
    name = 'joint' if found.what != 'observation' else 'term'
    headings = (name, 'max', 'rms', 'p50', 'p95', 'p99', 'above', 'first above')
    right = {*headings} - {name, 'first above'}
    heading, *table = table_lines(headings, rows, right)
    kinds = ['error' if column.first_exceeded else '' for column in found.columns]
    lines = [heading, *styled_rows(table, kinds)]
    if found.num_equal == found.num_ticks:
        lines = [styled(f'every {name} is equal', 'good')]
    unit = f' in {found.unit}' if found.unit else ''
    title = (
        f'{found.what}: difference{unit} at {found.num_ticks} ticks, '
        f'{_share(found.num_equal, found.num_ticks)} equal bit for bit, tolerance '
        f'{found.tolerance:g}'
    )
    return Section(title=title, lines=lines)


def _motion(found: Assessment, policy: LoadedPolicy) -> Section:
    motion, reference = found.motion, found.reference_motion
    rows = [
        (
            name,
            _figure(motion.step_rms[joint]),
            '' if reference is None else _figure(reference.step_rms[joint]),
            _figure(motion.step_max[joint]),
            _percent(motion.bound[joint]),
            _percent(motion.saturated[joint]),
            '' if math.isnan(motion.lag[joint]) else f'{motion.lag[joint] * 1e3:.0f} ms',
            _figure(motion.apart[joint]),
        )
        for joint, name in enumerate(policy.spec.joints)
    ]
    headings = (
        'joint', 'step rms', 'recorded', 'step max', 'limited', 'clipped', 'lag', 'tracking error',
    )  # fmt: skip
    lines = table_lines(headings, rows, {*headings} - {'joint'})
    return Section(title='motion: commands per tick, and the measured joints', lines=lines)


def _findings(found: Assessment) -> Iterator[Section]:
    if found.inspection is None:
        return
    lines = finding_lines(
        [f for f in found.inspection.findings if f.severity in ('error', 'warning')]
    )
    fit = found.inspection.drive_fit
    if fit is not None and not found.differences:
        lines.append(
            f'the targets explain {fit.median_r_squared:.1%} of the recorded {fit.reference} '
            '(median joint)'
        )
    if lines:
        yield Section(title='contract: findings of the recording', lines=lines)


def _verdict(found: Assessment) -> Section:
    shown = found.breaches[:MAX_BREACHES]
    lines = [styled(line, 'error') for breach in shown for line in wrap(breach.text)]
    if len(found.breaches) > MAX_BREACHES:
        lines.append(styled(f'... and {len(found.breaches) - MAX_BREACHES} more, see --json', ''))
    return Section(title='verdict', lines=[*lines, styled(*_VERDICTS[found.verdict])])


def _figure(value: float) -> str:
    if math.isnan(value):
        return ''
    return '0' if value == 0.0 else f'{value:.2g}'


def _percent(value: float) -> str:
    return '' if math.isnan(value) or value == 0.0 else f'{value:.1%}'


def _share(part: int, whole: int) -> str:
    return 'all' if part == whole else f'{part}'
