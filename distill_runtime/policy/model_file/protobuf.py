# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Read the fields of a protobuf message without a schema and without copies.

Used to inspect an ONNX file before onnxruntime opens it; robots do not have the library onnx.
"""

from __future__ import annotations

from collections.abc import Iterator

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_SIZES = {_FIXED64: 8, _FIXED32: 4}


def fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Yield number and value of each field: an integer, or the bytes of anything longer.

    Raises:
        ValueError: If it is not a protobuf message.
    """
    offset, end = 0, len(message)
    while offset < end:
        key, offset = _varint(message, offset)
        kind = key & 7
        if kind == _VARINT:
            value, offset = _varint(message, offset)
            yield key >> 3, value
            continue
        if kind == _BYTES:
            size, offset = _varint(message, offset)
        elif kind in _SIZES:
            size = _SIZES[kind]
        else:
            raise ValueError(f'byte {offset} has a field of type {kind}')
        if size > end - offset:
            raise ValueError(f'a field of {size} bytes ends after byte {end}')
        yield key >> 3, message[offset : offset + size]
        offset += size


def _varint(message: memoryview, offset: int) -> tuple[int, int]:
    """Return an integer and the offset after it."""
    value = 0
    for shift in range(0, 70, 7):
        if offset >= len(message):
            raise ValueError('an integer is truncated')
        byte = message[offset]
        offset += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, offset
    raise ValueError('an integer is longer than 10 bytes')


def bytes_field(number: int, value: bytes) -> bytes:
    """Encode a field of bytes."""
    return _encoded(number << 3 | _BYTES) + _encoded(len(value)) + value


def _encoded(value: int) -> bytes:
    """Encode an integer as a varint."""
    parts = bytearray()
    while value >= 0x80:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    parts.append(value)
    return bytes(parts)
