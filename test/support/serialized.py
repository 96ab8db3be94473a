# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Serialized messages, whole and damaged."""

from __future__ import annotations

from distill_runtime.wire.cdr import DecodeError
from hypothesis import strategies as st
from rclpy.serialization import serialize_message


def outcome(read, message):
    """Return what is read of a message, or the DecodeError."""
    try:
        return read(message)
    except DecodeError as error:
        return error


def cut_short(data):
    """Yield every proper prefix of a message."""
    for end in range(len(data)):
        yield data[:end]


def spoilt(message):
    """Return a strategy of damaged copies: bytes replaced, cut, or appended."""
    data = serialize_message(message)
    changes = st.lists(st.tuples(st.integers(0, len(data) - 1), st.integers(0, 255)), max_size=6)
    # lengths and counts are where damage hurts most: words of small and of huge numbers
    words = st.lists(
        st.tuples(
            st.integers(0, len(data) // 4 - 1),
            st.sampled_from([0, 1, 2, 3, 5, 100, 2**16, 2**29, 2**31, 2**32 - 1]),
        ),
        max_size=2,
    )
    ends = st.one_of(st.just(len(data)), st.integers(0, len(data)))
    return st.builds(_damage, st.just(data), changes, words, ends, st.binary(max_size=12))


def _damage(data, changes, words, end, tail):
    damaged = bytearray(data)
    for index, value in changes:
        damaged[index] = value
    for index, value in words:
        damaged[4 * index : 4 * index + 4] = value.to_bytes(4, 'little')
    return bytes(damaged[:end] + tail)
