# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Serialized messages of one topic by the thousand, as rows of bytes.

Most messages of a topic have the same layout: what differs from one to the next is numbers. So
messages of one size are put below one another in a matrix of bytes, and a number of all of them is
a slice of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from distill_runtime.core.arrays import IndexArray
import numpy as np
import numpy.typing as npt

ByteArray = npt.NDArray[np.uint8]
SIZE = 4096
"""Messages that are put into one block where nothing else decides."""


class Block(NamedTuple):
    """Some messages in a row, each serialized as CDR."""

    receive_ns: npt.NDArray[np.int64]
    """Shape (N,)."""
    data: ByteArray
    """Bytes in which the messages lie."""
    starts: IndexArray
    """Of the messages in data, shape (N,)."""
    sizes: IndexArray
    """Alike."""

    def content(self, place: int) -> bytes:
        """Return one message."""
        start = int(self.starts[place])
        return self.data[start : start + int(self.sizes[place])].tobytes()


class Rows(NamedTuple):
    """Messages of a block that have one size."""

    places: IndexArray
    """Which they are, shape (n,)."""
    data: ByteArray
    """Shape (n, size)."""


def joined(received: Sequence[int], contents: Sequence[bytes]) -> Block:
    """Make a block of single messages."""
    sizes = np.fromiter(map(len, contents), np.intp, len(contents))
    return Block(
        np.array(received, np.int64),
        np.frombuffer(b''.join(contents), np.uint8),
        np.cumsum(sizes) - sizes,
        sizes,
    )


def by_size(block: Block) -> Iterator[Rows]:
    """Yield the messages of each size."""
    for size in np.unique(block.sizes).tolist():
        places = np.flatnonzero(block.sizes == size)
        if size:
            yield Rows(places, windows(block.data, block.starts[places], size))
        else:
            yield Rows(places, np.zeros((len(places), 0), np.uint8))


def windows(data: ByteArray, starts: IndexArray, size: int) -> ByteArray:
    """Return as many bytes from each of some places, shape (n, size); all lie in data."""
    view = np.lib.stride_tricks.as_strided(
        data, (len(data) - size + 1, size), data.strides * 2, writeable=False
    )
    return view[starts]


def numbers(data: ByteArray, start: int, count: int, dtype: str) -> npt.NDArray[np.generic]:
    """Return numbers that stand at one place in all rows, shape (n, count).

    Args:
        data: Rows of bytes.
        start: First byte.
        count: How many numbers.
        dtype: Of the numbers, with its byte order.
    """
    size = np.dtype(dtype).itemsize * count
    return np.ascontiguousarray(data[:, start : start + size]).view(dtype)
