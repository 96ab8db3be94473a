# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Strict reading of plain mappings (YAML, JSON) into frozen dataclasses, and back.

Unknown keys, missing keys and wrong types are refused with the dotted path of the value. Only
integers are converted, to floats.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
import dataclasses
import math
import reprlib
import types
import typing
from typing import Annotated, Any, Literal, TypeVar, Union

from distill_runtime.errors import ConfigError

T = TypeVar('T')

MAX_INTEGER = 2**63
"""Integers of this size and above are refused."""

_BRIEF = reprlib.Repr()
_BRIEF.maxlevel = 3
_BRIEF.maxstring = _BRIEF.maxother = 60


def read_dataclass(cls: type[T], mapping: object, where: str) -> T:
    """Read one frozen dataclass.

    Args:
        cls: Dataclass of bool, int, float, str, Literal, tuples of those, None, or other
            dataclasses; Annotated[float, inf] reads null as infinity. A class method
            ``from_mapping(mapping, where)`` takes precedence.
        mapping: Value from YAML or JSON.
        where: Dotted path for messages, '' at the top.

    Raises:
        ConfigError: If a key is unknown or missing, or a value is of the wrong type.
    """
    custom = getattr(cls, 'from_mapping', None)
    if custom is not None:
        return typing.cast('T', custom(mapping, where))
    return read_fields(cls, mapping, where)


def read_fields(cls: type[T], mapping: object, where: str, ignore: tuple[str, ...] = ()) -> T:
    """Read one frozen dataclass field by field; keys in ignore belong to the caller."""
    if not isinstance(mapping, Mapping):
        raise ConfigError(f'{where or "spec"} is {shown(mapping)}, expected a mapping')
    fields = {field.name: field for field in dataclasses.fields(cls)}  # type: ignore[arg-type]
    hints = typing.get_type_hints(cls, include_extras=True)
    values = {}
    for key, value in mapping.items():
        if key in ignore:
            continue
        if key not in fields:
            raise ConfigError(f'{joined(where, key)} is unknown, expected one of {sorted(fields)}')
        values[key] = _read(hints[key], value, joined(where, key))
    for name, field in fields.items():
        is_required = (
            field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        )
        if is_required and name not in values:
            raise ConfigError(f'{joined(where, name)} is missing, expected {_named(hints[name])}')
    try:
        return cls(**values)
    except ConfigError as error:
        raise ConfigError(f'{where}: {error}' if where else str(error)) from error


def read_pairs(words: Sequence[str], option: str, example: str) -> dict[str, str]:
    """Read pairs of the form name:=value.

    Args:
        words: The pairs.
        option: What they are given with, for messages.
        example: Of a pair, for messages.

    Raises:
        ConfigError: If one is not of this form.
    """
    pairs = {}
    for word in words:
        name, sign, value = word.partition(':=')
        if not (name and sign and value):
            raise ConfigError(f'{option} is {word!r}, expected {example}')
        pairs[name.lstrip('/')] = value
    return pairs


def joined(where: str, key: object) -> str:
    """Return the dotted path of a key."""
    return f'{where}.{key}' if where else str(key)


def _read(hint: Any, value: object, where: str) -> object:
    """Read one value of an annotated type."""
    origin = typing.get_origin(hint)
    if isinstance(value, int) and not -MAX_INTEGER < value < MAX_INTEGER:
        raise ConfigError(f'{where} is an integer beyond 64 bits, expected {_named(hint)}')
    if origin in (Union, types.UnionType):
        return _read_union(typing.get_args(hint), hint, value, where)
    if origin is Annotated:
        plain, stands_for_null = typing.get_args(hint)
        return stands_for_null if value is None else _read(plain, value, where)
    if origin is Literal:
        if isinstance(value, str) and value in typing.get_args(hint):
            return value
    elif origin is tuple:
        if isinstance(value, (list, tuple)):
            return _read_tuple(typing.get_args(hint), value, where)
    elif dataclasses.is_dataclass(hint):
        return read_dataclass(typing.cast('type[object]', hint), value, where)
    elif _is_plain(hint, value):
        return _finite(float(value), where) if hint is float else value  # type: ignore[arg-type]
    raise ConfigError(f'{where} is {shown(value)}, expected {_named(hint)}')


