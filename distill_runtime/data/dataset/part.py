# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Write a part of a dataset: a Parquet file that is complete or is not there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
import contextlib
from dataclasses import dataclass
import fcntl
import json
import os
from pathlib import Path
import re
from types import TracebackType
from typing import Any, BinaryIO
import uuid

from distill_runtime.errors import DatasetError
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from .columns import Columns, is_vector, PartLayout, record_batch, STRINGS

METADATA_KEY = b'distill_runtime'
"""Key of the facts in the metadata of the Parquet file, as JSON."""


def part_path(folder: Path, key: str) -> Path:
    """Return the file of a part.

    Args:
        folder: Of the dataset.
        key: What makes the part, such as a hash of bag, teachers and options.
    """
    if not re.fullmatch(r'[A-Za-z0-9_-]{1,128}', key):
        raise DatasetError(f'key {key!r} is not a file name, expected letters, digits, _ and -')
    return folder / f'part-{key}.parquet'


class PartWriter:
    """Writes rows under a temporary name, which close() replaces by the name of the part.

    Leaving the context without close(), as an exception does, removes the file. The bytes of a
    part depend on its rows and facts alone.
    """

    def __init__(self, folder: Path, key: str, layout: PartLayout) -> None:
        """Create the temporary file.

        Args:
            folder: Of the dataset.
            key: See part_path.
            layout: Widths of the columns.

        Raises:
            DatasetError: If the file cannot be created.
        """
        self._path = part_path(folder, key)
        self._schema = layout.schema()
        self._group_rows = layout.group_rows()
        self._pending: list[pa.RecordBatch] = []
        self._num_pending = 0
        self._counts: Counter[str] = Counter()
        self._reasons: Counter[str] = Counter()
        with _writing(self._path):
            self._temporary, self._file = temporary_file(self._path)
            floats = [
                f'{column.name}.list.element' if is_vector(column.type) else column.name
                for column in self._schema
                if is_vector(column.type) or pa.types.is_floating(column.type)
            ]
            self._writer = pq.ParquetWriter(
                self._file,
                self._schema,
                compression='zstd',
                use_dictionary=list(STRINGS),
                use_byte_stream_split=floats,
                write_statistics=[
                    column.name for column in self._schema if not is_vector(column.type)
                ],
            )

    def __enter__(self) -> PartWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._abort()

    def write(self, columns: Columns) -> None:
        """Add rows; the arrays may be reused after the call.

        Args:
            columns: See record_batch. The arrays of one call have one width per column, also
                where the width of the column is variable: call it once per teacher.

        Raises:
            ShapeError: If a column is missing, unknown, or not of its shape.
            DatasetError: If the file cannot be written, such as on a full disk.
        """
        batch = record_batch(self._schema, columns)
        valid = batch.column('valid').to_numpy(zero_copy_only=False)
        self._counts['rows'] += len(valid)
        self._counts['valid'] += int(np.count_nonzero(valid))
        self._reasons.update(batch.column('reason').filter(pa.array(~valid)).to_pylist())
        self._pending.append(batch)
        self._num_pending += len(valid)
        if self._num_pending >= self._group_rows:
            table = pa.Table.from_batches(self._pending)
            count = len(table) - len(table) % self._group_rows
            self._write(table.slice(0, count))
            self._pending = table.slice(count).to_batches()
            self._num_pending = len(table) - count

    def close(self, facts: Mapping[str, object]) -> Path:
        """Finish the part: write the rest and the facts, sync to disk, rename.

        Args:
            facts: Facts of the part for JSON, with at least `bag`; `rows`, `valid` and `reasons`
                are added: the number of rows, of valid rows, and of invalid rows per reason.

        Returns:
            The file.

        Raises:
            DatasetError: If the file cannot be written; nothing is left of it.
        """
        counts = {'rows': 0, 'valid': 0, **self._counts, 'reasons': dict(self._reasons)}
        text = json.dumps({**facts, **counts}, sort_keys=True, allow_nan=False)
        try:
            if self._num_pending:
                self._write(pa.Table.from_batches(self._pending))
            with _writing(self._path):
                self._writer.add_key_value_metadata({METADATA_KEY: text})
                self._writer.close()
                self._file.flush()
                os.fsync(self._file.fileno())
                os.replace(self._temporary, self._path)
                _sync_folder(self._path.parent)
        finally:
            self._abort()
        return self._path

    def _write(self, table: pa.Table) -> None:
        with _writing(self._path):
            self._writer.write_table(table, row_group_size=self._group_rows)

    def _abort(self) -> None:
        """Remove the temporary file, if it has not been renamed."""
        self._pending = []
        with contextlib.suppress(OSError, ValueError, pa.ArrowException):
            self._writer.close()
        with contextlib.suppress(OSError):
            self._file.close()
        with contextlib.suppress(FileNotFoundError):
            self._temporary.unlink()


@contextlib.contextmanager
def _writing(path: Path) -> Iterator[None]:
    """Translate the errors of writing a file."""
    try:
        yield
    except (OSError, pa.ArrowException) as error:
        reason = getattr(error, 'strerror', None) or error
        raise DatasetError(f'{path} cannot be written: {reason}') from error


def temporary_file(path: Path) -> tuple[Path, BinaryIO]:
    """Create a file to rename to path; its lock tells remove_leftovers that it is in use."""
    while True:
        temporary = path.with_name(f'.{path.name}.{uuid.uuid4().hex[:12]}.tmp')
        file = temporary.open('xb')
        fcntl.flock(file, fcntl.LOCK_EX)
        if os.fstat(file.fileno()).st_nlink:
            return temporary, file
        file.close()  # it was removed before it was locked


def remove_leftovers(folder: Path) -> None:
    """Remove the temporary files of writers that no longer run."""
    for path in folder.glob('.*.tmp'):
        with contextlib.suppress(OSError), path.open('rb') as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink()


def _sync_folder(folder: Path) -> None:
    """Make the new name of a file durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@dataclass(frozen=True, kw_only=True)
class Part:
    """A complete part, as its file describes it."""

    path: Path
    key: str
    bag: str
    facts: Mapping[str, Any]
    """What was passed to PartWriter.close, with `rows`, `valid` and `reasons`."""


def read_part(path: Path) -> Part:
    """Read the facts of a part.

    Raises:
        DatasetError: If the file is damaged, or is not a part.
    """
    try:
        metadata = pq.read_metadata(path).metadata or {}
    except (OSError, pa.ArrowException) as error:
        raise DatasetError(f'{path} cannot be read: {error}') from error
    try:
        facts = json.loads(metadata[METADATA_KEY])
        bag = facts['bag']
    except (KeyError, ValueError, TypeError) as error:
        raise DatasetError(
            f'{path} has no facts of distill_runtime, expected a part of a dataset'
        ) from error
    return Part(path=path, key=path.stem.removeprefix('part-'), bag=bag, facts=facts)


def find_parts(folder: Path) -> list[Part]:
    """Return all parts of a dataset, by name of the bag, then by key.

    Raises:
        DatasetError: If one cannot be read.
    """
    parts = [read_part(path) for path in folder.glob('part-*.parquet')]
    return sorted(parts, key=lambda part: (part.bag, part.key))
