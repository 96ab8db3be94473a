# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Several sources of one spec: which gave which field, and where two of them disagree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from distill_runtime.errors import ConfigError

from .mapping import read_dataclass
from .spec import PolicySpec

_NESTED = ('limits',)
_REQUIRED = ('name', 'period', 'joints', 'default_position', 'inputs', 'outputs')


@dataclass(frozen=True, kw_only=True)
class SpecSource:
    """What one file or metadata key says, in the form of our own spec."""

    name: str
    """Where it stands, for people."""
    values: Mapping[str, Any]
    """Part of a spec mapping, or all of it."""
    hints: Mapping[str, str] = field(default_factory=dict)
    """For fields that this kind of source cannot give: how to supply them."""


@dataclass(frozen=True, kw_only=True)
class Conflict:
    """Two sources that give one field different values."""

    field: str
    source: str
    """The source that is used."""
    value: object
    other_source: str
    other_value: object


@dataclass(frozen=True, kw_only=True)
class SourcedSpec:
    """A spec with its provenance."""

    spec: PolicySpec
    sources: Mapping[str, str]
    """Dotted field: name of the source it came from."""
    conflicts: tuple[Conflict, ...]


def merge_sources(sources: Sequence[SpecSource]) -> SourcedSpec:
    """Merge sources, the strongest first, into one checked spec.

    Args:
        sources: In order of precedence; each may be partial.

    Raises:
        ConfigError: If a field is missing in all of them, or the result is wrong.
    """
    values: dict[str, Any] = {}
    origin: dict[str, str] = {}
    conflicts: list[Conflict] = []
    for source in sources:
        for path, value in _leaves(source.values):
            if path not in origin:
                _put(values, path, value)
                origin[path] = source.name
            elif not _same(_get(values, path), value):
                conflicts.append(
                    Conflict(
                        field=path,
                        source=origin[path],
                        value=_get(values, path),
                        other_source=source.name,
                        other_value=value,
                    )
                )
    for name in _REQUIRED:
        if name not in values:
            raise ConfigError(_missing(name, sources))
    return SourcedSpec(
        spec=read_dataclass(PolicySpec, values, ''), sources=origin, conflicts=tuple(conflicts)
    )


def _missing(name: str, sources: Sequence[SpecSource]) -> str:
    """Say that no source has a field, and what would."""
    searched = [source.name for source in sources] or ['no file']
    hints = [source.hints[name] for source in sources if name in source.hints]
    hint = hints[0] if hints else 'give it in a file with --spec (parameter spec)'
    return f'{name} is missing, found in none of {searched}: {hint}'


def _leaves(values: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Return the fields that are compared and chosen one by one."""
    leaves = []
    for key, value in values.items():
        if key in _NESTED and isinstance(value, Mapping):
            leaves += [(f'{key}.{inner}', item) for inner, item in value.items()]
        else:
            leaves.append((str(key), value))
    return leaves


def _put(values: dict[str, Any], path: str, value: object) -> None:
    key, _, inner = path.partition('.')
    if inner:
        values.setdefault(key, {})[inner] = value
    else:
        values[key] = value


def _get(values: Mapping[str, Any], path: str) -> Any:
    key, _, inner = path.partition('.')
    return values[key][inner] if inner else values[key]


def _same(left: Any, right: Any) -> bool:
    """Whether two plain values are equal, numbers to the last digit that a float keeps in text."""
    if isinstance(left, (list, tuple)) and isinstance(right, (list, tuple)):
        return len(left) == len(right) and all(map(_same, left, right))
    if isinstance(left, (int, float)) and isinstance(right, (int, float)):
        return abs(left - right) <= 1e-12 * max(1.0, abs(left))
    return bool(left == right)
