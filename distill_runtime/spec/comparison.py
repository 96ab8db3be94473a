# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Compare two values of a spec field that may be written in different forms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
import math
from typing import Any

from distill_runtime.errors import ConfigError

from .mapping import read_dataclass, to_mapping
from .tensors import InputSpec

_TOLERANCE = 1e-12
"""Relative and absolute; covers the rounding of numbers written as text."""


def agree(field: str, left: Any, right: Any) -> bool:
    """Whether two plain values of a spec field are equivalent.

    One number equals a list of that number; a default may be omitted; a tensor may be given by
    name in one source and by position in the other.

    Args:
        field: Its dotted name.
        left: Value of one source.
        right: Value of the other.
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
