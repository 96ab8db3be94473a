# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Tensors of a .safetensors file: a JSON header with types, shapes and offsets, then the bytes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
import json
import math

from distill_runtime.errors import ConfigError
import numpy as np

from .mapping import shown

MAX_BYTES = 64 * 2**20
_LENGTH = 8
_F32 = 4
"""Bytes of a float32."""


@dataclass(frozen=True, kw_only=True)
class Tensor:
    """One tensor of a file."""

    dtype: str
    """As the file calls it: F32, I64, ..."""
    shape: tuple[int, ...]
    content: bytes

    def floats(self) -> tuple[float, ...]:
        """Return the elements of a float32 tensor, in the order of a flattened C array.

        Raises:
            ConfigError: If it is of another type.
        """
        if self.dtype != 'F32':
            raise ConfigError(f'type is {self.dtype}, expected F32')
        return tuple(np.frombuffer(self.content, '<f4').tolist())


def parse_safetensors(content: bytes) -> dict[str, Tensor]:
    """Return the tensors of a file by their names.

    Args:
        content: The whole file, not larger than 64 MiB.

    Raises:
        ConfigError: If it is no such file.
    """
    if len(content) > MAX_BYTES:
        raise ConfigError(f'file has {len(content)} bytes, expected at most {MAX_BYTES}')
    length = int.from_bytes(content[:_LENGTH], 'little')
    start = _LENGTH + length
    if len(content) < _LENGTH or start > len(content):
        raise ConfigError(f'file has {len(content)} bytes, expected a header of {length} bytes')
    try:
        header = json.loads(content[_LENGTH:start])
    except (ValueError, RecursionError) as error:
        raise ConfigError(f'header is not JSON: {error}') from error
    if not isinstance(header, Mapping):
        raise ConfigError(f'header is {shown(header)}, expected a mapping')
    return {
        str(name): _tensor(str(name), entry, memoryview(content)[start:])
        for name, entry in header.items()
        if name != '__metadata__'
    }


def _tensor(name: str, entry: object, body: memoryview) -> Tensor:
    values = entry if isinstance(entry, Mapping) else {}
    dtype, shape, offsets = (values.get(key) for key in ('dtype', 'shape', 'data_offsets'))
    if not isinstance(shape, list) or not isinstance(offsets, list) or len(offsets) != 2:
        raise ConfigError(
            f'tensor {name!r} is {shown(entry)}, expected dtype, shape and data_offsets'
        )
    begin, end = offsets
    if not all(isinstance(size, int) and 0 <= size <= MAX_BYTES for size in [*shape, *offsets]):
        raise ConfigError(f'tensor {name!r} has shape {shown(shape)} at {shown(offsets)}')
    if not begin <= end <= len(body):
        raise ConfigError(
            f'tensor {name!r} lies at bytes {begin} to {end}, expected within {len(body)}'
        )
    if dtype == 'F32' and end - begin != _F32 * math.prod(shape):
        raise ConfigError(
            f'tensor {name!r} of shape {shape} has {end - begin} bytes, expected '
            f'{_F32 * math.prod(shape)}'
        )
    return Tensor(dtype=str(dtype), shape=tuple(shape), content=bytes(body[begin:end]))
