# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Store rows of numbers: the first megabytes in memory, more on disk."""

from __future__ import annotations

from abc import ABC, abstractmethod
import tempfile
from typing import Any
import weakref

from distill_runtime.core.arrays import Float32Array, IndexArray
from distill_runtime.errors import RecordingError
import numpy as np

_IN_MEMORY = 1 << 22  # bytes
_DENSE = 4  # rows that are at most so far apart on average are read at once


class _Rows(ABC):
    """Rows of float32 that are read by slices."""

    shape: tuple[int, int]
    """Number of rows, width."""

    def __len__(self) -> int:
        return self.shape[0]

    @abstractmethod
    def __getitem__(self, rows: slice) -> Float32Array:
        """Return consecutive rows."""

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Float32Array:  # noqa: ANN401
        return np.array(self[:], dtype)


class RowStore(_Rows):
    """Rows to which more are appended."""

    def __init__(self, width: int) -> None:
        self.shape = (0, width)
        self._file = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 - lives on
        weakref.finalize(self, self._file.close)

    def append(self, rows: Float32Array) -> None:
        """Add rows, shape (n, width).

        Raises:
            RecordingError: If the disk is full.
        """
        try:
            self._file.seek(0, 2)
            self._file.write(np.ascontiguousarray(rows, np.float32).tobytes())
        except OSError as error:
            raise RecordingError(
                f'{tempfile.gettempdir()} cannot hold the temporary file of a replay: {error}: '
                'set TMPDIR to a folder with room'
            ) from error
        self.shape = (self.shape[0] + len(rows), self.shape[1])

    def __getitem__(self, rows: slice) -> Float32Array:
        start, stop, _ = rows.indices(len(self))
        size = 4 * self.shape[1]
        self._file.seek(start * size)
        content = self._file.read(max(0, stop - start) * size)
        return np.frombuffer(content, np.float32).reshape(-1, self.shape[1])

    def take(self, rows: IndexArray) -> Float32Array:
        """Return some rows, shape (n, width)."""
        if not len(rows):
            return np.zeros((0, self.shape[1]), np.float32)
        first, last = int(rows.min()), int(rows.max())
        if last - first < _DENSE * len(rows):
            return self[first : last + 1][rows - first]
        return np.concatenate([self[row : row + 1] for row in rows.tolist()])


class Picked(_Rows):
    """Rows of a store by their index, NaN where that is negative."""

    def __init__(self, values: RowStore, rows: IndexArray) -> None:
        self.shape = (len(rows), values.shape[1])
        self._values = values
        self._rows = rows

    def __getitem__(self, chosen: slice) -> Float32Array:
        rows = self._rows[chosen]
        found = np.full((len(rows), self.shape[1]), np.nan, np.float32)
        found[rows >= 0] = self._values.take(rows[rows >= 0])
        return found
