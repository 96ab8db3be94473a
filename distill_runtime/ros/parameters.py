# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Node parameters from a frozen dataclass: one declaration, one check, one text per parameter."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
import dataclasses
import difflib
import typing
from typing import Any, NamedTuple, TypeVar

from distill_runtime.errors import ConfigError
from rcl_interfaces.msg import (
    FloatingPointRange,
    IntegerRange,
    ParameterDescriptor,
    SetParametersResult,
)
from rclpy.exceptions import ParameterUninitializedException
from rclpy.node import Node
from rclpy.parameter import Parameter

T = TypeVar('T')
_MOST = 1e6
"""What counts as finite."""
LIVE = 'may change at any time'
FROZEN = 'read at configure: clean up, set it, configure again'
FIXED = 'given at start only'


class Span(NamedTuple):
    """Range of a number, both ends included."""

    least: float
    most: float = _MOST

    @property
    def text(self) -> str:
        """What is expected, in words."""
        if self.most == _MOST:
            return f'at least {self.least:g}'
        return f'{self.least:g} to {self.most:g}'


AT_LEAST_0 = Span(0.0)


class Declaration(NamedTuple):
    """A parameter of a node."""

    name: str
    default: object
    hint: object
    """Type of its value."""
    text: str
    """What it is, with unit."""
    span: Span | None = None
    """Its range; None: any number."""
    one_of: Sequence[str] = ()
    """Its values; empty: any text."""
    change: str = FROZEN
    """When it may change: LIVE, FROZEN or FIXED."""


def parameter(
    default: object,
    text: str,
    *,
    span: Span | None = None,
    one_of: tuple[str, ...] = (),
    change: str = FROZEN,
) -> Any:
    """Declare one field of a parameter dataclass; see Declaration."""
    metadata = {'text': text, 'span': span, 'one_of': one_of, 'change': change}
    return dataclasses.field(default=default, metadata=metadata)


def declarations(cls: type) -> list[Declaration]:
    """Return the parameters of a dataclass."""
    hints = typing.get_type_hints(cls)
    return [
        Declaration(field.name, field.default, hints[field.name], **field.metadata)
        for field in dataclasses.fields(cls)
    ]


def check_ranges(config: Any) -> None:
    """Reject the first field of a parameter dataclass that is out of range.

    Raises:
        ConfigError: If there is one.
    """
    for field in dataclasses.fields(config):
        value, span = getattr(config, field.name), field.metadata['span']
        if span is not None and not span.least <= value <= span.most:
            raise ConfigError(f'{field.name} is {value}, expected {span.text}')
        one_of = field.metadata['one_of']
        if one_of and value not in one_of:
            raise ConfigError(f'{field.name} is {value!r}, expected one of {list(one_of)}')


def declare_parameters(node: Node, declared: Iterable[Declaration]) -> None:
    """Declare parameters; a whole number is good enough for a float."""
    for entry in declared:
        values = ', '.join(value or "''" for value in entry.one_of)
        descriptor = ParameterDescriptor(
            description=entry.text,
            additional_constraints=f'one of {values}; {entry.change}' if values else entry.change,
            dynamic_typing=entry.hint is float or entry.default == (),  # [] has no type
            read_only=entry.change == FIXED,
        )
        span = entry.span
        if span is not None and entry.hint is float:
            descriptor.floating_point_range = [
                FloatingPointRange(from_value=span.least, to_value=span.most)
            ]
        elif span is not None:
            descriptor.integer_range = [
                IntegerRange(from_value=int(span.least), to_value=int(span.most), step=1)
            ]
        default = list(entry.default) if isinstance(entry.default, tuple) else entry.default
        node.declare_parameter(entry.name, default, descriptor)


def read_values(
    node: Node, declared: Iterable[Declaration], changes: Sequence[Parameter[Any]] = ()
) -> dict[str, Any]:
    """Return the values of declared parameters, each with its type.

    Args:
        node: Has them declared.
        declared: The parameters.
        changes: Values that are about to replace those of the node.

    Raises:
        ConfigError: If a value is of the wrong type.
    """
    new = {change.name: change.value for change in changes}
    return {
        name: _typed(name, hint, new[name] if name in new else _value(node, name))
        for name, _, hint, *_ in declared
    }


def read_parameters(node: Node, cls: type[T], changes: Sequence[Parameter[Any]] = ()) -> T:
    """Return the parameters of a dataclass as one checked value; see read_values.

    Raises:
        ConfigError: If a value is of the wrong type or refused by the dataclass.
    """
    return cls(**read_values(node, declarations(cls), changes))


def _value(node: Node, name: str) -> object:
    """Return the value of a parameter; None where it was given as an empty list."""
    try:
        return node.get_parameter(name).value
    except ParameterUninitializedException:
        return None  # an empty list of a YAML file has no type, so rclpy takes it for no value


def _typed(name: str, hint: object, value: object) -> object:
    """Turn a parameter value into that of the field."""
    if typing.get_origin(hint) is tuple and value is None:
        return ()
    if hint is float and isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    if typing.get_origin(hint) is tuple and not isinstance(value, (str, int, float)):
        return tuple(value)  # type: ignore[arg-type]
    if hint in (str, bool, int) and type(value) is hint:
        return value
    raise ConfigError(f'{name} is {value!r}, expected {getattr(hint, "__name__", hint)}')


def given_names(node: Node) -> set[str]:
    """Return the names of the parameters that the user gave a node, declared or not.

    rclpy keeps them, but shows none that is not declared.
    """
    return set(node._parameter_overrides)


def unknown_names(node: Node, cls: type) -> list[str]:
    """Return what the user set and the node does not have, each with what may be meant."""
    known = [field.name for field in dataclasses.fields(cls)]
    texts = []
    for name in sorted(given_names(node)):
        if not node.has_parameter(name) and not name.startswith('qos_overrides.'):
            close = difflib.get_close_matches(name, known, 1)
            texts.append(name + (f' (is {close[0]} meant?)' if close else ''))
    return texts


def is_present(node: Node, change: Parameter[Any]) -> bool:
    """Return whether a change asks for the value that is there; a file that is loaded may."""
    present, wanted = _plain(_value(node, change.name)), _plain(change.value)
    return type(present) is type(wanted) and present == wanted


def _plain(value: object) -> object:
    return list(value) if isinstance(value, Iterable) and not isinstance(value, str) else value


def refuse_frozen(
    declared: Iterable[Declaration], changes: Sequence[Parameter[Any]]
) -> SetParametersResult | None:
    """Refuse a change of a parameter that is not live; None if there is none."""
    fixed = {entry.name for entry in declared if entry.change != LIVE}
    for change in changes:
        if change.name in fixed:
            return SetParametersResult(successful=False, reason=f'{change.name} is {FROZEN}')
    return None
