# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Whether the targets of a teacher mean the same for its student."""

from __future__ import annotations

from distill_runtime.errors import ConfigError

from .spec import PolicySpec


def check_joints(where: str, student: PolicySpec, teacher: PolicySpec) -> None:
    """Refuse other joints; their order may differ."""
    missing = [name for name in student.joints if name not in teacher.joints]
    extra = [name for name in teacher.joints if name not in student.joints]
    if missing or extra:
        raise ConfigError(
            f'{where}: its joints are not those of the student: it lacks {missing}, and the '
            f'student lacks {extra}: is it a policy of this robot?'
        )


def check_gains(where: str, student: PolicySpec, teacher: PolicySpec, hint: str = '') -> None:
    """Refuse other gains: the same target would ask for another torque."""
    for name in ('stiffness', 'damping'):
        ours, theirs = getattr(student, name), getattr(teacher, name)
        if ours is None or theirs is None:
            continue
        found = dict(zip(teacher.joints, theirs, strict=True))
        for joint, expected in zip(student.joints, ours, strict=True):
            if abs(found[joint] - expected) > 1e-6 * max(1.0, abs(expected)):
                raise ConfigError(
                    f'{where}: {name} of {joint} is {found[joint]:g}, expected {expected:g} as of '
                    f'the student: a target of the teacher would ask for another torque{hint}'
                )


def check_period(where: str, student: PolicySpec, teacher: PolicySpec) -> None:
    """Refuse another period."""
    if abs(teacher.period - student.period) > 1e-9:
        raise ConfigError(
            f'{where}: period is {teacher.period:g} s, expected {student.period:g} s as of the '
            'student: its labels would be for other times'
        )
