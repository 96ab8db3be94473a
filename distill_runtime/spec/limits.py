# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""The hard limits of the joints of a policy."""

from __future__ import annotations

from dataclasses import dataclass
import math
from typing import Any

from .mapping import read_fields


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Hard limits of the joints, in policy order; what is absent is not limited.

    A joint without a limit (a wheel, say) has an infinite one here, and null in a file: JSON has
    no infinity.
    """

    position: tuple[tuple[float, float], ...] | None = None
    """In [rad], (lower, upper)."""
    velocity: tuple[float, ...] | None = None
    """In [rad]/[s]."""
    effort: tuple[float, ...] | None = None
    """In [N m]."""

    @classmethod
    def from_mapping(cls, mapping: object, where: str) -> Limits:
        """Read the form of a file.

        Raises:
            ConfigError: If a key is unknown, or a value is neither a finite number nor null.
        """
        form = read_fields(_LimitsForm, mapping, where)
        return cls(
            position=None
            if form.position is None
            else tuple((_or(low, -math.inf), _or(high, math.inf)) for low, high in form.position),
            velocity=_bounded(form.velocity),
            effort=_bounded(form.effort),
        )

    def to_mapping(self) -> dict[str, Any]:
        """Return the mapping that from_mapping reads."""
        pairs = None if self.position is None else [list(pair) for pair in self.position]
        fields = {'position': pairs, 'velocity': self.velocity, 'effort': self.effort}
        return {name: _plain(values) for name, values in fields.items() if values is not None}


@dataclass(frozen=True, kw_only=True)
class _LimitsForm:
    """Limits as they stand in a file."""

    position: tuple[tuple[float | None, float | None], ...] | None = None
    velocity: tuple[float | None, ...] | None = None
    effort: tuple[float | None, ...] | None = None


def _bounded(values: tuple[float | None, ...] | None) -> tuple[float, ...] | None:
    return None if values is None else tuple(_or(value, math.inf) for value in values)


def _or(value: float | None, unlimited: float) -> float:
    return unlimited if value is None else value


def _plain(value: Any) -> Any:  # noqa: ANN401 - numbers, in lists of any depth
    """Turn infinities into None, tuples into lists."""
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value if math.isfinite(value) else None
