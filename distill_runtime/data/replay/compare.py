# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""How far two series of numbers are apart, column by column: where first, how much, how often."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from distill_runtime.core.arrays import Float32Array, FloatArray
import numpy as np
import numpy.typing as npt

PERCENTILES = (50.0, 95.0, 99.0)
_STRETCH = 4096  # ticks that are compared at once


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


class Rows(Protocol):
    """Numbers, one row per tick, that are read by stretches."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of ticks and width."""

    def __getitem__(self, stretch: slice) -> npt.NDArray[np.floating]:
        """Return the rows of some ticks in a row."""


def compare(
    what: str,
    unit: str,
    own: Rows,
    reference: Rows,
    is_compared: npt.NDArray[np.bool_],
    groups: Sequence[Group],
    tolerance: float,
) -> Difference | None:
    """Compare two series; None: they have no tick in common.

    Args:
        what: Name for the report.
        unit: Of the numbers.
        own: Shape (T, width).
        reference: LayoutGroup; NaN where there is nothing.
        is_compared: Ticks that may be compared, shape (T,).
        groups: Which elements are reported together.
        tolerance: Difference from which a tick is beyond it, exclusive.
    """
    num_ticks = own.shape[0]
    columns = [_Column(group, tolerance) for group in groups]
    error = np.full((num_ticks, len(groups)), np.nan, np.float32)
    num_compared = num_equal = 0
    for begin in range(0, num_ticks, _STRETCH):
        stretch = slice(begin, begin + _STRETCH)
        theirs = reference[stretch]
        ticks = np.flatnonzero(is_compared[stretch] & ~np.isnan(theirs).all(axis=1))
        if not len(ticks):
            continue
        ours, theirs = own[stretch][ticks], theirs[ticks]
        with np.errstate(invalid='ignore'):
            apart = np.abs(ours.astype(np.float64) - theirs)
        is_equal = (ours == theirs) | np.isnan(theirs)
        # infinity minus infinity, and numbers of ours that are none, are as far apart as can be
        apart = np.where(is_equal, 0.0, np.where(np.isnan(apart), np.inf, apart))
        for number, column in enumerate(columns):
            error[begin + ticks, number] = column.add(apart, begin + ticks, ours, theirs)
        num_compared += len(ticks)
        num_equal += int(np.count_nonzero(is_equal.all(axis=1)))
    if not num_compared:
        return None
    is_known = ~np.isnan(error[:, 0]) if len(groups) else np.zeros(num_ticks, np.bool_)
    return Difference(
        what=what,
        unit=unit,
        num_ticks=num_compared,
        num_equal=num_equal,
        columns=tuple(
            column.result(error[is_known, number]) for number, column in enumerate(columns)
        ),
        tolerance=tolerance,
        error=error,
    )


class _Column:
    """Adds up one group of elements."""

    def __init__(self, group: Group, tolerance: float) -> None:
        self._group = group
        self._tolerance = tolerance
        self._max = 0.0
        self._sum = 0.0
        self._count = 0
        self._num_exceeded = 0
        self._first: Exceeded | None = None

    def add(
        self,
        apart: FloatArray,
        ticks: npt.NDArray[np.intp],
        ours: npt.NDArray[np.floating],
        theirs: npt.NDArray[np.floating],
    ) -> FloatArray:
        """Add some ticks; return how far the group is apart at each."""
        part = apart[:, self._group.places]
        worst: FloatArray = part.max(axis=1)
        beyond = np.flatnonzero(worst > self._tolerance)
        self._max = max(self._max, float(worst.max()))
        self._sum += float(np.sum(np.square(part)))
        self._count += part.size
        self._num_exceeded += len(beyond)
        if len(beyond) and self._first is None:
            row = int(beyond[0])
            place = int(part[row].argmax())
            element = self._group.places[place]
            self._first = Exceeded(
                int(ticks[row]),
                self._group.labels[place],
                float(ours[row, element]),
                float(theirs[row, element]),
            )
        return worst

    def result(self, worst: Float32Array) -> ColumnDifference:
        """Return what was added up.

        Args:
            worst: How far the group is apart at each tick.
        """
        return ColumnDifference(
            name=self._group.name,
            max=self._max,
            rms=float(np.sqrt(self._sum / self._count)),
            percentiles=tuple(np.percentile(worst, PERCENTILES, method='higher').tolist()),
            num_exceeded=self._num_exceeded,
            first_exceeded=self._first,
        )
