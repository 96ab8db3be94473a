# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Findings about the sources of a spec: conflicts and missing facts."""

from __future__ import annotations

from collections.abc import Iterator

from distill_runtime.spec.sources import differences

from .finding import Case, Finding

_REPORTED = ('command', 'stiffness', 'damping')
"""Fields that another finding reports if they are missing."""


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


CHECKS = (conflict, unstated, period, missing_golden)
