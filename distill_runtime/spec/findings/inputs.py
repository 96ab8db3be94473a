# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Findings about what the network reads."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

from distill_runtime.spec.terms import (
    BaseAngularVelocity,
    BaseLinearVelocity,
    External,
    JointPosition,
    JointVelocity,
    Term,
    VelocityCommand,
)

from .finding import Case, Finding

_T = TypeVar('_T', bound=Term)

_COMMAND_HINT = (
    'give command: {lower: [vx, vy, yaw], upper: [vx, vy, yaw]}, the range of the training, in '
    'm/s and rad/s'
)


def base_linear_velocity(case: Case) -> Iterator[Finding]:
    """The one term that most robots cannot measure."""
    if _of_kind(case, BaseLinearVelocity):
        yield Finding(
            code='input.base_linear_velocity',
            severity='warning',
            message='base_linear_velocity is read: JointState and Imu do not give it',
            hint='publish /odom with a velocity in the base frame that is as good as the one of '
            'the training; without it the node sends no command. A student without this term '
            'needs no odometry',
        )


def external(case: Case) -> Iterator[Finding]:
    """Topics beside the usual ones that somebody has to publish."""
    for term in _of_kind(case, External):
        age = f'at most {term.max_age:g} s old' if term.max_age else 'of any age'
        yield Finding(
            code='input.external',
            severity='info',
            message=f'{term.width} elements come from {term.topic}, {term.message}, {age}',
            hint=f'something must publish {term.topic} before the policy starts',
        )


def missing_command_range(case: Case) -> Iterator[Finding]:
    """Commands beyond the trained range make a policy fall."""
    if case.spec.command is None and _of_kind(case, VelocityCommand):
        yield Finding(
            code='command.missing',
            severity='warning',
            message='command is missing: any velocity command reaches the network',
            hint=case.sourced.unstated.get('command', _COMMAND_HINT),
        )


def lost_scale(case: Case) -> Iterator[Finding]:
    """Who scales the gyro scales joint velocities too; a forgotten scale is silent."""
    gyro, speed = _of_kind(case, BaseAngularVelocity), _of_kind(case, JointVelocity)
    if not gyro or not speed:
        return
    if _is_one(gyro[0]) != _is_one(speed[0]):
        plain, scaled = (gyro[0], speed[0]) if _is_one(gyro[0]) else (speed[0], gyro[0])
        yield Finding(
            code='scale.partial',
            severity='warning',
            message=f'{scaled.kind} has a scale and {plain.kind} has none',
            hint=f'look up the scale of {plain.kind} in the training: usual are 0.2 or 0.25 for '
            'the gyro and 0.05 for joint velocities',
        )
    elif all(_is_one(term) for entry in case.spec.inputs for term in entry.terms):
        yield Finding(
            code='scale.none',
            severity='info',
            message='no term has a scale',
            hint='right where the network normalises its input itself, as mjlab and Playground '
            'export it; else the scales were lost',
        )


def negative_scale(case: Case) -> Iterator[Finding]:
    """Signs follow from the frames of the terms; a negative scale is another frame."""
    for entry in case.spec.inputs:
        for term in entry.terms:
            if min(_scales(term)) < 0.0:
                yield Finding(
                    code='scale.negative',
                    severity='warning',
                    message=f'{term.kind} has the negative scale {min(_scales(term)):g}',
                    hint='was the policy trained with an axis or with gravity the other way '
                    'round? projected_gravity is (0, 0, -1) when level',
                )


def absolute_position(case: Case) -> Iterator[Finding]:
    """Most trainings subtract the default pose."""
    if any(not term.relative for term in _of_kind(case, JointPosition)):
        yield Finding(
            code='input.joint_position_absolute',
            severity='info',
            message='joint_position is read as it is, the default position is not subtracted',
            hint='set relative: true unless the training observed absolute positions',
        )


def _of_kind(case: Case, kind: type[_T]) -> list[_T]:
    return [term for entry in case.spec.inputs for term in entry.terms if isinstance(term, kind)]


def _scales(term: Term) -> tuple[float, ...]:
    return term.scale if isinstance(term.scale, tuple) else (term.scale,)


def _is_one(term: Term) -> bool:
    return all(scale == 1.0 for scale in _scales(term))


CHECKS = (
    base_linear_velocity,
    external,
    missing_command_range,
    lost_scale,
    negative_scale,
    absolute_position,
)
