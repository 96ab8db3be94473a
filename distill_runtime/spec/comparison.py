# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Whether two sources say the same of a field, in whatever form each says it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
import math
from typing import Any

from distill_runtime.errors import ConfigError

from .mapping import read_dataclass, to_mapping
from .tensors import InputSpec

_TOLERANCE = 1e-12
"""Numbers are equal to the last digit that a float keeps in text."""


def agree(field: str, left: Any, right: Any) -> bool:
    """Whether two plain values of a field of a spec mean the same.

    One number stands for a list of it; what is at its default need not be written; a tensor may
    have a name in one source and a position in the other.

    Args:
        field: Its dotted name.
        left: Value of one source.
        right: Value of the other.
    """
    if field == 'outputs.action.name':
        return _same_tensor(left, right)
    return _same(_normal(field, left), _normal(field, right))


def restricted(field: str, value: Any, claim: Any) -> Any:
    """Return the part of a value that a claim is about; lists of another length stay whole."""
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
    """Whether two names, or two positions, are equal; which name a position has is not known."""
    return isinstance(left, int) != isinstance(right, int) or bool(left == right)


def _is_list(value: object) -> bool:
    return isinstance(value, (list, tuple))


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _normal(field: str, value: Any) -> Any:
    """Write tensors in one way, whichever of several a source has; what is wrong stays."""
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
