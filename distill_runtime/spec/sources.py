# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Merge several sources into one spec: provenance of each field, and conflicts.

A conflict is reported per joint and per key: limits.effort of joints (hip, knee), [88.0, 50.0] and
[88.0, 35.0] differ in ``limits.effort[knee]: 50.0, 35.0``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
import math
from typing import Any, NamedTuple

from distill_runtime.errors import ConfigError

from .mapping import read_dataclass, shown, to_mapping
from .spec import PolicySpec
from .tensors import InputSpec

_NESTED = ('limits', 'outputs', 'outputs.action')
_REQUIRED = ('name', 'period', 'joints', 'default_position', 'inputs', 'outputs.action.name')
_UNLESS_CHOICES = ('outputs.action.scale', 'outputs.action.offset')
_TOLERANCE = 1e-12
"""Relative and absolute; covers the rounding of numbers written as text."""


@dataclass(frozen=True, kw_only=True)
class SpecSource:
    """Content of one file or metadata key, in the native form of a spec."""

    name: str
    """File or key, as shown in messages."""
    values: Mapping[str, Any]
    """A spec mapping, possibly partial."""
    hints: Mapping[str, str] = field(default_factory=dict)
    """How to supply dotted fields that this source does not give."""
    keys: Mapping[str, str] = field(default_factory=dict)
    """Key of each dotted field in the source, where it has another name."""
    claims: Mapping[str, Any] = field(default_factory=dict)
    """Partial values of dotted fields, to compare with the source that gives the whole field."""

    def origin(self, field_name: str) -> str:
        """Return the source and key of a field, for messages."""
        key = self.keys.get(field_name)
        return f'{self.name}: {key}' if key else self.name


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
    unstated: Mapping[str, str] = field(default_factory=dict)
    """How to supply dotted fields that no source gives, though its dialect expects them."""


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
                chosen[field_name] = (value, source.origin(field_name))
                continue
            used, used_source = chosen[field_name]
            if not agree(field_name, *_expanded(field_name, (used, value), sources)):
                conflicts.append(
                    Conflict(
                        field=field_name,
                        source=used_source,
                        value=used,
                        other_source=source.origin(field_name),
                        other_value=value,
                    )
                )
    for name in _missing(chosen.keys()):
        raise ConfigError(_how_to_supply(name, sources))
    values = _nested({field_name: value for field_name, (value, _) in chosen.items()})
    hints = {name: hint for source in reversed(sources) for name, hint in source.hints.items()}
    return SourcedSpec(
        spec=read_dataclass(PolicySpec, values, ''),
        sources={field_name: source for field_name, (_, source) in chosen.items()},
        conflicts=(*conflicts, *_against_claims(sources, chosen)),
        unstated={name: hint for name, hint in hints.items() if name not in chosen},
    )


def _expanded(
    field_name: str, values: tuple[object, object], sources: Sequence[SpecSource]
) -> tuple[object, object]:
    """Replace an action offset of 'default' by the default pose if the other is a list."""
    if field_name != 'outputs.action.offset' or values.count('default') != 1:
        return values
    given = [source.values.get('default_position') for source in sources]
    poses = [pose for pose in given if isinstance(pose, (list, tuple))]
    left, right = (poses[0] if value == 'default' and poses else value for value in values)
    return left, right


def is_complete(sources: Sequence[SpecSource]) -> bool:
    """Whether the sources together give all required fields."""
    names = {name for source in sources for name, _ in _leaves(source)}
    return not any(_missing(names))


def _missing(names: Iterable[str]) -> Iterator[str]:
    """Yield the required fields that are not given."""
    given = set(names)
    yield from (name for name in _REQUIRED if name not in given)
    if 'outputs.action.choices' not in given:
        yield from (name for name in _UNLESS_CHOICES if name not in given)


def _against_claims(
    sources: Sequence[SpecSource], chosen: Mapping[str, tuple[object, str]]
) -> Iterator[Conflict]:
    """Compare the values in use with the partial values of other sources."""
    for source in sources:
        for field_name, claim in source.claims.items():
            if field_name not in chosen:
                continue
            used, used_source = chosen[field_name]
            part = restricted(field_name, used, claim)
            if not agree('', part, claim):
                yield Conflict(
                    field=field_name,
                    source=used_source,
                    value=part,
                    other_source=source.origin(field_name),
                    other_value=claim,
                )


def _how_to_supply(name: str, sources: Sequence[SpecSource]) -> str:
    """Return the error message for a field that no source gives."""
    searched = [source.name for source in sources] or ['no file']
    hints = [source.hints[name] for source in sources if name in source.hints]
    hint = hints[0] if hints else 'give it in a file with --spec (parameter spec)'
    return f'{name} is missing, found in none of {searched}: {hint}'


def _leaves(source: SpecSource) -> list[tuple[str, Any]]:
    """Return the fields that are compared and chosen individually."""
    for key in source.values:
        if '.' in str(key):
            raise ConfigError(f'{source.name}: {key} is unknown, expected keys without a dot')
    return list(_walk(source.name, '', source.values))


