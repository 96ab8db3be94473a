# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Facts that only the file of a model holds: opset, exporter, external files.

The messages are read without the library onnx; field numbers are those of onnx.proto.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
import contextlib
from dataclasses import dataclass
import mmap
from pathlib import Path
import stat

from distill_runtime.errors import ConfigError, ModelError

from .file_kind import looks_like
from .protobuf import fields

_STANDARD = {'', 'ai.onnx', 'ai.onnx.ml'}
_CHUNK = 1 << 22
MAX_BYTES = 2 * 2**30
"""Size of a model file, and of all its weights, in [byte]."""
_EXTERNAL = 1
MAX_FIELDS = 5_000_000
"""Limit of the fields to read; a network of a thousand layers has about ten thousand."""
MAX_DEPTH = 50
"""Limit of nested graphs."""
_NESTED = {
    'model': {7: 'graph', 8: 'opset', 20: 'training', 25: 'function'},
    'training': {1: 'graph', 2: 'graph'},
    'function': {7: 'node'},
    'graph': {1: 'node', 5: 'tensor', 15: 'sparse_tensor'},
    'node': {5: 'attribute'},
    'attribute': {
        **dict.fromkeys((5, 10), 'tensor'),
        **dict.fromkeys((6, 11), 'graph'),
        **dict.fromkeys((22, 23), 'sparse_tensor'),
    },
    'sparse_tensor': {1: 'tensor', 2: 'tensor'},
    'tensor': {13: 'external_data'},
}
"""Kind of message in each field that is followed, by the kind that it is in."""


@dataclass(frozen=True, kw_only=True)
class OnnxFacts:
    """Facts about a model file that a session does not give."""

    opset: int
    """Version of the standard operators; 0 if none is used."""
    domains: tuple[str, ...]
    """Operator sets other than those of ONNX that the graph uses but does not define."""
    producer: str
    """Program that wrote the file; '' if unknown."""
    external_files: tuple[str, ...]
    """Files with weights, relative to the model."""


def read_onnx_facts(model: Path | bytes) -> OnnxFacts:
    """Read the facts of a model file, without its weights.

    Raises:
        ConfigError: If it cannot be read.
        ModelError: If it is not ONNX, or too large.
    """
    if isinstance(model, bytes):
        return _facts(memoryview(model), 'model')
    with _content(model) as memory:
        return _facts(memory, str(model))


@contextlib.contextmanager
def _content(path: Path) -> Iterator[memoryview]:
    """Yield the content of a file in mapped pages: freeing large bytes would stop all threads."""
    size = size_of(path, MAX_BYTES)
    if not size:
        yield memoryview(b'')
        return
    pages = mmap.mmap(-1, size)
    try:
        with path.open('rb', buffering=0) as file, memoryview(pages) as memory:
            offset = 0
            while offset < size and (count := file.readinto(memory[offset : offset + _CHUNK])):
                offset += count
            yield memory[:offset]
    except OSError as error:
        raise ConfigError(f'model {path} cannot be read: {error.strerror}') from error
    finally:
        with contextlib.suppress(BufferError):  # a pending exception still refers to them
            pages.close()


def read_file(path: Path, limit: int) -> bytes:
    """Read a regular file; refuse pipes and devices, which could block.

    Args:
        path: The file.
        limit: Largest size, in [byte].

    Raises:
        ConfigError: If it cannot be read.
        ModelError: If it is larger.
    """
    size_of(path, limit)
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(f'model {path} cannot be read: {error.strerror}') from error


def size_of(path: Path, limit: int) -> int:
    """Return the size of a regular file in [byte]; see read_file."""
    try:
        status = path.stat()
        if not (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)):
            raise ConfigError(f'model {path} cannot be read: it is not a regular file')
        if status.st_size > limit:
            raise ModelError(f'{path} has {status.st_size} bytes, expected at most {limit}')
        return status.st_size
    except ConfigError:
        raise
    except (OSError, ValueError) as error:
        reason = getattr(error, 'strerror', None) or error
        raise ConfigError(f'model {path} cannot be read: {reason}') from error


def _facts(content: memoryview, what: str) -> OnnxFacts:
    scan, problem = OnnxScan(), ''
    try:
        scan.model(content)
    except ValueError as error:
        problem = str(error)
    if problem or not scan.has_graph:
        kind = looks_like(content)
        problem = f'it is not an ONNX file but looks like {kind}' if kind else problem
        raise ModelError(f'{what} cannot be loaded as ONNX: {problem or "it has no graph"}')
    return OnnxFacts(
        opset=scan.opsets.get('', scan.opsets.get('ai.onnx', 0)),
        domains=tuple(sorted(scan.domains - _STANDARD - scan.function_domains)),
        producer=' '.join(part for part in (scan.producer, scan.version) if part),
        external_files=tuple(sorted(scan.locations)),
    )


class OnnxScan:
    """Collects facts while it walks through the messages of a model.

    Attributes:
        has_graph: Whether there is a graph at all.
        opsets: Version of each operator set.
        domains: Operator sets of all nodes.
        function_domains: Those that functions in the model define.
        locations: Files of external tensors.
        producer: Program that wrote the file.
        version: Its version.
    """

    def __init__(self) -> None:
        self.has_graph = False
        self.opsets: dict[str, int] = {}
        self.domains: set[str] = set()
        self.function_domains: set[str] = set()
        self.locations: set[str] = set()
        self.producer = self.version = ''
        self._location = ''  # of the tensor that is being read
        self._num_fields = 0

    def model(self, message: memoryview) -> None:
        """Read a ModelProto."""
        self._read('model', message, 0)

    def _read(self, kind: str, message: memoryview, depth: int) -> None:
        """Read a message and those in it; of a repeated field of another type the last counts."""
        depth += kind == 'graph'
        if depth > MAX_DEPTH:
            raise ValueError(f'its graphs are nested more than {MAX_DEPTH} deep')
        nested = _NESTED.get(kind, {})
        values: dict[int, int | memoryview] = {}
        for number, value in fields(message):
            self._num_fields += 1
            if self._num_fields > MAX_FIELDS:
                raise ValueError(f'it has more than {MAX_FIELDS} fields')
            values[number] = value
            if number in nested:
                if isinstance(value, int):
                    raise ValueError(f'found {value}, expected a message')
                self._read(nested[number], value, depth)
        self._collect(kind, values)

    def _collect(self, kind: str, values: Mapping[int, int | memoryview]) -> None:
        """Take the facts from the fields of a message."""
        if kind == 'model':
            self.has_graph = 7 in values
            self.producer, self.version = _text(values, 2), _text(values, 3)
        elif kind == 'opset':
            version = values.get(2, 0)
            self.opsets[_text(values, 1)] = version if isinstance(version, int) else 0
        elif kind == 'function':
            self.function_domains.add(_text(values, 10))
        elif kind == 'node':
            self.domains.add(_text(values, 7))
        elif kind == 'external_data' and _text(values, 1) == 'location':
            self._location = _text(values, 2)
        elif kind == 'tensor':
            if values.get(14) == _EXTERNAL:
                self.locations.add(self._location)
            self._location = ''


def _text(values: Mapping[int, int | memoryview], number: int) -> str:
    value = values.get(number, b'')
    if isinstance(value, int):
        raise ValueError(f'found {value}, expected a string')
    return bytes(value).decode('utf-8')
