# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Read the fields that a tick needs from one serialized message (XCDR1, little endian).

Every length is checked against the size of the message. Trailing bytes and the content of padding
are ignored: middlewares leave both undefined. A message that cannot be used raises DecodeError.

Source: OMG DDS-RTPS 2.3, 10.2 (encapsulation), and DDS-XTypes 1.3, 7.4.1 (XCDR1 alignment).
"""

from __future__ import annotations

from struct import Struct, unpack_from
from typing import NamedTuple

from . import layouts

BODY = 4
"""Size of the encapsulation header in [byte]; alignment counts from its end."""

FRAME_ID = BODY + 8
"""Offset of the frame_id of a message with a Header."""

_STAMP = Struct('<iI')
_UINT = Struct('<I')
_MAX_STARTS = 64
LITTLE_ENDIAN = b'\x00\x01'
"""First two bytes of a message that can be read."""


class DecodeError(ValueError):
    """A message is damaged or lacks a needed field; the text is ``code: what``."""


def aligned(offset: int, size: int) -> int:
    """Return the first offset not before the given one that is aligned for elements of a size."""
    return BODY + (offset - BODY + size - 1) // size * size


def check_encapsulation(data: bytes) -> None:
    """Refuse anything but plain little-endian CDR."""
    if data[:2] != LITTLE_ENDIAN:
        raise DecodeError(f'encapsulation: {data[:4].hex()}, expected 0001 (CDR, little endian)')


def read_uint(data: bytes, offset: int) -> tuple[int, int]:
    """Return an aligned uint32 and the offset after it."""
    offset = aligned(offset, 4)
    if offset + 4 > len(data):
        raise DecodeError(
            f'length: message ends at byte {len(data)}, expected {offset + 4} or more'
        )
    return _UINT.unpack_from(data, offset)[0], offset + 4


def skip_string(data: bytes, offset: int) -> tuple[int, int]:
    """Return where a string starts and the offset after its terminating zero."""
    length, start = read_uint(data, offset)
    if start + length > len(data):
        raise DecodeError(f'length: string of {length} bytes at byte {start} of {len(data)}')
    return start, start + length


def read_string(data: bytes, offset: int) -> tuple[str, int]:
    """Return a string and the offset after it."""
    start, end = skip_string(data, offset)
    return data[start : max(start, end - 1)].decode('utf-8', 'replace'), end


def read_strings(data: bytes, offset: int) -> tuple[tuple[str, ...], int]:
    """Return a sequence of strings and the offset after it."""
    count, offset = read_uint(data, offset)
    if count * 4 > len(data) - offset:
        raise DecodeError(f'length: {count} strings in a message of {len(data)} bytes')
    strings = []
    for _ in range(count):
        text, offset = read_string(data, offset)
        strings.append(text)
    return tuple(strings), offset


def read_doubles(data: bytes, offset: int) -> tuple[int, int, int]:
    """Return count and start of a float64 sequence, and the offset after it."""
    count, offset = read_uint(data, offset)
    if not count:
        return 0, offset, offset
    start = aligned(offset, 8)
    if start + 8 * count > len(data):
        raise DecodeError(f'length: {count} float64 at byte {start} of {len(data)}')
    return count, start, start + 8 * count


class Doubles(NamedTuple):
    """A float64 sequence in a message."""

    count_at: int
    """Offset of its count."""
    length: int
    start: int
    """Offset of the first number."""


def find_joint_state(data: bytes, num_kinds: int) -> tuple[tuple[str, ...], list[Doubles], int]:
    """Find the sequences of a sensor_msgs/JointState.

    Args:
        data: The message.
        num_kinds: How many to find of position, velocity and effort.

    Returns:
        Names, sequences, and the offset after the last one.
    """
    check_encapsulation(data)
    _, offset = skip_string(data, FRAME_ID)
    names, offset = read_strings(data, offset)
    sequences = []
    for _ in range(num_kinds):
        count_at = aligned(offset, 4)
        count, start, offset = read_doubles(data, offset)
        sequences.append(Doubles(count_at, count, start))
    return names, sequences, offset


def read_stamp_ns(data: bytes) -> int:
    """Return the stamp of a message that begins with a Header, in [ns]."""
    if len(data) < BODY + 8:
        raise DecodeError(f'length: message of {len(data)} bytes, expected a header')
    seconds, nanoseconds = _STAMP.unpack_from(data, BODY)
    if seconds < 0 or nanoseconds >= 1_000_000_000:
        raise DecodeError(f'stamp: {seconds} s {nanoseconds} ns, expected a time from 0')
    return seconds * 1_000_000_000 + nanoseconds


class Fields:
    """Reads the float64 values of a fixed layout, in the order of the message."""

    def __init__(self, layout: layouts.FixedLayout) -> None:
        """Prepare to unpack the columns of a layout, in ascending order."""
        end, form = 0, '<'
        for column in sorted(layout.columns):
            form += f'{8 * (column - end)}xd'
            end = column + 1
        self._values = Struct(form)
        self._num_strings = layout.num_strings
        self._starts: dict[bytes, int] = {}
        self._first_string = FRAME_ID if layout.num_strings else BODY

    def read(self, data: bytes) -> tuple[float, ...]:
        """Return the values, in the order of the message.

        Raises:
            DecodeError: If the message is too short or not little-endian CDR.
        """
        if data[:2] != LITTLE_ENDIAN:
            check_encapsulation(data)
        # with one string, its length says where the numbers start
        start = self._starts.get(data[self._first_string : self._first_string + 4], 0)
        if not start:
            start = self._find(data)
        if start + self._values.size > len(data):
            needed = start + self._values.size
            raise DecodeError(f'length: message of {len(data)} bytes, expected {needed} or more')
        return self._values.unpack_from(data, start)

    def _find(self, data: bytes) -> int:
        """Return where the numbers start."""
        offset = self._first_string
        for _ in range(self._num_strings):
            offset = skip_string(data, offset)[1]
        start = aligned(offset, 8)
        if self._num_strings == 1 and len(self._starts) < _MAX_STARTS:
            self._starts[data[self._first_string : self._first_string + 4]] = start
        return start


TWIST = Fields(layouts.TWIST)
TWIST_STAMPED = Fields(layouts.TWIST_STAMPED)
IMU = Fields(layouts.IMU)
ODOMETRY_TWIST = Fields(layouts.ODOMETRY_TWIST)
POSE_STAMPED = Fields(layouts.POSE_STAMPED)


def find_array(data: bytes, itemsize: int) -> tuple[list[tuple[int, int]], int, int]:
    """Find labels and numbers of a MultiArray.

    Args:
        data: The message.
        itemsize: Size of a number in [byte].

    Returns:
        First byte and end of each label, the offset after the count of the numbers, and the count.

    Raises:
        DecodeError: If the message is damaged.
    """
    check_encapsulation(data)
    num_dims, offset = read_uint(data, BODY)
    if num_dims * 12 > len(data) - offset:
        raise DecodeError(f'length: {num_dims} dimensions in a message of {len(data)} bytes')
    labels = []
    for _ in range(num_dims):
        labels.append(skip_string(data, offset))
        offset = aligned(labels[-1][1], 4) + 8  # size and stride follow
    _, offset = read_uint(data, offset)
    count, offset = read_uint(data, offset)
    start = aligned(offset, itemsize) if count else offset
    if start + itemsize * count > len(data):
        raise DecodeError(f'length: {count} numbers at byte {start} of {len(data)}')
    return labels, offset, count


def read_floats(data: bytes) -> tuple[float, ...]:
    """Return the data of a std_msgs/Float32MultiArray.

    Raises:
        DecodeError: If the message is damaged.
    """
    _, start, count = find_array(data, 4)
    return unpack_from(f'<{count}f', data, start)
