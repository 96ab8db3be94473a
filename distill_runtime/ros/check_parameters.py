# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Parameters of the checks: checks.<name>.limit, .debounce and .action."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from distill_runtime.core.checks.registry import CHECK_ACTIONS, CheckConfig, CHECKS
from distill_runtime.errors import ConfigError
from rclpy.node import Node
from rclpy.parameter import Parameter

from .parameters import AT_LEAST_0, describe, FROZEN

CHECKS_PREFIX = 'checks.'


def check_fields(name: str) -> Iterator[tuple[str, float | str, str]]:
    """Yield name, default and description of each parameter of a check."""
    check = CHECKS[name]
    if check.limit_text:
        yield 'limit', check.default.limit, f'{check.text}: {check.limit_text}'
    if check.has_debounce:
        yield 'debounce', check.default.debounce, 'how long it must last before it counts, in s'
    yield (
        'action',
        check.default.action,
        "what is done about it; '' for fault_action",
    )


def declare_checks(node: Node) -> None:
    """Declare all of them."""
    for name in CHECKS:
        for field, default, text in check_fields(name):
            is_number = isinstance(default, float)
            descriptor = describe(
                text,
                type(default),
                FROZEN,
                AT_LEAST_0 if is_number else None,
                () if is_number else CHECK_ACTIONS,
            )
            node.declare_parameter(f'{CHECKS_PREFIX}{name}.{field}', default, descriptor)


def read_checks(node: Node, changes: Sequence[Parameter[Any]] = ()) -> Mapping[str, CheckConfig]:
    """Return the checks as the parameters have them.

    Args:
        node: Has them declared.
        changes: Values that are about to replace those of the node.

    Raises:
        ConfigError: If a value is of the wrong type or out of range.
    """
    new = {change.name: change.value for change in changes}
    checks = {}
    for name in CHECKS:
        values: dict[str, Any] = {}
        for field, default, _ in check_fields(name):
            full = f'{CHECKS_PREFIX}{name}.{field}'
            value = new[full] if full in new else node.get_parameter(full).value
            values[field] = _typed(full, value, default)
        try:
            checks[name] = CheckConfig(**values)
        except ConfigError as error:
            raise ConfigError(f'{CHECKS_PREFIX}{name}.{error}') from error
    return checks


def _typed(name: str, value: object, default: float | str) -> float | str:
    """Return a value as the type of its default; a whole number is good enough for a float."""
    if isinstance(default, str) and isinstance(value, str):
        return value
    if (
        isinstance(default, float)
        and isinstance(value, (int, float))
        and not isinstance(value, bool)
    ):
        return float(value)
    kind = 'a number' if isinstance(default, float) else 'a string'
    raise ConfigError(f'{name} is {value!r}, expected {kind}')
