# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Numbers of many serialized messages at once: where one message has them, all alike have them.

A layout is found with one message and holds for all whose lengths, counts and names are the same
bytes. What is in no layout is left to whoever reads messages one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from distill_runtime.core.arrays import IndexArray
from distill_runtime.wire.cdr import (
    aligned,
    BODY,
    check_encapsulation,
    DecodeError,
    read_doubles,
    read_strings,
    read_uint,
    skip_string,
)
import numpy as np
import numpy.typing as npt

from .chunk import BoolArray, by_size, Chunk, numbers, pieces

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
POSE_STAMPED = Fixed(1, (0, 1, 2, 3, 4, 5, 6))
"""Position x, y, z, orientation x, y, z, w."""


class _Numbers(NamedTuple):
    """Numbers that stand behind one another in a message."""

    start: int
    """First byte."""
    length: int
    """How many."""
    dtype: str
    columns: tuple[int, ...] | None = None
    """Which are wanted, in the wanted order; None: all."""


@dataclass(frozen=True)
class _Layout:
    """Where messages that are alike have what is wanted."""

    same: IndexArray
    """Bytes that are the same in all of them."""
    spans: tuple[tuple[int, int], ...]
    """First byte and end of what holds all of those, and padding, but no numbers."""
    names: tuple[str, ...] = ()
    numbers: tuple[_Numbers, ...] = ()


class LayoutGroup(NamedTuple):
    """Messages of one layout in a chunk."""

    chunk: Chunk
    places: IndexArray
    """Which they are, shape (n,)."""
    stamp_ns: npt.NDArray[np.int64] | None
    """From their headers, alike; None: they have none."""
    layout: _Layout

    @property
    def names(self) -> tuple[str, ...]:
        """What the numbers are called: the joints, the labels."""
        return self.layout.names

    @property
    def counts(self) -> tuple[int, ...]:
        """How many numbers of each kind are wanted."""
        return tuple(
            entry.length if entry.columns is None else len(entry.columns)
            for entry in self.layout.numbers
        )

    def numbers(self, kind: int = 0, chosen: BoolArray | slice = slice(None)) -> npt.NDArray[Any]:
        """Return numbers of one kind, shape (n, count), in the byte order of this machine.

        Args:
            kind: Which.
            chosen: Of which messages.
        """
        start, count, dtype, columns = self.layout.numbers[kind]
        starts = self.chunk.starts[self.places[chosen]] + start
        rows = numbers(self.chunk.data, starts, count, dtype)
        wanted = rows if columns is None else rows[:, columns]
        return wanted.astype(np.dtype(dtype).newbyteorder('='), copy=False)


def fixed_rows(chunk: Chunk, form: Fixed) -> Iterator[LayoutGroup]:
    """Yield what a chunk says, layout by layout: one kind of numbers, the columns of the form."""
    return _rows(chunk, lambda data: _fixed_layout(data, form), form.strings > 0)


def joint_state_rows(chunk: Chunk) -> Iterator[LayoutGroup]:
    """Yield what a chunk of JointState says: names, positions, velocities, efforts."""
    return _rows(chunk, _joint_layout, True)


def array_rows(chunk: Chunk, dtype: str) -> Iterator[LayoutGroup]:
    """Yield what a chunk of MultiArrays says: labels of the dimensions, numbers.

    Args:
        chunk: Of one type.
        dtype: Of its numbers, with their byte order.
    """
    return _rows(chunk, lambda data: _array_layout(data, dtype), False)


def _rows(
    chunk: Chunk, layout_of: Callable[[bytes], _Layout], has_header: bool
) -> Iterator[LayoutGroup]:
    for alike in by_size(chunk):
        places = alike
        for _ in range(_MAX_LAYOUTS):
            if not len(places):
                break
            try:
                layout = layout_of(chunk.content(int(places[0])))
            except (DecodeError, UnicodeDecodeError):
                places = places[1:]
                continue
            fits = _fitting(chunk, places, layout)
            chosen = places if fits.all() else places[fits]
            stamp_ns = _stamps(chunk, chosen) if has_header else None
            if stamp_ns is not None and (stamp_ns < 0).any():
                chosen, stamp_ns = chosen[stamp_ns >= 0], stamp_ns[stamp_ns >= 0]
            yield LayoutGroup(chunk, chosen, stamp_ns, layout)
            places = places[~fits]


