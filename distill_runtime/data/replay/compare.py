# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Compare two series column by column: size, number and first tick of the differences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from distill_runtime.core.arrays import Float32Array, FloatArray
import numpy as np
import numpy.typing as npt

PERCENTILES = (50.0, 95.0, 99.0)
_CHUNK = 4096  # ticks


class Exceeded(NamedTuple):
    """The first element that differs by more than the tolerance."""

    tick: int
    column: str
    value: float
    reference: float


@dataclass(frozen=True, kw_only=True)
class ColumnDifference:
    """Differences of one joint, or of one term of the observation."""

    name: str
    max: float
    rms: float
    percentiles: tuple[float, ...]
    """At PERCENTILES."""
    num_exceeded: int
    """Ticks above the tolerance."""
    first_exceeded: Exceeded | None


@dataclass(frozen=True, kw_only=True, eq=False)
class Difference:
    """Differences of two series."""

    what: str
    """commands, observation or action."""
    unit: str
    num_ticks: int
    """Compared ticks."""
    num_equal: int
    """Ticks at which all elements are equal bit for bit."""
    columns: tuple[ColumnDifference, ...]
    tolerance: float
    error: Float32Array
    """Absolute error, NaN where a tick is not compared, shape (T, num_columns)."""

    @property
    def worst(self) -> ColumnDifference:
        """The column with the largest difference."""
        return max(self.columns, key=lambda column: column.max)

    @property
    def first_exceeded(self) -> Exceeded | None:
        """The first element above the tolerance."""
        found = [column.first_exceeded for column in self.columns if column.first_exceeded]
        return min(found, default=None)


class Group(NamedTuple):
    """Elements that are reported together."""

    name: str
    indices: Sequence[int]
    """In the row."""
    labels: Sequence[str]
    """Of the elements."""


def single(names: Sequence[str]) -> tuple[Group, ...]:
    """Return a group for each element."""
    return tuple(Group(name, (index,), (name,)) for index, name in enumerate(names))


class Rows(Protocol):
    """An array with one row per tick that is read in chunks."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of ticks, and width."""

    def __getitem__(self, chunk: slice) -> npt.NDArray[np.floating]:
        """Return the rows of consecutive ticks."""


def compare(
    what: str,
    unit: str,
    values: Rows,
    reference: Rows,
    is_compared: npt.NDArray[np.bool_],
    groups: Sequence[Group],
    tolerance: float,
) -> Difference | None:
    """Compare two series; None: they have no ticks in common.

    Args:
        what: Name for the report.
        unit: Of the numbers.
        values: Shape (T, width).
        reference: Shape (T, width), NaN where nothing is recorded.
        is_compared: Ticks to compare, shape (T,).
        groups: Which elements are reported together.
        tolerance: Largest difference that is accepted, inclusive.
    """
    num_ticks = values.shape[0]
    columns = [_Column(group, tolerance) for group in groups]
    error = np.full((num_ticks, len(groups)), np.nan, np.float32)
    num_compared = num_equal = 0
    for begin in range(0, num_ticks, _CHUNK):
        chunk = slice(begin, begin + _CHUNK)
        theirs = reference[chunk]
        ticks = np.flatnonzero(is_compared[chunk] & ~np.isnan(theirs).all(axis=1))
        if not len(ticks):
            continue
        ours, theirs = values[chunk][ticks], theirs[ticks]
        with np.errstate(invalid='ignore'):
            difference = np.abs(ours.astype(np.float64) - theirs)
        is_equal = (ours == theirs) | np.isnan(theirs)
        # inf - inf, and a NaN of ours, count as an infinite difference
        difference = np.where(is_equal, 0.0, np.where(np.isnan(difference), np.inf, difference))
        for number, column in enumerate(columns):
            error[begin + ticks, number] = column.add(difference, begin + ticks, ours, theirs)
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
    """Accumulates the differences of one group of elements."""

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
        error: FloatArray,
        ticks: npt.NDArray[np.intp],
        ours: npt.NDArray[np.floating],
        theirs: npt.NDArray[np.floating],
    ) -> FloatArray:
        """Add some ticks; return the largest difference of the group at each."""
        columns = error[:, self._group.indices]
        worst: FloatArray = columns.max(axis=1)
        exceeding = np.flatnonzero(worst > self._tolerance)
        self._max = max(self._max, float(worst.max()))
        self._sum += float(np.sum(np.square(columns)))
        self._count += columns.size
        self._num_exceeded += len(exceeding)
        if len(exceeding) and self._first is None:
            row = int(exceeding[0])
            worst_column = int(columns[row].argmax())
            element = self._group.indices[worst_column]
            self._first = Exceeded(
                int(ticks[row]),
                self._group.labels[worst_column],
                float(ours[row, element]),
                float(theirs[row, element]),
            )
        return worst

    def result(self, worst: Float32Array) -> ColumnDifference:
        """Return the differences over all ticks."""
        return ColumnDifference(
            name=self._group.name,
            max=self._max,
            rms=float(np.sqrt(self._sum / self._count)),
            percentiles=tuple(np.percentile(worst, PERCENTILES, method='higher').tolist()),
            num_exceeded=self._num_exceeded,
            first_exceeded=self._first,
        )
