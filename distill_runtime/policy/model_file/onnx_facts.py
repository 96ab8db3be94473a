# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Facts that only the file of a model holds: opset, exporter, external files.

The messages are read without the library onnx; field numbers are those of onnx.proto.
"""

from __future__ import annotations

from collections.abc import Iterator
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

    Args:
        model: File, or its content.

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
        self._num_fields = 0

    def model(self, message: memoryview) -> None:
        """Read a ModelProto."""
        for number, value in self._fields(message):
            if number == 2:
                self.producer = _text(value)
            elif number == 3:
                self.version = _text(value)
            elif number == 7:
                self.has_graph = True
                self._graph(_message(value), 1)
            elif number == 8:
                self._opset(_message(value))
            elif number == 20:
                for _, graph in self._fields(_message(value)):
                    if isinstance(graph, memoryview):
                        self._graph(graph, 1)
            elif number == 25:
                self._function(_message(value))

    def _opset(self, message: memoryview) -> None:
        domain, version = '', 0
        for number, value in self._fields(message):
            if number == 1:
                domain = _text(value)
            elif number == 2 and isinstance(value, int):
                version = value
        self.opsets[domain] = version

    def _function(self, message: memoryview) -> None:
        for number, value in self._fields(message):
            if number == 7:
                self._node(_message(value), 1)
            elif number == 10:
                self.function_domains.add(_text(value))

    def _graph(self, message: memoryview, depth: int) -> None:
        if depth > MAX_DEPTH:
            raise ValueError(f'its graphs are nested more than {MAX_DEPTH} deep')
        for number, value in self._fields(message):
            if number == 1:
                self._node(_message(value), depth)
            elif number == 5:
                self._tensor(_message(value))
            elif number == 15:
                self._sparse_tensor(_message(value))

    def _node(self, message: memoryview, depth: int) -> None:
        domain = ''
        for number, value in self._fields(message):
            if number == 7:
                domain = _text(value)
            elif number == 5:
                self._attribute(_message(value), depth)
        self.domains.add(domain)

    def _attribute(self, message: memoryview, depth: int) -> None:
        for number, value in self._fields(message):
            if number in (5, 10):
                self._tensor(_message(value))
            elif number in (6, 11):
                self._graph(_message(value), depth + 1)
            elif number in (22, 23):
                self._sparse_tensor(_message(value))

    def _sparse_tensor(self, message: memoryview) -> None:
        for number, value in self._fields(message):
            if number in (1, 2):
                self._tensor(_message(value))

    def _tensor(self, message: memoryview) -> None:
        location, is_external = None, False
        for number, value in self._fields(message):
            if number == 13:
                entry = {key: _text(text) for key, text in self._fields(_message(value))}
                location = entry.get(2, '') if entry.get(1) == 'location' else location
            elif number == 14:
                is_external = value == _EXTERNAL
        if is_external:
            self.locations.add(location or '')

    def _fields(self, message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
        for entry in fields(message):
            self._num_fields += 1
            if self._num_fields > MAX_FIELDS:
                raise ValueError(f'it has more than {MAX_FIELDS} fields')
            yield entry


def _message(value: int | memoryview) -> memoryview:
    if isinstance(value, int):
        raise ValueError(f'found {value}, expected a message')
    return value


def _text(value: int | memoryview) -> str:
    if isinstance(value, int):
        raise ValueError(f'found {value}, expected a string')
    return bytes(value).decode('utf-8')
