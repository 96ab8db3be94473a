# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Read the numbers of many serialized messages at once.

Most messages of a topic have one layout: only their numbers differ. A layout is found in one
message and applied to all whose lengths, counts and names are the same bytes. Messages that fit no
layout are not yielded; the caller reads them one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from .cdr import (
    aligned,
    BODY,
    check_encapsulation,
    DecodeError,
    find_array,
    find_joint_state,
    FRAME_ID,
    read_string,
    skip_string,
)
from .layouts import ARRAYS, FIXED, FixedLayout, has_header, JOINT_KINDS, JOINT_STATE

BoolArray = npt.NDArray[np.bool_]
ByteArray = npt.NDArray[np.uint8]
IndexArray = npt.NDArray[np.intp]
StampArray = npt.NDArray[np.int64]
_Span = tuple[int, int]
_MAX_LAYOUTS = 16


class Messages(Protocol):
    """Serialized messages in one buffer."""

    @property
    def data(self) -> ByteArray:
        """Return the buffer."""

    @property
    def starts(self) -> IndexArray:
        """Return the first byte of each message in the buffer, shape (N,)."""

    @property
    def sizes(self) -> IndexArray:
        """Return the size of each message in [byte], shape (N,)."""

    def content(self, index: int) -> bytes:
        """Return one message."""


@dataclass(frozen=True, eq=False)
class Columns:
    """Numbers of a layout group: messages that have the same layout."""

    index: IndexArray
    """Of the messages, shape (n,)."""
    stamp_ns: StampArray | None
    """From their headers, shape (n,); None: they have none."""
    names: tuple[str, ...]
    """Of the numbers: joints or labels; empty where the type defines them."""
    counts: tuple[int, ...]
    """Numbers per message of each kind: one kind, or position, velocity and effort."""
    numbers: Callable[..., npt.NDArray[Any]]
    """numbers(kind=0, chosen=slice(None)) returns those of one kind, shape (n, count)."""


class _Numbers(NamedTuple):
    """Consecutive numbers in a message."""

    start: int
    """First byte."""
    length: int
    dtype: str
    columns: tuple[int, ...] | None = None
    """Which are read, in the order of a row; None: all."""


@dataclass(frozen=True)
class _Layout:
    """Where the messages of a layout group have their numbers."""

    same: IndexArray
    """Bytes that are the same in all of them."""
    spans: tuple[_Span, ...]
    """First byte and end of what holds all of those, and padding, but no numbers."""
    names: tuple[str, ...]
    numbers: tuple[_Numbers, ...]


def read_rows(messages: Messages, message_type: str) -> Iterator[Columns]:
    """Yield the numbers of messages, layout by layout; none of a type without a layout.

    Args:
        messages: Of one type.
        message_type: Such as sensor_msgs/msg/Imu.
    """
    find: Callable[[bytes], _Layout]
    if message_type in FIXED:
        find = partial(_fixed_layout, form=FIXED[message_type])
    elif message_type in ARRAYS:
        find = partial(_array_layout, dtype=ARRAYS[message_type])
    elif message_type == JOINT_STATE:
        find = _joint_layout
    else:
        return
    for same_size in _by_size(messages.sizes):
        yield from _rows(messages, same_size, find, has_header(message_type))


def read_numbers(
    data: ByteArray, starts: IndexArray, count: int, dtype: npt.DTypeLike
) -> npt.NDArray[Any]:
    """Return count numbers from each start, shape (n, count)."""
    if not count:
        return np.zeros((len(starts), 0), dtype)
    found = _slices(data, starts, np.dtype(dtype).itemsize * count)
    return found.view(dtype).reshape(len(starts), count)


def _rows(
    messages: Messages, index: IndexArray, find: Callable[[bytes], _Layout], is_stamped: bool
) -> Iterator[Columns]:
    for _ in range(_MAX_LAYOUTS):
        if not len(index):
            break
        try:
            layout = find(messages.content(int(index[0])))
        except (DecodeError, UnicodeDecodeError):
            index = index[1:]
            continue
        fits = _fitting(messages, index, layout)
        group = index if fits.all() else index[fits]
        stamp_ns = _stamps(messages, group) if is_stamped else None
        if stamp_ns is not None and (stamp_ns < 0).any():
            group, stamp_ns = group[stamp_ns >= 0], stamp_ns[stamp_ns >= 0]
        counts = tuple(
            entry.length if entry.columns is None else len(entry.columns)
            for entry in layout.numbers
        )
        read = partial(_numbers, messages, group, layout)
        yield Columns(group, stamp_ns, layout.names, counts, read)
        index = index[~fits]


