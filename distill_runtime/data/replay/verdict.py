# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Whether a replay keeps to its rules."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Literal

from .compare import ColumnDifference, Difference, PERCENTILES
from .motion import Motion
from .thresholds import Limits, MotionLimits, Thresholds

Verdict = Literal['within', 'outside', 'not_compared']


@dataclass(frozen=True, kw_only=True)
class Breach:
    """One rule that is not kept."""

    what: str
    """commands, observation, action, motion, ticks or contract."""
    name: str
    """Joint or term; '' for none."""
    metric: str
    value: float
    limit: float
    text: str
    """The whole in words."""


def difference_breaches(
    difference: Difference, rules: Thresholds, times: Sequence[float]
) -> list[Breach]:
    """Return the rules that a difference breaks, the worst first.

    Args:
        difference: Of one series.
        rules: The thresholds.
        times: Of the ticks since the first one, in [s].
    """
    found = [
        breach
        for column in difference.columns
        for breach in _column_breaches(
            difference, column, rules.limits_of(difference.what, column.name), times
        )
    ]
    return sorted(found, key=lambda breach: -breach.value)


def _column_breaches(
    difference: Difference, column: ColumnDifference, limits: Limits, times: Sequence[float]
) -> Iterator[Breach]:
    values = {
        'max': column.max,
        'rms': column.rms,
        **{f'p{name:.0f}': v for name, v in zip(PERCENTILES, column.percentiles, strict=True)},
    }
    for metric, value in values.items():
        limit = getattr(limits, metric)
        if limit is None or value <= limit:
            continue
        text = f'{difference.what} of {column.name}: {metric} is {value:.3g}{_unit(difference)}'
        text += f', expected within {limit:g}'
        if column.first_exceeded is not None:
            first = column.first_exceeded
            part = '' if first.column == column.name else f' in {first.column}'
            text += (
                f'; beyond {difference.tolerance:g} first at {times[first.tick]:.3f} s (tick '
                f'{first.tick}){part}: {first.own:.6g} instead of {first.reference:.6g}'
            )
        yield Breach(
            what=difference.what,
            name=column.name,
            metric=metric,
            value=value,
            limit=limit,
            text=text,
        )


def motion_breaches(motion: Motion, joints: Sequence[str], limits: MotionLimits) -> list[Breach]:
    """Return the rules that the commands break by themselves."""
    found = []
    for entry in fields(limits):
        limit = getattr(limits, entry.name)
        if limit is None:
            continue
        for name, value in zip(joints, getattr(motion, entry.name).tolist(), strict=True):
            if value > limit:
                text = f'{entry.name} of {name} is {value:.3g}, expected within {limit:g}'
                found.append(
                    Breach(
                        what='motion',
                        name=name,
                        metric=entry.name,
                        value=value,
                        limit=limit,
                        text=text,
                    )
                )
    return found


def _unit(difference: Difference) -> str:
    return f' {difference.unit}' if difference.unit else ''
