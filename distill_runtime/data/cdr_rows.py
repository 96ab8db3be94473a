# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Numbers of many serialized messages at once: where one message has them, all alike have them.

A layout is found with one message and holds for all whose lengths, counts and names are the same
bytes. What is in no layout is left to whoever reads messages one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from distill_runtime.core.arrays import FloatArray, IndexArray
import numpy as np
import numpy.typing as npt

from .blocks import Block, by_size, ByteArray, numbers
from .cdr import (
    aligned,
    BODY,
    check_encapsulation,
    DecodeError,
    read_doubles,
    read_strings,
    skip_string,
)

_FRAME_ID = BODY + 8
_MAX_LAYOUTS = 16


class Fixed(NamedTuple):
    """A message of a header, some strings, then numbers only."""

    strings: int
    """Number of strings; 0: there is no header either."""
    columns: tuple[int, ...]
    """Which float64 behind the strings are wanted."""


IMU = Fixed(1, (3, 0, 1, 2, 4, 13, 14, 15))
"""Orientation w, x, y, z, first element of its covariance, angular velocity."""
ODOMETRY = Fixed(2, (43, 44, 45, 6, 3, 4, 5))
"""Linear velocity in the child frame, orientation w, x, y, z."""
TWIST = Fixed(0, (0, 1, 5))
"""vx, vy, yaw rate."""
TWIST_STAMPED = Fixed(1, (0, 1, 5))


@dataclass(frozen=True)
class _Layout:
    """Where messages that are alike have what is wanted."""

    same: IndexArray
    """Bytes that are the same in all of them."""
    spans: tuple[tuple[int, int], ...]
    """First byte and end of what holds all of those, and padding, but no numbers."""
    names: tuple[str, ...] = ()
    numbers: tuple[tuple[int, int], ...] = ()
    """First byte and count of each row of float64."""


class Alike(NamedTuple):
    """Messages of one layout in a block."""

    places: IndexArray
    """Which they are, shape (n,)."""
    stamp_ns: npt.NDArray[np.int64] | None
    """From their headers, alike; None: they have none."""
    names: tuple[str, ...]
    numbers: tuple[FloatArray, ...]
    """Shape (n, count) each."""


def fixed_rows(block: Block, form: Fixed) -> Iterator[Alike]:
    """Yield what a block says, layout by layout; columns in the wanted order."""
    for alike in _rows(block, lambda data: _fixed_layout(data, form), form.strings > 0):
        (values,) = alike.numbers
        yield alike._replace(numbers=(values[:, form.columns],))


def joint_state_rows(block: Block) -> Iterator[Alike]:
    """Yield what a block of JointState says: names, positions, velocities, efforts."""
    return _rows(block, _joint_layout, True)


def _rows(
    block: Block, layout_of: Callable[[bytes], _Layout], has_header: bool
) -> Iterator[Alike]:
    for rows in by_size(block):
        places, data = rows
        for _ in range(_MAX_LAYOUTS):
            if not len(places):
                break
            try:
                layout = layout_of(data[0].tobytes())
            except (DecodeError, UnicodeDecodeError):
                places, data = places[1:], data[1:]
                continue
            fits = _fitting(data, layout)
            whole = data if fits.all() else data[fits]
            stamp_ns = _stamps(whole) if has_header else None
            chosen = places[fits]
            if stamp_ns is not None and (stamp_ns < 0).any():
                is_stamped = stamp_ns >= 0
                whole, chosen, stamp_ns = (
                    whole[is_stamped],
                    chosen[is_stamped],
                    stamp_ns[is_stamped],
                )
            yield Alike(
                chosen,
                stamp_ns,
                layout.names,
                tuple(
                    numbers(whole, start, count, '<f8').astype(np.float64, copy=False)
                    for start, count in layout.numbers
                ),
            )
            places, data = places[~fits], data[~fits]


def _fitting(data: ByteArray, layout: _Layout) -> npt.NDArray[np.bool_]:
    """Return which rows have a layout, that of the first one."""
    fits = np.ones(len(data), np.bool_)
    for begin, end in layout.spans:
        fits &= (data[:, begin:end] == data[0, begin:end]).all(axis=1)
    odd = np.flatnonzero(~fits)
    if len(odd):  # middlewares leave padding as it comes
        fits[odd] = (data[np.ix_(odd, layout.same)] == data[0, layout.same]).all(axis=1)
    return fits


def _stamps(data: ByteArray) -> npt.NDArray[np.int64]:
    """Return the stamps of messages with a header, negative where it is none."""
    seconds = numbers(data, BODY, 1, '<i4')[:, 0].astype(np.int64)
    nanoseconds = numbers(data, BODY + 4, 1, '<u4')[:, 0].astype(np.int64)
    is_time = (seconds >= 0) & (nanoseconds < 1_000_000_000)
    return np.where(is_time, seconds * 1_000_000_000 + nanoseconds, -1)


def _fixed_layout(data: bytes, form: Fixed) -> _Layout:
    check_encapsulation(data)
    offset = _FRAME_ID if form.strings else BODY
    same = [0, 1]
    for _ in range(form.strings):
        at = aligned(offset, 4)
        same += range(at, at + 4)
        offset = skip_string(data, offset)[1]
    start = aligned(offset, 8)
    count = max(form.columns) + 1
    if start + 8 * count > len(data):
        raise DecodeError(f'length: {count} float64 at byte {start} of {len(data)}')
    spans = tuple((at, at + 1) for at in same)
    return _Layout(np.array(same, np.intp), spans, (), ((start, count),))


def _joint_layout(data: bytes) -> _Layout:
    check_encapsulation(data)
    same = [0, 1, *range(_FRAME_ID, _FRAME_ID + 4)]
    _, offset = skip_string(data, _FRAME_ID)
    names, end = read_strings(data, offset)
    at = aligned(offset, 4)
    same += range(at, at + 4)
    offset = at + 4
    for _ in names:
        at = aligned(offset, 4)
        offset = skip_string(data, offset)[1]
        same += range(at, offset)
    parts: list[tuple[int, int]] = []
    spans = [(0, 2)]
    for _ in ('position', 'velocity', 'effort'):
        at = aligned(end, 4)
        same += range(at, at + 4)
        spans.append((at if parts else _FRAME_ID, at + 4))
        count, start, end = read_doubles(data, end)
        parts.append((start, count))
    return _Layout(np.array(same, np.intp), tuple(spans), names, tuple(parts))