def _numbers(
    messages: Messages,
    group: IndexArray,
    layout: _Layout,
    kind: int = 0,
    chosen: BoolArray | slice = slice(None),
) -> npt.NDArray[Any]:
    """Return numbers of one kind, shape (n, count), in the byte order of this machine."""
    start, count, dtype, columns = layout.numbers[kind]
    rows = read_numbers(messages.data, messages.starts[group[chosen]] + start, count, dtype)
    wanted = rows if columns is None else rows[:, columns]
    return wanted.astype(np.dtype(dtype).newbyteorder('='), copy=False)


def _by_size(sizes: IndexArray) -> Iterator[IndexArray]:
    """Yield the index of the messages of each size."""
    if len(sizes) and (sizes == sizes[0]).all():
        yield np.arange(len(sizes))
        return
    for size in np.unique(sizes).tolist():
        yield np.flatnonzero(sizes == size)


def _slices(data: ByteArray, starts: IndexArray, size: int) -> npt.NDArray[np.void]:
    """Return size bytes from each start, each as one element.

    Elements are compared and copied as a whole, which is many times faster than byte by byte.
    """
    dtype = np.dtype((np.void, size))
    every = np.ndarray((len(data) - size + 1,), dtype, data.data, strides=(1,))
    return every[starts]


def _fitting(messages: Messages, index: IndexArray, layout: _Layout) -> BoolArray:
    """Return which messages of one size have the layout of the first one."""
    starts = messages.starts[index]
    fits = np.ones(len(index), np.bool_)
    for begin, end in layout.spans:
        found = _slices(messages.data, starts + begin, end - begin)
        fits &= found == found[0]
    differing = np.flatnonzero(~fits)
    if len(differing):  # perhaps in their padding only, which middlewares leave undefined
        found = messages.data[starts[differing][:, None] + layout.same]
        fits[differing] = (found == messages.data[starts[0] + layout.same]).all(axis=1)
    return fits


def _stamps(messages: Messages, index: IndexArray) -> StampArray:
    """Return the stamps of messages with a header, negative where it is no time."""
    starts = messages.starts[index] + BODY
    seconds, nanoseconds = read_numbers(messages.data, starts, 2, '<u4').astype(np.int64).T
    is_time = (seconds < 2**31) & (nanoseconds < 1_000_000_000)
    return np.where(is_time, seconds * 1_000_000_000 + nanoseconds, -1)


def _fixed_layout(data: bytes, form: FixedLayout) -> _Layout:
    check_encapsulation(data)
    offset = FRAME_ID if form.num_strings else BODY
    spans = [(0, 2)]
    for _ in range(form.num_strings):
        spans.append(_count_at(offset))
        offset = skip_string(data, offset)[1]
    start = aligned(offset, 8)
    count = max(form.columns) + 1
    if start + 8 * count > len(data):
        raise DecodeError(f'length: {count} float64 at byte {start} of {len(data)}')
    numbers = _Numbers(start, count, '<f8', form.columns)
    return _Layout(_bytes_in(spans), tuple(spans), (), (numbers,))


def _joint_layout(data: bytes) -> _Layout:
    names, sequences, _ = find_joint_state(data, len(JOINT_KINDS))
    counts = [(entry.count_at, entry.count_at + 4) for entry in sequences]
    same = [(0, 2), (FRAME_ID, FRAME_ID + 4), *counts]
    offset = aligned(skip_string(data, FRAME_ID)[1], 4)
    same.append((offset, offset + 4))
    for _ in names:
        begin = aligned(same[-1][1], 4)
        same.append((begin, skip_string(data, begin)[1]))
    spans = ((0, 2), (FRAME_ID, counts[0][1]), *counts[1:])
    numbers = tuple(_Numbers(entry.start, entry.length, '<f8') for entry in sequences)
    return _Layout(_bytes_in(same), spans, names, numbers)


def _array_layout(data: bytes, dtype: str) -> _Layout:
    itemsize = np.dtype(dtype).itemsize
    labels, offset, count = find_array(data, itemsize)
    same = [(0, 2), (BODY, BODY + 4)]
    for start, end in labels:
        size_at = aligned(end, 4)
        same += [(start - 4, end), (size_at, size_at + 8)]
    same.append((offset - 4, offset))
    names = tuple(read_string(data, start - 4)[0] for start, _ in labels)
    start = aligned(offset, itemsize) if count else offset
    numbers = _Numbers(start, count, dtype)
    return _Layout(_bytes_in(same), ((0, 2), (BODY, offset)), names, (numbers,))


def _count_at(offset: int) -> _Span:
    """Return first byte and end of the count or length at an offset."""
    begin = aligned(offset, 4)
    return begin, begin + 4


def _bytes_in(spans: Sequence[_Span]) -> IndexArray:
    return np.concatenate([np.arange(begin, end) for begin, end in spans]).astype(np.intp)
