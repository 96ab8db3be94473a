# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Breaches of the thresholds of a replay."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Literal

from distill_runtime.data.diagnosis.inspection import Inspection

from .compare import ColumnDifference, Difference, PERCENTILES
from .motion import Motion
from .replay import Replay
from .thresholds import Thresholds

Verdict = Literal['within', 'outside', 'not_compared']
"""Pass, fail or inconclusive."""


@dataclass(frozen=True, kw_only=True)
class Breach:
    """A value above its threshold, or a finding that fails a replay by itself."""

    what: str
    """commands, observation, action, motion, ticks or contract."""
    name: str
    """Joint, term or code; '' for none."""
    metric: str
    value: float
    limit: float
    text: str
    """For people."""


def difference_breaches(
    difference: Difference, thresholds: Thresholds, times: Sequence[float]
) -> list[Breach]:
    """Return the breaches of one series, the worst first.

    Args:
        difference: Of the series.
        thresholds: To compare with.
        times: Of the ticks since the first one, in [s].
    """
    what = difference.what
    unit = f' {difference.unit}' if difference.unit else ''
    found = []
    for column in difference.columns:
        limits = thresholds.limits_of(what, column.name)
        values = {'max': column.max, 'rms': column.rms} | {
            f'p{name:.0f}': value
            for name, value in zip(PERCENTILES, column.percentiles, strict=True)
        }
        for metric, value in values.items():
            limit = getattr(limits, metric)
            if limit is not None and value > limit:
                text = f'{what} of {column.name}: {metric} is {value:.3g}{unit}, expected at most '
                text += f'{limit:g}{_first(column, difference.tolerance, times)}'
                found.append(
                    Breach(
                        what=what,
                        name=column.name,
                        metric=metric,
                        value=value,
                        limit=limit,
                        text=text,
                    )
                )
    return sorted(found, key=lambda breach: -breach.value)


def _first(column: ColumnDifference, tolerance: float, times: Sequence[float]) -> str:
    first = column.first_exceeded
    if first is None:
        return ''
    element = '' if first.column == column.name else f' in {first.column}'
    return (
        f'; above {tolerance:g} first at {times[first.tick]:.3f} s (tick {first.tick}){element}: '
        f'{first.value:.6g} instead of {first.reference:.6g}'
    )


def motion_breaches(
    motion: Motion, joints: Sequence[str], thresholds: Thresholds
) -> Iterator[Breach]:
    """Yield the breaches of the commands by themselves."""
    for metric in (entry.name for entry in fields(thresholds.motion)):
        limit = getattr(thresholds.motion, metric)
        if limit is None:
            continue
        for name, value in zip(joints, getattr(motion, metric).tolist(), strict=True):
            if value > limit:
                yield Breach(
                    what='motion',
                    name=name,
                    metric=metric,
                    value=value,
                    limit=limit,
                    text=f'{metric} of {name} is {value:.3g}, expected at most {limit:g}',
                )


def tick_breaches(
    replay: Replay, thresholds: Thresholds, times: Sequence[float]
) -> Iterator[Breach]:
    """Yield too many invalid ticks, a period that does not fit, and modes that differ."""
    playback = replay.playback
    invalid = 1.0 - float(playback.is_valid.mean())
    if invalid > thresholds.invalid:
        yield Breach(
            what='ticks',
            name='',
            metric='invalid',
            value=invalid,
            limit=thresholds.invalid,
            text=f'{invalid:.1%} of the ticks are not valid, expected at most '
            f'{thresholds.invalid:.1%}',
        )
    if replay.run.period_problem:
        yield _contract_breach('period', replay.run.period_problem)
    for code, entry in playback.reasons.items():
        if entry.has_other_mode:
            first = entry.first_tick
            yield Breach(
                what='ticks',
                name=code,
                metric='mode',
                value=float(entry.count),
                limit=0.0,
                text=f'mode differs at {entry.count} ticks, first at {times[first]:.3f} s (tick '
                f'{first}): {entry.text}',
            )


def contract_breaches(inspection: Inspection) -> Iterator[Breach]:
    """Yield findings that a correct contract does not have."""
    for finding in inspection.findings:
        if finding.severity in ('error', 'warning'):
            yield _contract_breach(finding.code, f'{finding.code}: {finding.message}')


def _contract_breach(name: str, text: str) -> Breach:
    return Breach(what='contract', name=name, metric='finding', value=1.0, limit=0.0, text=text)
