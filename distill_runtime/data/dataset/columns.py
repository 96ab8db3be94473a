# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""The columns of a dataset part: names, types, and arrays of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from distill_runtime.errors import ShapeError
import numpy as np
import numpy.typing as npt
import pyarrow as pa

Columns = Mapping[str, npt.ArrayLike]
"""A column per name; one value stands for all rows."""

MAX_GROUP_ROWS = 2**16
_MAX_GROUP_BYTES = 2**24
STRINGS = ('bag', 'teacher', 'teacher_sha256', 'reason')
_SCALARS = {
    'bag': pa.string(),
    'step': pa.int64(),
    'stamp_ns': pa.int64(),
    'mode': pa.int8(),
    'teacher': pa.string(),
    'teacher_sha256': pa.string(),
    'valid': pa.bool_(),
    'reason': pa.string(),
    'chosen': pa.bool_(),
    'weight': pa.float32(),
    'warm_up': pa.bool_(),
    'saturated': pa.bool_(),
    'limited': pa.bool_(),
    'student_ran': pa.bool_(),
}


@dataclass(frozen=True, kw_only=True)
class PartLayout:
    """The widths of the vectors of a part; a width of None differs from teacher to teacher."""

    observation: int
    """Of the student."""
    action: int
    """Of the student."""
    command: int
    """Number of joints of the student: of command and label_target."""
    label: int | None
    extra: Mapping[str, int | None] = field(default_factory=dict)
    """Columns that only some datasets have, such as label_std, label_logits, feature_0, and
    velocity_command (vx, vy, yaw rate in [m/s, m/s, rad/s]) and student_target (as label_target).
    """
    half_features: bool = False
    """Whether columns named feature_... are float16; else they are float32."""

    def schema(self) -> pa.Schema:
        """Return the columns in the order of the file."""
        feature = pa.float16() if self.half_features else pa.float32()
        floats = {'student_target': pa.float64()}
        vectors = {
            'observation': (pa.float32(), self.observation),
            'action': (pa.float32(), self.action),
            'command': (pa.float64(), self.command),
            'label': (pa.float32(), self.label),
            'label_target': (pa.float64(), self.command),
            **{
                name: (
                    feature if name.startswith('feature_') else floats.get(name, pa.float32()),
                    width,
                )
                for name, width in self.extra.items()
            },
        }
        types = dict(_SCALARS)
        for name, (element, width) in vectors.items():
            types[name] = pa.list_(
                pa.field('element', element, nullable=False), -1 if width is None else width
            )
        return pa.schema([pa.field(name, kind, nullable=False) for name, kind in types.items()])

    def group_rows(self) -> int:
        """Return the number of rows of a row group: 64k, or fewer where rows are long.

        It depends on the layout alone, and so do the bytes of a part on its rows alone.
        """
        row_bytes = sum(_element_bytes(kind) for kind in self.schema().types)
        return max(1, min(MAX_GROUP_ROWS, _MAX_GROUP_BYTES // row_bytes))


def is_vector(kind: pa.DataType) -> bool:
    """Whether a column holds a vector per row."""
    return pa.types.is_fixed_size_list(kind) or pa.types.is_list(kind)


def _element_bytes(kind: pa.DataType) -> int:
    """Return the size of one row, in [byte]; vectors of variable width and texts count little."""
    if is_vector(kind):
        width = kind.list_size if pa.types.is_fixed_size_list(kind) else 16
        return width * (kind.value_type.bit_width // 8)
    return 4 if pa.types.is_string(kind) else max(1, kind.bit_width // 8)


def record_batch(schema: pa.Schema, columns: Columns) -> pa.RecordBatch:
    """Return rows to write; the arrays are copied.

    Args:
        schema: See PartLayout.
        columns: Numbers and texts, shape (n,) or (), and vectors, shape (n, width). Extra vectors
            may be absent: they become NaN, or empty where their width is variable.

    Raises:
        ShapeError: If a column is missing, unknown, or not of its shape.
    """
    unknown = sorted(columns.keys() - set(schema.names))
    if unknown:
        raise ShapeError(f'columns {unknown} are unknown, expected some of {schema.names}')
    count = len(np.asarray(columns['stamp_ns']))
    return pa.RecordBatch.from_arrays(
        [_array(column, columns, count) for column in schema], schema=schema
    )


def _array(column: pa.Field, columns: Columns, count: int) -> pa.Array:
    name, kind = column.name, column.type
    values = columns.get(name)
    if is_vector(kind):
        return _vectors(name, kind, values, count)
    if values is None:
        raise ShapeError(f'column {name} is missing')
    if pa.types.is_string(kind) and isinstance(values, str):
        return pa.repeat(pa.scalar(values, kind), count)
    array = np.asarray(values, None if pa.types.is_string(kind) else kind.to_pandas_dtype())
    if array.shape not in ((), (count,)):
        raise ShapeError(f'column {name} has shape {array.shape}, expected ({count},)')
    return pa.array(np.array(np.broadcast_to(array, count)), kind)


def _vectors(name: str, kind: pa.DataType, values: npt.ArrayLike | None, count: int) -> pa.Array:
    is_fixed = pa.types.is_fixed_size_list(kind)
    dtype = kind.value_type.to_pandas_dtype()
    if values is None:
        array = np.full((count, kind.list_size if is_fixed else 0), np.nan, dtype)
    else:
        array = np.array(values, dtype, order='C')
    width = kind.list_size if is_fixed else array.shape[-1]
    if array.shape != (count, width):
        raise ShapeError(f'column {name} has shape {array.shape}, expected ({count}, {width})')
    elements = pa.array(array.ravel())
    if is_fixed:
        return pa.FixedSizeListArray.from_arrays(elements, type=kind)
    offsets = pa.array(np.arange(count + 1, dtype=np.int32) * np.int32(width))
    return pa.ListArray.from_arrays(offsets, elements, type=kind)
