# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Serialize a message once; a tick then changes only its numbers."""

from __future__ import annotations

from struct import pack, pack_into
from typing import Any

import numpy as np
import numpy.typing as npt

from .cdr import aligned


class PreparedMessage:
    """Builds a message field by field, then publishes it repeatedly with new numbers.

    The views of arrays point into the message: writing to one changes the message.
    """

    def __init__(self) -> None:
        """Write the encapsulation header: CDR, little endian."""
        self._data = bytearray(b'\x00\x01\x00\x00')
        self._views: list[tuple[int, str, int]] = []
        self._stamp_at = -1

    def header(self) -> PreparedMessage:
        """Add a Header with an empty frame_id."""
        self._stamp_at = self._pad(4)
        self._data += bytes(8)
        return self.string('')

    def uint(self, value: int) -> PreparedMessage:
        """Add a uint32."""
        self._pad(4)
        self._data += pack('<I', value)
        return self

    def string(self, value: str) -> PreparedMessage:
        """Add a string."""
        encoded = value.encode() + b'\x00'
        self.uint(len(encoded))
        self._data += encoded
        return self

    def strings(self, values: tuple[str, ...]) -> PreparedMessage:
        """Add a sequence of strings."""
        self.uint(len(values))
        for value in values:
            self.string(value)
        return self

    def array(self, dtype: str, count: int) -> PreparedMessage:
        """Add a sequence of count zeros; views returns it as the next array."""
        self.uint(count)
        if count:
            start = self._pad(np.dtype(dtype).itemsize)
            self._data += bytes(np.dtype(dtype).itemsize * count)
            self._views.append((start, dtype, count))
        return self

    def segments(self, *segments: tuple[str, int]) -> PreparedMessage:
        """Add a MultiArrayLayout that labels the consecutive segments of a vector.

        Each segment is one dimension, whose size and stride are its length. The offset is 0.
        """
        self.uint(len(segments))
        for label, size in segments:
            self.string(label).uint(size).uint(size)
        return self.uint(0)

    def views(self) -> tuple[npt.NDArray[Any], ...]:
        """Return the arrays, in the order they were added; after this the message cannot grow."""
        return tuple(
            np.frombuffer(self._data, dtype, count, start) for start, dtype, count in self._views
        )

    def stamp(self, stamp_ns: int) -> None:
        """Set the stamp of the header."""
        pack_into('<iI', self._data, self._stamp_at, *divmod(stamp_ns, 1_000_000_000))

    def message(self) -> bytes:
        """Return the message with its current numbers."""
        return bytes(self._data)

    def _pad(self, size: int) -> int:
        """Align, and return the offset of the next element."""
        start = aligned(len(self._data), size)
        self._data += bytes(start - len(self._data))
        return start
