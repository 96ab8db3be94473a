# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Findings about the sources of a spec: conflicts, missing facts, and rounded numbers.

mjlab and whole_body_tracking write metadata with three decimals: an action scale of 0.0745 becomes
0.075, 0.7 % too large. Only numbers that use their third decimal are examined: 0.25 was most
likely 0.25.
"""

from __future__ import annotations

from collections.abc import Iterator
import re
from typing import NamedTuple

from distill_runtime.spec.sources import differences
from distill_runtime.spec.term import spread

from .finding import Case, Finding

_REPORTED = ('command', 'stiffness', 'damping')
"""Fields that another finding reports if they are missing."""
_ROUNDED_SOURCE = re.compile(
    r' metadata: (joint_stiffness|joint_damping|action_scale|observation_)'
)
"""Sources that are rounded; holosoma uses other keys and keeps all digits."""
HALF_DIGIT = 0.0005
"""Largest error of a number with three decimals."""
NOTABLE = 0.005
"""Relative error above which the finding is a warning."""


def conflict(case: Case) -> Iterator[Finding]:
    """Report two sources that give one field different values."""
    for entry in case.sourced.conflicts:
        first, *others = differences(entry, case.spec.joints)
        more = f', and {len(others)} more' if others else ''
        yield Finding(
            code='source.conflict',
            severity='info' if entry.field == 'name' else 'warning',
            message=f'{first.where} is {first.value} in {entry.source}, which is used, but '
            f'{first.other_value} in {entry.other_source}{more}',
            hint='find out which one the policy was trained with, and correct the other; a file '
            'given with --spec overrides both',
        )


def missing_golden(case: Case) -> Iterator[Finding]:
    """Report missing golden vectors: changed outputs of the network would go unnoticed."""
    if case.spec.golden is None:
        yield Finding(
            code='golden.missing',
            severity='info',
            message='golden is missing: a changed file, runtime or processor would not be noticed',
            hint='record input and output pairs where the policy was exported, under golden',
        )


def unstated(case: Case) -> Iterator[Finding]:
    """Report fields that the dialect cannot express though such a policy may have them."""
    for field, hint in case.sourced.unstated.items():
        if field not in _REPORTED:
            yield Finding(
                code='source.unstated',
                severity='info',
                message=f'{field} is given by no source',
                hint=hint,
            )


def period(case: Case) -> Iterator[Finding]:
    """Warn about an implausible period: seconds and milliseconds are easily confused."""
    value = case.spec.period
    if not 0.001 <= value <= 0.5:
        yield Finding(
            code='period.implausible',
            severity='warning',
            message=f'period is {value} s, {1.0 / value:g} Hz, expected 0.001 s to 0.5 s',
            hint='period is the time between two policy steps in s: the physics step of the '
            'training times its decimation',
        )


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
            for value in spread(term.scale, 1):
                yield 'inputs', f'inputs[{index}].{term.kind}.scale', value


CHECKS = (conflict, unstated, period, missing_golden, rounded)
