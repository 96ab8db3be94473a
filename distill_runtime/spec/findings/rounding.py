# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Findings about numbers that an exporter rounded.

mjlab and whole_body_tracking write metadata with three decimals: an action scale of 0.0745 becomes
0.075, 0.7 % too large. Only numbers that use their third decimal are examined: 0.25 was most
likely 0.25.
"""

from __future__ import annotations

from collections.abc import Iterator
import re
from typing import NamedTuple

from .finding import Case, Finding

_ROUNDED_SOURCE = re.compile(
    r' metadata: (joint_stiffness|joint_damping|action_scale|observation_)'
)
"""Sources that are rounded; holosoma uses other keys and keeps all digits."""
HALF_DIGIT = 0.0005
"""Largest error of a number with three decimals."""
NOTABLE = 0.005
"""Relative error above which the finding is a warning."""


class _Rounded(NamedTuple):
    """A number that may have been rounded."""

    error: float
    """Largest relative error."""
    where: str
    value: float
    source: str


def rounded(case: Case) -> Iterator[Finding]:
    """Report scales and gains that were probably rounded to three decimals."""
    numbers = [
        _Rounded(HALF_DIGIT / abs(value), where, value, source)
        for field, where, value in _numbers(case)
        if _ROUNDED_SOURCE.search(source := case.sourced.sources.get(field, ''))
        and _uses_third_decimal(value)
    ]
    if not numbers:
        return
    worst = max(numbers)
    yield Finding(
        code='scale.rounded',
        severity='warning' if worst.error > NOTABLE else 'info',
        message=f'{worst.where} is {worst.value:g} in {worst.source}, which keeps three decimals: '
        f'it may be off by {worst.error:.2%} ({len(numbers)} numbers may have been rounded)',
        hint='take the numbers from the training configuration, and give them with --spec',
    )


def _uses_third_decimal(value: float) -> bool:
    """Whether a number has three decimals, and not fewer or more."""
    thousandths = value * 1000.0
    return (
        abs(thousandths - round(thousandths)) < 1e-6
        and abs(value * 100.0 - round(value * 100.0)) > 1e-4
    )


def _numbers(case: Case) -> Iterator[tuple[str, str, float]]:
    """Yield the field, the dotted path and the value of each scale and gain."""
    spec = case.spec
    for field in ('stiffness', 'damping'):
        for name, value in zip(spec.joints, getattr(spec, field) or (), strict=False):
            yield field, f'{field}[{name}]', value
    scale = spec.outputs.action.scale
    field = 'outputs.action.scale'
    if isinstance(scale, tuple):
        for name, value in zip(spec.action_joints, scale, strict=True):
            yield field, f'{field}[{name}]', value
    elif scale is not None:
        yield field, field, scale
    for index, entry in enumerate(spec.inputs):
        for term in entry.terms:
            scales = term.scale if isinstance(term.scale, tuple) else (term.scale,)
            for value in scales:
                yield 'inputs', f'inputs[{index}].{term.kind}.scale', value


CHECKS = (rounded,)
