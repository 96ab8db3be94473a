# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""The files of a model: the file itself and its external weights.

A model is inspected before onnxruntime opens it: files outside its folder, custom operators and
excessive sizes are refused here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
import hashlib
from pathlib import Path
from typing import BinaryIO

from distill_runtime.errors import ConfigError, ModelError

from .onnx_facts import MAX_BYTES, OnnxFacts, read_onnx_facts

_IN_ONNXRUNTIME = {
    'ai.onnx.preview.training', 'ai.onnx.training', 'com.microsoft', 'com.microsoft.nchwc',
    'com.ms.internal.nhwc', 'org.pytorch.aten',
}  # fmt: skip
_CHUNK = 2**20


def inspect_model(model: Path | bytes) -> OnnxFacts:
    """Inspect a model; refuse one that must not be loaded.

    Raises:
        ConfigError: If the file cannot be read.
        ModelError: If it is not ONNX, too large, or needs files outside its folder.
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
            f'{what} needs {list(facts.external_files)}, expected its weights embedded'
        )
    return facts


def model_files(model: Path, facts: OnnxFacts) -> tuple[Path, ...]:
    """Return a model file and its external weights, sorted by name."""
    return (model, *(model.parent / name for name in facts.external_files))


def sha256_of(files: Iterable[Path]) -> str:
    """Return the hash of the concatenated files.

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
    """Write a file atomically; see write_file.

    Raises:
        ConfigError: If it exists and must not be replaced, or cannot be written.
    """
    if path.exists() and not overwrite:
        raise ConfigError(f'{path} exists already, not overwriting')
    write_file(path, lambda file: file.write(content))


def write_file(path: Path, write: Callable[[BinaryIO], object], option: str = '') -> None:
    """Write a file under a temporary name, then rename it.

    Args:
        path: File, replaced if it exists.
        write: Writes the content.
        option: Command-line option of the file, for messages.

    Raises:
        ConfigError: If the file cannot be written.
    """
    part = path.with_name(f'{path.name}.tmp')
    try:
        with part.open('wb') as file:
            write(file)
        part.replace(path)
    except BaseException as error:  # remove the partial file after Ctrl-C, too
        with suppress(OSError):
            part.unlink()
        if isinstance(error, OSError):
            what = f'{option} {path}'.lstrip()
            raise ConfigError(f'{what} cannot be written: {error.strerror}') from error
        raise


def path_beside(model: Path, name: str, what: str) -> Path:
    """Return the resolved path of a file that a model names; it must be in the model's folder.

    Raises:
        ModelError: If it is missing, or is or links outside the folder.
    """
    path = model.parent / name
    try:
        folder, resolved = model.parent.resolve(), path.resolve()
        is_inside = not Path(name).is_absolute() and folder in resolved.parents
        is_file = is_inside and path.is_file()
    except (OSError, ValueError, RuntimeError) as error:
        raise ModelError(f'{model} names {name!r}, which is not a path: {error}') from error
    if not is_inside:
        raise ModelError(
            f'{model} names {name!r} for {what}, expected a file in the folder of the '
            f'model: it is {resolved}'
        )
    if not is_file:
        raise ModelError(
            f'{model} needs {name!r} in its folder, which contains {what}: copy all files of '
            'a model together'
        )
    return resolved


def _check_data(model: Path, names: Iterable[str]) -> None:
    """Refuse weights that are missing, outside the folder, or too large."""
    size = 0
    for name in names:
        size += path_beside(model, name, 'its weights').stat().st_size
        if size > MAX_BYTES:
            raise ModelError(f'{model} has {size} bytes of weights, expected at most {MAX_BYTES}')
