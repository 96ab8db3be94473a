# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Several sources of one spec: which gave which field, and where two of them disagree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
import math
from typing import Any

from distill_runtime.errors import ConfigError

from .mapping import read_dataclass, shown
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
    chosen: dict[str, tuple[object, str]] = {}
    conflicts: list[Conflict] = []
    for source in sources:
        for field_name, value in _leaves(source):
            if field_name not in chosen:
                chosen[field_name] = (value, source.name)
                continue
            used, used_source = chosen[field_name]
            if not _same(used, value):
                conflicts.append(
                    Conflict(
                        field=field_name,
                        source=used_source,
                        value=used,
                        other_source=source.name,
                        other_value=value,
                    )
                )
    values = _nested({field_name: value for field_name, (value, _) in chosen.items()})
    for name in _REQUIRED:
        if name not in values:
            raise ConfigError(_missing(name, sources))
    return SourcedSpec(
        spec=read_dataclass(PolicySpec, values, ''),
        sources={field_name: source for field_name, (_, source) in chosen.items()},
        conflicts=tuple(conflicts),
    )


def is_complete(sources: Sequence[SpecSource]) -> bool:
    """Whether the sources have together all that a spec must have."""
    return all(any(name in source.values for source in sources) for name in _REQUIRED)


def _missing(name: str, sources: Sequence[SpecSource]) -> str:
    """Say that no source has a field, and what would."""
    searched = [source.name for source in sources] or ['no file']
    hints = [source.hints[name] for source in sources if name in source.hints]
    hint = hints[0] if hints else 'give it in a file with --spec (parameter spec)'
    return f'{name} is missing, found in none of {searched}: {hint}'


def _leaves(source: SpecSource) -> list[tuple[str, Any]]:
    """Return the fields that are compared and chosen one by one."""
    leaves = []
    for key, value in source.values.items():
        if '.' in str(key):
            raise ConfigError(f'{source.name}: {key} is unknown, expected keys without a dot')
        if key not in _NESTED:
            leaves.append((str(key), value))
        elif isinstance(value, Mapping):
            leaves += [(f'{key}.{inner}', item) for inner, item in value.items()]
        elif value is not None:
            raise ConfigError(f'{source.name}: {key} is {shown(value)}, expected a mapping')
    return leaves


def _nested(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Turn dotted fields into a mapping of mappings."""
    values: dict[str, Any] = {}
    for path, value in fields.items():
        key, _, inner = path.partition('.')
        if inner:
            values.setdefault(key, {})[inner] = value
        else:
            values[key] = value
    return values


def _same(left: Any, right: Any) -> bool:
    """Whether two plain values are equal, numbers to the last digit that a float keeps in text."""
    if isinstance(left, (list, tuple)) and isinstance(right, (list, tuple)):
        return len(left) == len(right) and all(map(_same, left, right))
    if isinstance(left, float) and isinstance(right, float):
        return math.isclose(left, right, rel_tol=1e-12, abs_tol=1e-12)
    return bool(left == right)
