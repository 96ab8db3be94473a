# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Serialized messages of one topic by the thousand, as rows of bytes.

Most messages of a topic have the same layout: what differs from one to the next is numbers. So
what stands at one place in all messages of a size is taken from all of them at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from distill_runtime.core.arrays import IndexArray
import numpy as np
import numpy.typing as npt

BoolArray = npt.NDArray[np.bool_]
ByteArray = npt.NDArray[np.uint8]
StampArray = npt.NDArray[np.int64]
"""Times in [ns], shape (N,)."""
SIZE = 4096
"""Messages that are put into one chunk where nothing else decides."""


class Chunk(NamedTuple):
    """Some messages in a row, each serialized as CDR."""

    receive_ns: StampArray
    """Shape (N,)."""
    data: ByteArray
    """Bytes in which the messages lie."""
    starts: IndexArray
    """Of the messages in data, shape (N,)."""
    sizes: IndexArray
    """LayoutGroup."""

    def content(self, place: int) -> bytes:
        """Return one message."""
        start = int(self.starts[place])
        return self.data[start : start + int(self.sizes[place])].tobytes()

    def part(self, places: slice | IndexArray) -> Chunk:
        """Return some of the messages."""
        return Chunk(self.receive_ns[places], self.data, self.starts[places], self.sizes[places])


def joined(received: Sequence[int], contents: Sequence[bytes]) -> Chunk:
    """Make a chunk of single messages."""
    sizes = np.fromiter(map(len, contents), np.intp, len(contents))
    return Chunk(
        np.array(received, np.int64),
        np.frombuffer(b''.join(contents), np.uint8),
        np.cumsum(sizes) - sizes,
        sizes,
    )


def by_size(chunk: Chunk) -> Iterator[IndexArray]:
    """Yield which messages have the same size, size by size."""
    sizes = chunk.sizes
    if len(sizes) and (sizes == sizes[0]).all():
        yield np.arange(len(sizes))
        return
    for size in np.unique(sizes).tolist():
        yield np.flatnonzero(sizes == size)


def pieces(data: ByteArray, starts: IndexArray, size: int) -> npt.NDArray[np.void]:
    """Return as many bytes from each of some places, each as one element; all lie in data.

    Elements are compared and copied as a whole, which is many times faster than byte by byte.
    """
    kind = np.dtype((np.void, size))
    if not size:
        return np.zeros(len(starts), kind)
    every = np.ndarray((len(data) - size + 1,), kind, data.data, strides=(1,))
    return every[starts]


def numbers(
    data: ByteArray, starts: IndexArray, count: int, dtype: npt.DTypeLike
) -> npt.NDArray[Any]:
    """Return as many numbers from each of some places, shape (n, count)."""
    if not count:
        return np.zeros((len(starts), 0), dtype)
    found = pieces(data, starts, np.dtype(dtype).itemsize * count)
    return found.view(dtype).reshape(len(starts), count)
