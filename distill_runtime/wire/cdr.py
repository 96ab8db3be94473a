# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""The few fields that a tick needs, straight from serialized messages (XCDR1, little endian).

A decoder never trusts a length: each is checked against the size of the message. Trailing bytes
and the content of padding are ignored, since middlewares leave both undefined. A message that
cannot be used raises DecodeError with the reason; nothing is written then.

Source: OMG DDS-RTPS 2.3, 10.2 (encapsulation), and DDS-XTypes 1.3, 7.4.1 (XCDR1 alignment).
"""

from __future__ import annotations

from struct import Struct, unpack_from

BODY = 4
"""Size of the encapsulation header in [byte]; alignment counts from behind it."""

_STAMP = Struct('<iI')
_UINT = Struct('<I')
_MAX_STARTS = 64
LITTLE_ENDIAN = b'\x00\x01'
"""First two bytes of a message that can be read."""


class DecodeError(ValueError):
    """A serialized message is damaged or lacks what is needed; the text is ``code: what``."""


def aligned(offset: int, size: int) -> int:
    """Return the first offset not before the given one that is aligned for elements of a size."""
    return BODY + (offset - BODY + size - 1) // size * size


def check_encapsulation(data: bytes) -> None:
    """Refuse anything but plain little-endian CDR."""
    if data[:2] != LITTLE_ENDIAN:
        raise DecodeError(f'encapsulation: {data[:4].hex()}, expected 0001 (CDR, little endian)')


def read_uint(data: bytes, offset: int) -> tuple[int, int]:
    """Return an aligned uint32 and the offset behind it."""
    offset = aligned(offset, 4)
    if offset + 4 > len(data):
        raise DecodeError(
            f'length: message ends at byte {len(data)}, expected {offset + 4} or more'
        )
    return _UINT.unpack_from(data, offset)[0], offset + 4


def skip_string(data: bytes, offset: int) -> tuple[int, int]:
    """Return where a string starts and the offset behind its terminating zero."""
    length, start = read_uint(data, offset)
    if start + length > len(data):
        raise DecodeError(f'length: string of {length} bytes at byte {start} of {len(data)}')
    return start, start + length


def read_strings(data: bytes, offset: int) -> tuple[tuple[str, ...], int]:
    """Return a sequence of strings and the offset behind it."""
    count, offset = read_uint(data, offset)
    if count * 4 > len(data) - offset:
        raise DecodeError(f'length: {count} strings in a message of {len(data)} bytes')
    strings = []
    for _ in range(count):
        start, offset = skip_string(data, offset)
        strings.append(data[start : max(start, offset - 1)].decode('utf-8', 'replace'))
    return tuple(strings), offset


def read_doubles(data: bytes, offset: int) -> tuple[int, int, int]:
    """Return count and start of a float64 sequence, and the offset behind it."""
    count, offset = read_uint(data, offset)
    if not count:
        return 0, offset, offset
    start = aligned(offset, 8)
    if start + 8 * count > len(data):
        raise DecodeError(f'length: {count} float64 at byte {start} of {len(data)}')
    return count, start, start + 8 * count


def read_stamp_ns(data: bytes) -> int:
    """Return the stamp of a message that begins with a Header, in [ns]."""
    if len(data) < BODY + 8:
        raise DecodeError(f'length: message of {len(data)} bytes, expected a header')
    seconds, nanoseconds = _STAMP.unpack_from(data, BODY)
    if seconds < 0 or nanoseconds >= 1_000_000_000:
        raise DecodeError(f'stamp: {seconds} s {nanoseconds} ns, expected a time from 0')
    return seconds * 1_000_000_000 + nanoseconds


class Fields:
    """Float64 values at a fixed distance behind the header of a message.

    Works for every message of the form Header, then some strings, then numbers only: Imu,
    Odometry, TwistStamped, PoseStamped; and, without header, Twist.
    """

    def __init__(
        self, *pieces: tuple[int, int], strings: int = 1, has_header: bool = True
    ) -> None:
        """Choose the values.

        Args:
            pieces: (first float64, count) behind the strings, in ascending order.
            strings: Number of strings in front of the numbers, the frame_id included.
            has_header: Whether the message begins with a Header.
        """
        end = 0
        layout = '<'
        for first, count in pieces:
            layout += f'{8 * (first - end)}x{count}d'
            end = first + count
        self._values = Struct(layout)
        self._strings = strings if has_header else 0
        self._starts: dict[bytes, int] = {}
        self._start = BODY + 8 if has_header else BODY

    def read(self, data: bytes) -> tuple[float, ...]:
        """Return the values, in the order of the message.

        Raises:
            DecodeError: If the message is too short or not little-endian CDR.
        """
        if data[:2] != LITTLE_ENDIAN:
            check_encapsulation(data)
        # where the first string ends is where the numbers start, if there is no other
        start = self._starts.get(data[self._start : self._start + 4], 0)
        if not start:
            start = self._find(data)
        if start + self._values.size > len(data):
            needed = start + self._values.size
            raise DecodeError(f'length: message of {len(data)} bytes, expected {needed} or more')
        return self._values.unpack_from(data, start)

    def _find(self, data: bytes) -> int:
        """Return where the numbers start."""
        offset = self._start
        for _ in range(self._strings):
            offset = skip_string(data, offset)[1]
        start = aligned(offset, 8)
        if self._strings == 1 and len(self._starts) < _MAX_STARTS:
            self._starts[data[self._start : self._start + 4]] = start
        return start


TWIST = Fields((0, 2), (5, 1), has_header=False)
"""linear x, linear y, angular z of a geometry_msgs/Twist."""
TWIST_STAMPED = Fields((0, 2), (5, 1))
"""The same of a geometry_msgs/TwistStamped."""
IMU = Fields((0, 5), (13, 3))
"""Orientation x, y, z, w, first element of its covariance, angular velocity of a
sensor_msgs/Imu.
"""
ODOMETRY_TWIST = Fields((43, 3), strings=2)
"""Linear velocity in the child frame of a nav_msgs/Odometry."""
POSE_STAMPED = Fields((0, 7))
"""Position x, y, z and orientation x, y, z, w of a geometry_msgs/PoseStamped."""


def read_floats(data: bytes) -> tuple[float, ...]:
    """Return the data of a std_msgs/Float32MultiArray.

    Raises:
        DecodeError: If the message is damaged.
    """
    check_encapsulation(data)
    num_dims, offset = read_uint(data, BODY)
    if num_dims * 12 > len(data) - offset:
        raise DecodeError(f'length: {num_dims} dimensions in a message of {len(data)} bytes')
    for _ in range(num_dims):
        offset = aligned(skip_string(data, offset)[1], 4) + 8
    _, offset = read_uint(data, offset)
    count, offset = read_uint(data, offset)
    if offset + 4 * count > len(data):
        raise DecodeError(f'length: {count} float32 at byte {offset} of {len(data)}')
    return unpack_from(f'<{count}f', data, offset)
