# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Where two sources of one field differ: per joint and per key instead of two long lists.

limits.effort of joints (hip, knee), [88.0, 50.0] and [88.0, 35.0]
-> limits.effort[knee]: 50.0, 35.0
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
import math
from typing import NamedTuple

from .mapping import shown
from .sources import Conflict


class Difference(NamedTuple):
    """One element of a field that two sources give different values."""

    where: str
    """Dotted path, with the name of the joint where there is one element per joint."""
    value: str
    """The value that is used."""
    other_value: str


def differences(conflict: Conflict, joints: tuple[str, ...]) -> list[Difference]:
    """Return the elements that differ, at least one.

    Args:
        conflict: Field with both values.
        joints: Names of the elements of lists that have one element per joint.
    """
    found = _walk(conflict.field, conflict.value, conflict.other_value, joints)
    whole = Difference(conflict.field, shown(conflict.value), shown(conflict.other_value))
    return list(found) or [whole]


def _walk(
    where: str, left: object, right: object, joints: tuple[str, ...]
) -> Iterator[Difference]:
    """Yield the leaves of two plain values that differ; a range of numbers is one leaf."""
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        for key in [*left, *(key for key in right if key not in left)]:
            yield from _walk(f'{where}.{key}', left.get(key), right.get(key), joints)
    elif isinstance(left, (list, tuple)) and isinstance(right, (list, tuple)) and joints:
        if len(left) != len(right):
            yield Difference(where, f'{len(left)} elements', f'{len(right)} elements')
            return
        names = joints if len(joints) == len(left) else range(len(left))
        for name, one, other in zip(names, left, right, strict=True):
            inner = joints if isinstance(one, Mapping) else ()
            yield from _walk(f'{where}[{name}]', one, other, inner)
    elif not _same(left, right):
        yield Difference(where, shown(left), shown(right))


def _same(left: object, right: object) -> bool:
    if isinstance(left, (list, tuple)) and isinstance(right, (list, tuple)):
        return len(left) == len(right) and all(map(_same, left, right))
    if isinstance(left, (int, float)) and isinstance(right, (int, float)):
        return math.isclose(left, right, rel_tol=1e-12, abs_tol=1e-12)
    return left == right
