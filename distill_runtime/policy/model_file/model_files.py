# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""A model as files: the file itself and those beside it that hold its weights, as one thing.

It is looked into before anything else opens it: what lies outside of its folder, what needs code
from elsewhere and what is too large is refused here, whatever onnxruntime would do.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
import hashlib
from pathlib import Path

from distill_runtime.errors import ConfigError, ModelError

from .onnx_facts import MAX_BYTES, OnnxFacts, read_onnx_facts

_IN_ONNXRUNTIME = {
    'ai.onnx.preview.training', 'ai.onnx.training', 'com.microsoft', 'com.microsoft.nchwc',
    'com.ms.internal.nhwc', 'org.pytorch.aten',
}  # fmt: skip
_CHUNK = 2**20


def inspect_model(model: Path | bytes) -> OnnxFacts:
    """Look into a model and refuse what must not be loaded.

    Args:
        model: File, or its content.

    Raises:
        ConfigError: If the file cannot be read.
        ModelError: If it is no ONNX, too large, or needs anything from outside of its folder.
    """
    facts = read_onnx_facts(model)
    what = 'model' if isinstance(model, bytes) else str(model)
    foreign = sorted(set(facts.domains) - _IN_ONNXRUNTIME)
    if foreign:
        raise ModelError(
            f'{what} has operators of {foreign}, expected those of ONNX and onnxruntime alone: '
            'export it without custom operators, no code is loaded for them'
        )
    if isinstance(model, Path):
        _check_data(model, facts.external_files)
    elif facts.external_files:
        raise ModelError(
            f'{what} needs {list(facts.external_files)}, expected its weights inside of it'
        )
    return facts


def model_files(model: Path, facts: OnnxFacts) -> tuple[Path, ...]:
    """Return a model file and those that hold its weights, in the order of their names."""
    return (model, *(model.parent / name for name in facts.external_files))


def sha256_of(files: Iterable[Path]) -> str:
    """Return the hash of files behind one another; that of one file is its own.

    Raises:
        ConfigError: If one cannot be read.
    """
    digest = hashlib.sha256()
    for path in files:
        try:
            with path.open('rb') as file:
                while chunk := file.read(_CHUNK):
                    digest.update(chunk)
        except OSError as error:
            raise ConfigError(f'model {path} cannot be read: {error.strerror}') from error
    return digest.hexdigest()


def write_model(path: Path, content: bytes, *, overwrite: bool = False) -> None:
    """Write a file so that no reader ever sees a part of it.

    Args:
        path: Where to; its folder exists.
        content: All of it.
        overwrite: Whether a file that is there may be replaced.

    Raises:
        ConfigError: If it is there and may not be replaced, or cannot be written.
    """
    if path.exists() and not overwrite:
        raise ConfigError(f'{path} exists already, not overwriting')
    part = path.with_name(f'{path.name}.tmp')
    try:
        part.write_bytes(content)
        part.replace(path)
    except BaseException as error:  # a Ctrl-C too leaves nothing unfinished
        with suppress(OSError):
            part.unlink()
        if isinstance(error, OSError):
            raise ConfigError(f'{path} cannot be written: {error.strerror}') from error
        raise


def path_beside(model: Path, name: str, what: str) -> Path:
    """Return where a file really lies that a model names, if that is in the model's folder.

    Args:
        model: File of the model.
        name: What it names, relative to its folder.
        what: What the file holds, for messages.

    Raises:
        ModelError: If it lies elsewhere, links to elsewhere, or is not there.
    """
    path = model.parent / name
    try:
        folder, resolved = model.parent.resolve(), path.resolve()
        is_inside = not Path(name).is_absolute() and folder in resolved.parents
        is_file = is_inside and path.is_file()
    except (OSError, ValueError, RuntimeError) as error:
        raise ModelError(f'{model} names {name!r}, which is no path: {error}') from error
    if not is_inside:
        raise ModelError(
            f'{model} names {name!r} for {what}, expected a file in its own folder: it lies at '
            f'{resolved}'
        )
    if not is_file:
        raise ModelError(
            f'{model} needs {name!r} beside it, which holds {what}: copy all files of a model '
            'together'
        )
    return resolved


def _check_data(model: Path, names: Iterable[str]) -> None:
    """Refuse weights that lie elsewhere, are missing, or too large."""
    size = 0
    for name in names:
        size += path_beside(model, name, 'its weights').stat().st_size
        if size > MAX_BYTES:
            raise ModelError(f'{model} has {size} bytes of weights, expected at most {MAX_BYTES}')
