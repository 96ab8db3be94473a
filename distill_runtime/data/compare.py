# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""How far two series of numbers are apart, column by column: where first, how much, how often."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from distill_runtime.core.arrays import Float32Array, FloatArray
import numpy as np
import numpy.typing as npt

PERCENTILES = (50.0, 95.0, 99.0)


class Exceeded(NamedTuple):
    """Where two series are first further apart than the tolerance."""

    tick: int
    column: str
    own: float
    reference: float


@dataclass(frozen=True, kw_only=True)
class ColumnDifference:
    """How far one joint, or one term of the observation, is apart."""

    name: str
    max: float
    rms: float
    percentiles: tuple[float, ...]
    """At PERCENTILES."""
    num_exceeded: int
    """Ticks beyond the tolerance."""
    first_exceeded: Exceeded | None


@dataclass(frozen=True, kw_only=True, eq=False)
class Difference:
    """Two series, tick by tick."""

    what: str
    """commands, observation or action."""
    unit: str
    num_ticks: int
    """Ticks that both have."""
    num_equal: int
    """Those at which all numbers are equal, bit for bit."""
    columns: tuple[ColumnDifference, ...]
    tolerance: float
    error: Float32Array
    """Absolute, per tick and column, NaN where a tick is not compared, shape (T, num_columns)."""

    @property
    def worst(self) -> ColumnDifference:
        """The column that is furthest apart."""
        return max(self.columns, key=lambda column: column.max)

    @property
    def first_exceeded(self) -> Exceeded | None:
        """The first place beyond the tolerance."""
        found = [column.first_exceeded for column in self.columns if column.first_exceeded]
        return min(found, default=None)


class Group(NamedTuple):
    """Elements that are reported together."""

    name: str
    places: Sequence[int]
    labels: Sequence[str]
    """One per place."""


def single(names: Sequence[str]) -> tuple[Group, ...]:
    """Return a group for each element."""
    return tuple(Group(name, (place,), (name,)) for place, name in enumerate(names))


def compare(
    what: str,
    unit: str,
    own: npt.NDArray[np.floating],
    reference: npt.NDArray[np.floating],
    is_compared: npt.NDArray[np.bool_],
    groups: Sequence[Group],
    tolerance: float,
) -> Difference | None:
    """Compare two series; None: they have no tick in common.

    Args:
        what: Name for the report.
        unit: Of the numbers.
        own: Shape (T, width).
        reference: Alike; NaN where there is nothing.
        is_compared: Ticks that may be compared, shape (T,).
        groups: Which elements are reported together.
        tolerance: Difference from which a tick is beyond it, exclusive.
    """
    ticks = np.flatnonzero(is_compared & ~np.isnan(reference).all(axis=1))
    if not len(ticks):
        return None
    ours, theirs = own[ticks], reference[ticks]
    with np.errstate(invalid='ignore'):
        apart = np.abs(ours.astype(np.float64) - theirs)
    is_equal = (ours == theirs) | np.isnan(theirs)
    # infinity minus infinity, and numbers of ours that are none, are as far apart as can be
    apart = np.where(is_equal, 0.0, np.where(np.isnan(apart), np.inf, apart))
    error = np.full((len(own), len(groups)), np.nan, np.float32)
    columns = []
    for number, group in enumerate(groups):
        part = apart[:, group.places]
        worst = part.max(axis=1)
        error[ticks, number] = worst
        columns.append(_column(group, part, worst, ticks, ours, theirs, tolerance))
    return Difference(
        what=what,
        unit=unit,
        num_ticks=len(ticks),
        num_equal=int(np.count_nonzero(is_equal.all(axis=1))),
        columns=tuple(columns),
        tolerance=tolerance,
        error=error,
    )


def _column(
    group: Group,
    part: FloatArray,
    worst: FloatArray,
    ticks: npt.NDArray[np.intp],
    ours: npt.NDArray[np.floating],
    theirs: npt.NDArray[np.floating],
    tolerance: float,
) -> ColumnDifference:
    beyond = np.flatnonzero(worst > tolerance)
    first = None
    if len(beyond):
        row = int(beyond[0])
        place = int(part[row].argmax())
        element = group.places[place]
        first = Exceeded(
            int(ticks[row]),
            group.labels[place],
            float(ours[row, element]),
            float(theirs[row, element]),
        )
    return ColumnDifference(
        name=group.name,
        max=float(worst.max()),
        rms=float(np.sqrt(np.mean(np.square(part)))),
        percentiles=tuple(np.percentile(worst, PERCENTILES, method='higher').tolist()),
        num_exceeded=len(beyond),
        first_exceeded=first,
    )
