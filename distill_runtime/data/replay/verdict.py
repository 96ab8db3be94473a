# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Thresholds of a replay (`--rules`), by metric, joint and term, and what breaches them.

tolerance: 1e-5                  # largest difference of commands, observations and actions
invalid: 0.1                     # largest share of ticks that are not valid
commands: {rms: 1e-3, p99: 0.01} # replaces the tolerance
observation: {max: 1e-4}
action: {max: 1e-3}
joints: {FL_calf_joint: {max: 0.02}}       # replaces commands
terms: {projected_gravity: {max: 1e-6}}    # replaces observation
motion: {step_max: 0.3, saturated: 0.1, bound: 0.2, lag: 0.06, apart: 0.2}
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Literal

from distill_runtime.errors import ConfigError
from distill_runtime.spec.files import read_yaml
from distill_runtime.spec.findings.finding import Finding
from distill_runtime.spec.mapping import read_dataclass, read_fields, shown

from .compare import ColumnDifference, Difference, PERCENTILES
from .motion import Motion
from .replay import Replay

DEFAULT_TOLERANCE = 1e-5
"""In [rad], [rad]/[s] or [N m]: above rounding differences between machines."""


class _UpperBounds:
    """Fields that are None or at least 0."""

    def __post_init__(self) -> None:
        """Refuse negative values."""
        for name, value in vars(self).items():
            if value is not None and not value >= 0.0:
                raise ConfigError(f'{name} is {value}, expected at least 0')


@dataclass(frozen=True, kw_only=True)
class Limits(_UpperBounds):
    """Upper bounds of a difference; None: no bound."""

    max: float | None = None
    rms: float | None = None
    p50: float | None = None
    p95: float | None = None
    p99: float | None = None

    @property
    def is_empty(self) -> bool:
        """Whether there is no bound."""
        return all(value is None for value in vars(self).values())


@dataclass(frozen=True, kw_only=True)
class MotionLimits(_UpperBounds):
    """Upper bounds of the motion metrics of each joint, see Motion; None: no bound."""

    step_rms: float | None = None
    step_max: float | None = None
    bound: float | None = None
    saturated: float | None = None
    lag: float | None = None
    apart: float | None = None


@dataclass(frozen=True, kw_only=True)
class Thresholds:
    """Thresholds of a replay."""

    tolerance: float = DEFAULT_TOLERANCE
    invalid: float = 1.0
    commands: Limits = Limits()
    observation: Limits = Limits()
    action: Limits = Limits()
    motion: MotionLimits = MotionLimits()
    joints: Mapping[str, Limits] = field(default_factory=dict)
    terms: Mapping[str, Limits] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse values out of range."""
        if not 0.0 <= self.tolerance < 1e6:
            raise ConfigError(f'tolerance is {self.tolerance}, expected at least 0 and finite')
        if not 0.0 <= self.invalid <= 1.0:
            raise ConfigError(f'invalid is {self.invalid}, expected a share from 0 to 1')

    @classmethod
    def from_mapping(cls, mapping: object, where: str) -> Thresholds:
        """Read a mapping strictly; joints and terms map names to limits."""
        if not isinstance(mapping, Mapping):
            raise ConfigError(f'{where or "rules"} is {shown(mapping)}, expected a mapping')
        named = {}
        for key in ('joints', 'terms'):
            entries = mapping.get(key, {})
            if not isinstance(entries, Mapping):
                raise ConfigError(f'{key} is {shown(entries)}, expected limits by name')
            named[key] = {
                str(name): read_dataclass(Limits, limits, f'{key}.{name}')
                for name, limits in entries.items()
            }
        plain = read_fields(cls, mapping, where, ignore=('joints', 'terms'))
        return cls(**{**vars(plain), **named})

    def limits_of(self, what: str, name: str) -> Limits:
        """Return the limits of a joint or term.

        Args:
            what: commands, observation or action.
            name: Of the joint or term.
        """
        named = {'commands': self.joints, 'observation': self.terms}.get(what, {}).get(name)
        general: Limits = getattr(self, what)
        chosen = named or general
        return Limits(max=self.tolerance) if chosen.is_empty else chosen


def read_thresholds(path: Path | None, tolerance: float | None = None) -> Thresholds:
    """Read thresholds.

    Args:
        path: YAML file; None: the defaults.
        tolerance: Replaces that of the file; None: keep it.

    Raises:
        ConfigError: If the file cannot be read or a value is wrong.
    """
    content: object = {} if path is None else read_yaml(path)
    if tolerance is not None and isinstance(content, Mapping):
        content = {**content, 'tolerance': tolerance}
    try:
        return read_dataclass(Thresholds, content, '')
    except ConfigError as error:
        raise ConfigError(f'{path}: {error}' if path else str(error)) from None


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


def contract_breaches(findings: Iterable[Finding]) -> Iterator[Breach]:
    """Yield findings that a correct contract does not have."""
    for finding in findings:
        if finding.severity in ('error', 'warning'):
            yield _contract_breach(finding.code, f'{finding.code}: {finding.message}')


def _contract_breach(name: str, text: str) -> Breach:
    return Breach(what='contract', name=name, metric='finding', value=1.0, limit=0.0, text=text)
