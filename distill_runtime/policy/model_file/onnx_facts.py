# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""What only the file of a model tells: its opset, its exporter, the files it needs beside it."""

from __future__ import annotations

from collections.abc import Iterator
import contextlib
from dataclasses import dataclass
import mmap
from pathlib import Path
import stat

from distill_runtime.errors import ConfigError, ModelError

from .file_kind import looks_like
from .onnx_scan import OnnxScan

_STANDARD = {'', 'ai.onnx', 'ai.onnx.ml'}
_CHUNK = 1 << 22
MAX_BYTES = 2 * 2**30
"""Size of a model file, and of all its weights, in [byte]."""


@dataclass(frozen=True, kw_only=True)
class OnnxFacts:
    """Facts about a model file that a session does not give."""

    opset: int
    """Version of the standard operators; 0 if none is used."""
    domains: tuple[str, ...]
    """Operator sets beside those of ONNX that the graph uses, and does not define itself."""
    producer: str
    """Program that wrote the file; '' if it does not say."""
    external_files: tuple[str, ...]
    """Files that hold weights, relative to the model."""


def read_onnx_facts(model: Path | bytes) -> OnnxFacts:
    """Look into a model file, but not at its weights.

    Args:
        model: File, or its content.

    Raises:
        ConfigError: If it cannot be read.
        ModelError: If it is no ONNX, or too large.
    """
    if isinstance(model, bytes):
        return _facts(memoryview(model), 'model')
    with _content(model) as memory:
        return _facts(memory, str(model))


@contextlib.contextmanager
def _content(path: Path) -> Iterator[memoryview]:
    """Give the content of a file in pages of its own: large bytes would stop all threads to go."""
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
        with contextlib.suppress(BufferError):  # an error on its way still looks at them
            pages.close()


def read_file(path: Path, limit: int) -> bytes:
    """Read a regular file: nothing that could block or never end.

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
            raise ConfigError(f'model {path} cannot be read: it is no regular file')
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
        problem = f'it is no ONNX file but looks like {kind}' if kind else problem
        raise ModelError(f'{what} cannot be loaded as ONNX: {problem or "it has no graph"}')
    return OnnxFacts(
        opset=scan.opsets.get('', scan.opsets.get('ai.onnx', 0)),
        domains=tuple(sorted(scan.domains - _STANDARD - scan.function_domains)),
        producer=' '.join(part for part in (scan.producer, scan.version) if part),
        external_files=tuple(sorted(scan.locations)),
    )
