# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Store messages of compressed chunks, so that each chunk is decompressed once for all topics."""

from __future__ import annotations

import tempfile

from distill_runtime.core.arrays import IndexArray
from distill_runtime.wire.rows import read_numbers
import numpy as np

from .chunk import ByteArray

Contents = tuple[ByteArray, IndexArray, IndexArray]
"""Buffer, first byte and size of each message in it."""
_IN_MEMORY = 1 << 22  # bytes


class MessageStore:
    """Messages by key: the first megabytes in memory, more in a temporary file.

    If the disk is full it stores no more: a chunk of a missing key must be decompressed again.
    """

    def __init__(self) -> None:
        """Create an empty store."""
        self._file = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 - see close
        self._found: dict[tuple[int, int], tuple[int, int, int]] = {}
        self._end = 0
        self._is_full = False

    def close(self) -> None:
        """Delete the temporary file."""
        self._file.close()

    def save(self, key: tuple[int, int], contents: Contents) -> None:
        """Copy messages; do nothing if the key is known."""
        if key in self._found or self._is_full:
            return
        data, starts, sizes = contents
        if len(sizes) and (sizes == sizes[0]).all():
            content = read_numbers(data, starts, int(sizes[0]), np.uint8).tobytes()
        else:
            ends = (starts + sizes).tolist()
            content = b''.join(
                data[start:end].tobytes() for start, end in zip(starts.tolist(), ends, strict=True)
            )
        content = sizes.astype(np.int64).tobytes() + content
        try:
            self._file.seek(self._end)
            self._file.write(content)
        except OSError:
            self._is_full = True
            return
        self._found[key] = self._end, len(content), len(sizes)
        self._end += len(content)

    def load(self, key: tuple[int, int]) -> Contents | None:
        """Return messages; None if they are not stored."""
        if key not in self._found:
            return None
        offset, size, count = self._found[key]
        self._file.seek(offset)
        data = np.frombuffer(self._file.read(size), np.uint8)
        sizes = data[: 8 * count].view(np.int64).astype(np.intp)
        return data, 8 * count + np.cumsum(sizes) - sizes, sizes
