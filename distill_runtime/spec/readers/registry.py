# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""The list of dialects, and the search for their sources.

A new dialect is one module in this folder and one line in one of the two lists. All sources that
are found for a model are read; the order of the lists is their precedence. Metadata comes before
files, since it cannot belong to another model.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
import glob
from pathlib import Path
from typing import Any

from distill_runtime.errors import ConfigError
from distill_runtime.spec.dialect import FileDialect, MetadataDialect, ModelContext
from distill_runtime.spec.files import read_foreign
from distill_runtime.spec.sources import SpecSource

from .berkeley import BERKELEY
from .holosoma import HOLOSOMA
from .isaac_io import ISAAC_IO
from .leapp import LEAPP
from .limx import LIMX
from .mjlab import MJLAB
from .mjswan import MJSWAN
from .native import NATIVE_SUFFIXES, read_native
from .rl_sar import RL_SAR
from .unitree_deploy import UNITREE_DEPLOY
from .unitree_gym import UNITREE_GYM

METADATA_DIALECTS: tuple[MetadataDialect, ...] = (MJLAB, HOLOSOMA)
FILE_DIALECTS: tuple[FileDialect, ...] = (
    UNITREE_DEPLOY,
    RL_SAR,
    UNITREE_GYM,
    BERKELEY,
    ISAAC_IO,
    LEAPP,
    LIMX,
    MJSWAN,
)
MAX_MESSAGE = 200
"""Characters of a message about a file of another form."""


def read_spec_file(path: Path, context: ModelContext) -> SpecSource:
    """Read a spec file; its content determines the dialect.

    Raises:
        ConfigError: If it cannot be read, or is wrong in its dialect.
    """
    return read_content(read_foreign(path, context.root), path, context)


def read_content(content: object, path: Path, context: ModelContext) -> SpecSource:
    """Read the content of a spec file; see read_spec_file."""
    source = _read_if_known(content, path, context, FILE_DIALECTS)
    return source or read_native(content, path)


def metadata_sources(metadata: Mapping[str, str], context: ModelContext) -> list[SpecSource]:
    """Read the metadata of a model in every dialect that matches.

    Raises:
        ConfigError: If it matches a dialect and is invalid.
    """
    return [
        _guarded(dialect, context.model.name, metadata, context)
        for dialect in METADATA_DIALECTS
        if dialect.matches(metadata)
    ]


def file_sources(context: ModelContext, given: Path | None = None) -> list[SpecSource]:
    """Read the files of all dialects from the paths where their programs put them.

    Args:
        context: Of the model.
        given: A file that is a source already; None if there is none.

    Raises:
        ConfigError: If one matches a dialect and is invalid, or has the name of a dialect's file
            and cannot be read.
    """
    contents: dict[Path, object] = {}
    sources = []
    for dialect in FILE_DIALECTS:
        seen: set[Path] = set() if given is None else {given.resolve()}
        for path, is_named in _candidate_files(dialect, context.model):
            if path.resolve() in seen:
                continue
            seen.add(path.resolve())
            if path not in contents:
                try:
                    contents[path] = read_foreign(path, context.root)
                except ConfigError:
                    if is_named:
                        raise
                    contents[path] = None  # unrelated files are allowed next to a model
            source = _read_if_known(contents[path], path, context, (dialect,))
            sources += [source] if source else []
    return sources


def _candidate_files(dialect: FileDialect, model: Path) -> Iterator[tuple[Path, bool]]:
    """Yield the files that may be of a dialect, and whether it gives their exact name."""
    for pattern in dialect.files:
        named = pattern.replace('{stem}', glob.escape(model.stem))
        for name in sorted(glob.glob(named, root_dir=model.parent)):
            path = model.parent / name
            if path.is_file() and not path.name.endswith(NATIVE_SUFFIXES):
                yield path, '*' not in pattern


def _read_if_known(
    content: object, path: Path, context: ModelContext, dialects: tuple[FileDialect, ...]
) -> SpecSource | None:
    """Read content with the first dialect that matches."""
    if not isinstance(content, Mapping):
        return None
    values: Mapping[str, Any] = content
    for dialect in dialects:
        if dialect.matches(values):
            return _guarded(dialect, str(path), values, path, context)
    return None


def _guarded(dialect: FileDialect | MetadataDialect, where: str, *content: Any) -> SpecSource:
    """Read content, and add where it is to error messages."""
    try:
        return dialect.read(*content)
    except ConfigError as error:
        raise ConfigError(f'{where}: {error}') from error
    except (LookupError, TypeError, AttributeError, ValueError, ArithmeticError) as error:
        reason = repr(error)[:MAX_MESSAGE]
        raise ConfigError(f'{where} is not a complete {dialect.name}: {reason} in it') from error
    except RecursionError as error:
        raise ConfigError(f'{where} is nested too deeply') from error
