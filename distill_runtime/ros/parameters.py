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


def parameter(
    default: object,
    text: str,
    *,
    span: Span | None = None,
    one_of: tuple[str, ...] = (),
    is_live: bool = False,
    is_fixed: bool = False,
) -> Any:
    """Declare one field of a parameter dataclass.

    Args:
        default: Its default; its type is the parameter's.
        text: What it is, with unit.
        span: Its range; None: any number.
        one_of: Its values; empty: any text.
        is_live: Whether it may change while the node is configured.
        is_fixed: Whether it is given at start only: what guards the node must not be open to
            every caller of its services.
    """
    metadata = {
        'text': text, 'span': span, 'one_of': one_of, 'is_live': is_live, 'is_fixed': is_fixed
    }  # fmt: skip
    return dataclasses.field(default=default, metadata=metadata)


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


def declare_parameters(node: Node, cls: type[T]) -> None:
    """Declare every field of a dataclass; a whole number is good enough for a float."""
    hints = typing.get_type_hints(cls)
    for field in dataclasses.fields(cls):  # type: ignore[arg-type]
        metadata = field.metadata
        change = LIVE if metadata['is_live'] else FIXED if metadata['is_fixed'] else FROZEN
        descriptor = describe(
            metadata['text'], hints[field.name], change, metadata['span'], metadata['one_of']
        )
        descriptor.read_only = metadata['is_fixed']
        default = list(field.default) if isinstance(field.default, tuple) else field.default
        node.declare_parameter(field.name, default, descriptor)


def describe(
    text: str,
    hint: object,
    change: str,
    span: Span | None = None,
    one_of: Sequence[str] = (),
) -> ParameterDescriptor:
    """Return what `ros2 param describe` shows, and rclpy holds values to.

    Args:
        text: What it is, with unit.
        hint: Type of the field.
        change: When it may change.
        span: Its range; None: any number.
        one_of: Its values; empty: any text.
    """
    values = ', '.join(value or "''" for value in one_of)
    constraints = [f'one of {values}', change] if one_of else [change]
    descriptor = ParameterDescriptor(
        description=text,
        additional_constraints='; '.join(constraints),
        dynamic_typing=hint is float,
    )
    if span is not None and hint is float:
        descriptor.floating_point_range = [
            FloatingPointRange(from_value=span.least, to_value=span.most)
        ]
    elif span is not None:
        descriptor.integer_range = [
            IntegerRange(from_value=int(span.least), to_value=int(span.most), step=1)
        ]
    return descriptor


def read_parameters(node: Node, cls: type[T], changes: Sequence[Parameter[Any]] = ()) -> T:
    """Return the parameters as one checked value.

    Args:
        node: Has them declared.
        cls: The dataclass.
        changes: Values that are about to replace those of the node.

    Raises:
        ConfigError: If a value is of the wrong type or refused by the dataclass.
    """
    hints = typing.get_type_hints(cls)
    values = {name: _value(node, name) for name in hints}
    values.update({change.name: change.value for change in changes if change.name in hints})
    return cls(**{name: _typed(name, hints[name], value) for name, value in values.items()})


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
    cls: type, changes: Sequence[Parameter[Any]], frozen_prefix: str
) -> SetParametersResult | None:
    """Refuse a change of a field that is not live; None if there is none.

    Args:
        cls: The dataclass.
        changes: What is asked for.
        frozen_prefix: Prefix of other parameters that are not live.
    """
    live = {field.name: field.metadata['is_live'] for field in dataclasses.fields(cls)}
    for change in changes:
        if not live.get(change.name, not change.name.startswith(frozen_prefix)):
            return SetParametersResult(
                successful=False,
                reason=f'{change.name} is {FROZEN}',
            )
    return None