def _walk(source: str, prefix: str, values: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        path = f'{prefix}{key}'
        if path not in _NESTED:
            yield path, value
        elif isinstance(value, Mapping):
            yield from _walk(source, f'{path}.', value)
        elif value is not None:
            raise ConfigError(f'{source}: {path} is {shown(value)}, expected a mapping')


def _nested(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Convert dotted fields to nested mappings."""
    values: dict[str, Any] = {}
    for path, value in fields.items():
        *parents, key = path.split('.')
        target = values
        for parent in parents:
            target = target.setdefault(parent, {})
        target[key] = value
    return values


class Difference(NamedTuple):
    """One element of a field that two sources give different values."""

    where: str
    """Dotted path, with the name of the joint where there is one element per joint."""
    value: str
    """The value that is used."""
    other_value: str


def differences(conflict: Conflict, joints: tuple[str, ...]) -> list[Difference]:
    """Return the elements that differ, at least one; joints name those of lists as long."""
    found = _walk_values(conflict.field, conflict.value, conflict.other_value, joints)
    whole = Difference(conflict.field, shown(conflict.value), shown(conflict.other_value))
    return list(found) or [whole]


def _walk_values(
    where: str, left: object, right: object, joints: tuple[str, ...]
) -> Iterator[Difference]:
    """Yield the leaves of two plain values that differ; a [lower, upper] pair is one leaf."""
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        for key in [*left, *(key for key in right if key not in left)]:
            yield from _walk_values(f'{where}.{key}', left.get(key), right.get(key), joints)
    elif isinstance(left, (list, tuple)) and isinstance(right, (list, tuple)) and joints:
        if len(left) != len(right):
            yield Difference(where, f'{len(left)} elements', f'{len(right)} elements')
            return
        names = joints if len(joints) == len(left) else range(len(left))
        for name, one, other in zip(names, left, right, strict=True):
            inner = joints if isinstance(one, Mapping) else ()
            yield from _walk_values(f'{where}[{name}]', one, other, inner)
    elif not agree('', left, right):
        yield Difference(where, shown(left), shown(right))


def agree(field: str, left: Any, right: Any) -> bool:
    """Whether two plain values of a field, given by its dotted name, are equivalent.

    One number equals a list of that number; a default may be omitted; a tensor may be given by
    name in one source and by position in the other.
    """
    if field == 'outputs.action.name':
        return _same_tensor(left, right)
    return _same(_normal(field, left), _normal(field, right))


def restricted(field: str, value: Any, claim: Any) -> Any:
    """Return the part of a value that a claim covers; lists of another length stay whole."""
    return _restricted(_normal(field, value), claim)


def _restricted(value: Any, claim: Any) -> Any:
    if isinstance(value, Mapping) and isinstance(claim, Mapping):
        return {key: _restricted(value.get(key), item) for key, item in claim.items()}
    if _is_list(value) and _is_list(claim) and len(value) == len(claim):
        return [_restricted(*pair) for pair in zip(value, claim, strict=True)]
    return value


def _same(left: Any, right: Any) -> bool:
    if _is_list(left) and _is_list(right):
        return len(left) == len(right) and all(map(_same, left, right))
    if _is_list(left) and _is_number(right):
        return bool(left) and all(_is_number(item) and _same(item, right) for item in left)
    if _is_number(left) and _is_list(right):
        return _same(right, left)
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        return left.keys() == right.keys() and all(
            (_same_tensor if key == 'name' else _same)(left[key], right[key]) for key in left
        )
    if _is_number(left) and _is_number(right):
        return math.isclose(left, right, rel_tol=_TOLERANCE, abs_tol=_TOLERANCE)
    return bool(left == right)


def _same_tensor(left: Any, right: Any) -> bool:
    """Compare two names or two positions; a name and a position cannot be compared."""
    return isinstance(left, int) != isinstance(right, int) or bool(left == right)


def _is_list(value: object) -> bool:
    return isinstance(value, (list, tuple))


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _normal(field: str, value: Any) -> Any:
    """Normalize the inputs; return an invalid value as it is."""
    if field != 'inputs' or not isinstance(value, Sequence) or isinstance(value, str):
        return value
    try:
        return [_normal_input(entry) for entry in value]
    except ConfigError:
        return value


def _normal_input(entry: object) -> dict[str, Any]:
    mapping: dict[str, Any] = to_mapping(read_dataclass(InputSpec, entry, ''))
    if mapping.get('history', {}).get('length') == 1:
        del mapping['history']
    for term in mapping['terms']:
        scale = term.get('scale')
        if isinstance(scale, list) and scale and all(item == scale[0] for item in scale):
            term['scale'] = scale[0]
        if term.get('scale') == 1.0:
            del term['scale']
        if term.get('clip') is None:
            term.pop('order', None)
    return mapping
