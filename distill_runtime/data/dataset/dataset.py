# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Read a dataset as arrays: batch by batch, or whole columns."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from distill_runtime.errors import ConfigError, DatasetError
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from .columns import is_vector, STRINGS
from .manifest import read_manifest
from .part import Part

Batch = dict[str, npt.NDArray[Any]]
"""An array per column, one row per tick and teacher. Numbers have shape (n,), vectors (n, width),
texts (n,) of objects. A vector whose width differs within the batch is an array (n,) of arrays.
"""


@dataclass(frozen=True, kw_only=True)
class Selection:
    """Which rows to read."""

    bags: Collection[str] | None = None
    """Names of the bags; None: all."""
    teacher: str = ''
    """Name of a teacher, or the beginning of its sha256; '': all."""
    valid: bool | None = None
    """True: valid rows only, False: invalid ones only, None: all."""
    chosen: bool | None = None
    """The same for rows of the teacher that the rules chose."""


ALL = Selection()


class Dataset:
    """The parts of a dataset as one table.

    Attributes:
        student: Facts of the student, with `name`, `sha256` and `spec`.
        teachers: The same of each teacher.
        facts: Facts that concern all parts, such as rules and versions.
        parts: The files, with their facts, by name of the bag.
    """

    def __init__(self, folder: Path | str) -> None:
        """Read the facts.

        Args:
            folder: Of the dataset.

        Raises:
            DatasetError: If it is not a dataset, or cannot be read.
        """
        self.folder = Path(folder).expanduser()
        manifest = read_manifest(self.folder)
        self.student = manifest.student
        self.teachers = manifest.teachers
        self.facts = manifest.facts
        self.parts = manifest.parts

    def bags(self) -> list[str]:
        """Return the names of the bags, sorted; one is an episode, to split by in training."""
        return sorted({part.bag for part in self.parts})

    def column_names(self) -> list[str]:
        """Return the columns that all parts have, in the order of the file."""
        names = [_open(part).schema_arrow.names for part in self.parts]
        return (
            [name for name in names[0] if all(name in other for other in names)] if names else []
        )

    def batches(self, columns: Sequence[str], selection: Selection = ALL) -> Iterator[Batch]:
        """Yield the rows in order, by part and row group: at most 64k rows at a time.

        Where all rows of a row group are selected, numbers and vectors of fixed width are
        read-only views of what was read.

        Args:
            columns: Names of the columns.
            selection: Which rows.

        Raises:
            ConfigError: If a column, bag or teacher is unknown.
            DatasetError: If a part cannot be read.
        """
        accepted = self._accepted(selection)
        for part in self._parts_of(selection.bags):
            yield from _read(part, columns, accepted)

    def load(self, columns: Sequence[str], selection: Selection = ALL) -> Batch:
        """Return whole columns; see batches for arguments and errors.

        Raises:
            ConfigError: If the width of a vector differs between the selected rows, too.
        """
        parts = self._parts_of(selection.bags)
        count = sum(_open(part).metadata.num_rows for part in parts)
        loaded: Batch = {}
        end = 0
        for batch in self.batches(columns, selection):
            begin, end = end, end + len(next(iter(batch.values())))
            for name, values in batch.items():
                if name not in loaded:  # memory that is never written costs nothing
                    loaded[name] = np.empty((count, *values.shape[1:]), values.dtype)
                if loaded[name].shape[1:] != values.shape[1:] or (
                    values.dtype == object and name not in STRINGS
                ):
                    raise ConfigError(
                        f'{name} differs in width between teachers, expected one: select a teacher'
                    )
                loaded[name][begin:end] = values
        if not loaded:
            if not parts:
                raise ConfigError(f'{self.folder} has no parts, expected a dataset with rows')
            schema = _open(parts[0]).schema_arrow
            empty = schema.empty_table()
            return {name: _array(empty.column(name)) for name in columns}
        return {name: values[:end] for name, values in loaded.items()}

    def _parts_of(self, bags: Collection[str] | None) -> Sequence[Part]:
        if bags is None:
            return self.parts
        unknown = sorted(set(bags) - set(self.bags()))
        if unknown:
            raise ConfigError(f'bags {unknown} are not in {self.folder}, which has {self.bags()}')
        return [part for part in self.parts if part.bag in bags]

    def _accepted(self, selection: Selection) -> dict[str, list[Any]]:
        """Return the accepted values per column that the selection concerns."""
        accepted: dict[str, list[Any]] = {
            name: [value]
            for name, value in (('valid', selection.valid), ('chosen', selection.chosen))
            if value is not None
        }
        if selection.teacher:
            accepted['teacher_sha256'] = [
                teacher['sha256']
                for teacher in self.teachers
                if selection.teacher == teacher['name']
                or str(teacher['sha256']).startswith(selection.teacher)
            ]
            if not accepted['teacher_sha256']:
                names = [teacher['name'] for teacher in self.teachers]
                raise ConfigError(
                    f'teacher {selection.teacher!r} is unknown, expected one of {names}'
                )
        return accepted


def _open(part: Part) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(part.path, memory_map=True, read_dictionary=list(STRINGS))
    except (OSError, pa.ArrowException) as error:
        raise DatasetError(f'{part.path} cannot be read: {error}') from error


def _read(part: Part, columns: Sequence[str], accepted: dict[str, list[Any]]) -> Iterator[Batch]:
    """Yield the accepted rows of a part, one batch per row group."""
    file = _open(part)
    unknown = sorted(set(columns) - set(file.schema_arrow.names))
    if unknown:
        raise ConfigError(
            f'columns {unknown} are not in {part.path}, which has {file.schema_arrow.names}'
        )
    for group in range(file.num_row_groups):
        try:
            table = file.read_row_group(group, [*{*columns, *accepted}])
        except (OSError, pa.ArrowException) as error:
            raise DatasetError(f'{part.path} cannot be read: {error}') from error
        selected = np.logical_and.reduce(
            [np.isin(_array(table.column(name)), values) for name, values in accepted.items()]
        )
        if not np.all(selected):
            table = table.filter(pa.array(selected))
        if len(table):
            yield {name: _array(table.column(name)) for name in columns}


def _array(column: pa.ChunkedArray) -> npt.NDArray[Any]:
    """Return a column of a row group, see Batch."""
    array = column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
    if pa.types.is_dictionary(array.type):
        texts = np.array(array.dictionary.to_pylist(), object)
        return texts[array.indices.to_numpy()]
    if not is_vector(array.type):
        return array.to_numpy(zero_copy_only=False)
    elements = array.flatten().to_numpy()
    if pa.types.is_fixed_size_list(array.type):
        return elements.reshape(-1, array.type.list_size)
    offsets = array.offsets.to_numpy()
    widths = np.diff(offsets)
    if not len(widths) or (widths == widths[0]).all():
        return elements.reshape(len(widths), -1 if len(elements) else 0)
    rows = np.empty(len(array), object)
    rows[:] = np.split(elements, offsets[1:-1] - offsets[0])
    return rows
