# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Chunks of up to some thousand serialized messages of one topic."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from distill_runtime.core.arrays import IndexArray, StampArray
import numpy as np
import numpy.typing as npt

ByteArray = npt.NDArray[np.uint8]
CHUNK_SIZE = 4096
"""Messages of a chunk where the file does not decide."""


class Chunk(NamedTuple):
    """Consecutive serialized messages of one topic."""

    receive_ns: StampArray
    """Shape (N,)."""
    data: ByteArray
    """Buffer with the messages."""
    starts: IndexArray
    """First byte of each message in data, shape (N,)."""
    sizes: IndexArray
    """Of the messages in [byte], shape (N,)."""

    def content(self, index: int) -> bytes:
        """Return one message."""
        start = int(self.starts[index])
        return self.data[start : start + int(self.sizes[index])].tobytes()

    def take(self, index: slice | IndexArray) -> Chunk:
        """Return some of the messages; data is shared."""
        return Chunk(self.receive_ns[index], self.data, self.starts[index], self.sizes[index])


def one_line(error: Exception) -> str:
    """Return the text of an error of another library on one line; its type if it has none."""
    return ' '.join(str(error).split()) or type(error).__name__


def make_chunk(receive_ns: Sequence[int], contents: Sequence[bytes]) -> Chunk:
    """Copy single messages into one chunk."""
    sizes = np.fromiter(map(len, contents), np.intp, len(contents))
    return Chunk(
        np.array(receive_ns, np.int64),
        np.frombuffer(b''.join(contents), np.uint8),
        np.cumsum(sizes) - sizes,
        sizes,
    )