def _is_plain(hint: Any, value: object) -> bool:
    """Whether a value is of a plain type; an integer is a number, true and false are none."""
    is_type = isinstance(value, (int, float) if hint is float else hint)
    return is_type and isinstance(value, bool) == (hint is bool)


def _read_union(options: tuple[Any, ...], hint: Any, value: object, where: str) -> object:
    """Read a value of a union: the first option of the right outer form reads it."""
    for option in options:
        if _fits(option, value):
            return _read(option, value, where)
    raise ConfigError(f'{where} is {shown(value)}, expected {_named(hint)}')


def _fits(hint: Any, value: object) -> bool:
    """Whether a value has the outer form of a type."""
    origin = typing.get_origin(hint)
    if origin is Literal:
        return value in typing.get_args(hint)
    if origin is Annotated:
        return value is None or _fits(typing.get_args(hint)[0], value)
    if origin is tuple:
        if not isinstance(value, (list, tuple)):
            return False
        inner = typing.get_args(hint)[0]
        return not value or _fits(inner, value[0])
    if dataclasses.is_dataclass(hint):
        return isinstance(value, Mapping)
    if origin in (Union, types.UnionType):
        return any(_fits(option, value) for option in typing.get_args(hint))
    return _is_plain(float if hint is int else hint, value)


def _read_tuple(
    args: tuple[Any, ...], value: list[object] | tuple[object, ...], where: str
) -> object:
    """Read a list of one type, or of one type per element."""
    if len(args) == 2 and args[1] is Ellipsis:
        return tuple(_read(args[0], item, f'{where}[{index}]') for index, item in enumerate(value))
    if len(args) != len(value):
        raise ConfigError(f'{where} has {len(value)} elements, expected {len(args)}')
    return tuple(
        _read(arg, item, f'{where}[{index}]')
        for index, (arg, item) in enumerate(zip(args, value, strict=True))
    )


def _finite(value: float, where: str) -> float:
    if not math.isfinite(value):
        raise ConfigError(f'{where} is {value}, expected a finite number')
    return value


def shown(value: object) -> str:
    """Show a value in at most 60 characters."""
    try:
        text = _BRIEF.repr(value)
    except ValueError:  # an integer of more digits than Python prints
        text = f'a huge {type(value).__name__}'
    return text if len(text) <= 60 else f'{text[:57]}...'


_NAMES = {
    float: 'a number',
    int: 'an integer',
    str: 'a string',
    bool: 'true or false',
    type(None): 'null',
}


def _named(hint: Any) -> str:
    """Name a type for messages."""
    origin = typing.get_origin(hint)
    args = typing.get_args(hint)
    if origin in (Union, types.UnionType):
        return ' or '.join(_named(arg) for arg in args)
    if origin is Annotated:
        return f'{_named(args[0])} or null'
    if origin is Literal:
        return f'one of {list(args)}' if len(args) > 1 else repr(args[0])
    if origin is tuple:
        if len(args) == 2 and args[1] is Ellipsis:
            return f'a list of {_named(args[0])}'
        return f'a list of {len(args)} values'
    if dataclasses.is_dataclass(hint):
        return 'a mapping'
    return _NAMES.get(hint, str(hint))


def to_mapping(value: object) -> Any:
    """Convert a frozen dataclass to plain lists, dicts and numbers; omit defaults.

    Infinity becomes null.
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        custom = getattr(value, 'to_mapping', None)
        return custom() if custom is not None else fields_to_mapping(value)
    if isinstance(value, tuple):
        return [to_mapping(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def fields_to_mapping(value: Any) -> dict[str, Any]:
    """Convert the fields of a dataclass to a mapping; omit defaults."""
    return {
        field.name: to_mapping(getattr(value, field.name))
        for field in dataclasses.fields(value)
        if getattr(value, field.name) != field.default
    }