def _fitting(chunk: Chunk, places: IndexArray, layout: _Layout) -> BoolArray:
    """Return which messages of one size have a layout, that of the first one."""
    starts = chunk.starts[places]
    fits = np.ones(len(places), np.bool_)
    for begin, end in layout.spans:
        part = pieces(chunk.data, starts + begin, end - begin)
        fits &= part == part[0]
    odd = np.flatnonzero(~fits)
    if len(odd):  # middlewares leave padding as it comes
        part = chunk.data[starts[odd][:, None] + layout.same]
        fits[odd] = (part == chunk.data[starts[0] + layout.same]).all(axis=1)
    return fits


def _stamps(chunk: Chunk, places: IndexArray) -> npt.NDArray[np.int64]:
    """Return the stamps of messages with a header, negative where it is none."""
    starts = chunk.starts[places] + BODY
    seconds, nanoseconds = numbers(chunk.data, starts, 2, '<u4').astype(np.int64).T
    is_time = (seconds < 2**31) & (nanoseconds < 1_000_000_000)
    return np.where(is_time, seconds * 1_000_000_000 + nanoseconds, -1)


def _fixed_layout(data: bytes, form: Fixed) -> _Layout:
    check_encapsulation(data)
    offset = _FRAME_ID if form.strings else BODY
    spans = [(0, 2)]
    for _ in range(form.strings):
        at = aligned(offset, 4)
        spans.append((at, at + 4))
        offset = skip_string(data, offset)[1]
    start = aligned(offset, 8)
    count = max(form.columns) + 1
    if start + 8 * count > len(data):
        raise DecodeError(f'length: {count} float64 at byte {start} of {len(data)}')
    numbers = _Numbers(start, count, '<f8', form.columns)
    return _Layout(_bytes_in(spans), tuple(spans), (), (numbers,))


def _joint_layout(data: bytes) -> _Layout:
    check_encapsulation(data)
    same = [(0, 2), (_FRAME_ID, _FRAME_ID + 4)]
    _, offset = skip_string(data, _FRAME_ID)
    names, end = read_strings(data, offset)
    at = aligned(offset, 4)
    same.append((at, at + 4))
    offset = at + 4
    for _ in names:
        at = aligned(offset, 4)
        offset = skip_string(data, offset)[1]
        same.append((at, offset))
    numbers: list[_Numbers] = []
    spans = [(0, 2)]
    for _ in ('position', 'velocity', 'effort'):
        at = aligned(end, 4)
        same.append((at, at + 4))
        spans.append((at if numbers else _FRAME_ID, at + 4))
        count, start, end = read_doubles(data, end)
        numbers.append(_Numbers(start, count, '<f8'))
    return _Layout(_bytes_in(same), tuple(spans), names, tuple(numbers))


def _array_layout(data: bytes, dtype: str) -> _Layout:
    check_encapsulation(data)
    same = [(0, 2), (BODY, BODY + 4)]
    num_dims, offset = read_uint(data, BODY)
    if num_dims * 12 > len(data) - offset:
        raise DecodeError(f'length: {num_dims} dimensions in a message of {len(data)} bytes')
    labels = []
    for _ in range(num_dims):
        at = aligned(offset, 4)
        start, offset = skip_string(data, offset)
        labels.append(data[start : max(start, offset - 1)].decode('utf-8', 'replace'))
        same += [(at, offset), (aligned(offset, 4), aligned(offset, 4) + 8)]
        offset = aligned(offset, 4) + 8
    _, offset = read_uint(data, offset)
    count, end = read_uint(data, offset)
    same.append((end - 4, end))
    size = np.dtype(dtype).itemsize
    start = aligned(end, size) if count else end
    if start + size * count > len(data):
        raise DecodeError(f'length: {count} numbers at byte {start} of {len(data)}')
    return _Layout(
        _bytes_in(same),
        ((0, 2), (BODY, end)),
        tuple(labels),
        (_Numbers(start, count, dtype),),
    )


def _bytes_in(spans: list[tuple[int, int]]) -> IndexArray:
    return np.concatenate([np.arange(begin, end) for begin, end in spans]).astype(np.intp)
