# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Findings about what the network reads."""

from __future__ import annotations

from collections.abc import Iterator

from distill_runtime.spec.compile import external_terms
from distill_runtime.spec.term import spread, Term
from distill_runtime.spec.terms import JointPosition, ONLINE_MESSAGES

from .finding import Case, Finding

_COMMAND_HINT = (
    'give command: {lower: [vx, vy, yaw], upper: [vx, vy, yaw]}, the range of the training, in '
    'm/s and rad/s'
)


def base_linear_velocity(case: Case) -> Iterator[Finding]:
    """Warn about the one term that most robots cannot measure."""
    if any(term.source == 'Odometry' for term in case.spec.terms):
        yield Finding(
            code='input.base_linear_velocity',
            severity='warning',
            message='base_linear_velocity is read: JointState and Imu do not give it',
            hint='publish /odom with a velocity in the base frame that is as accurate as the one '
            'in training; without it the node sends no command. A student without this term '
            'needs no odometry',
        )


def external(case: Case) -> Iterator[Finding]:
    """List the topics that another node has to publish."""
    for term in external_terms(case.spec):
        age = f'at most {term.max_age:g} s old' if term.max_age else 'of any age'
        if term.is_offline:
            yield Finding(
                code='input.offline',
                severity='warning',
                message=f'{term.width} elements come from {term.field} of {term.topic}, '
                f'{term.message}, {age}: only recordings supply it, the node refuses the policy',
                hint='a teacher may label recordings with it; a policy that runs on the robot '
                f'reads {" or ".join(ONLINE_MESSAGES)}',
            )
            continue
        yield Finding(
            code='input.external',
            severity='info',
            message=f'{term.width} elements come from {term.topic}, {term.message}, {age}',
            hint=f'a node must publish {term.topic} before the policy starts',
        )


def missing_command_range(case: Case) -> Iterator[Finding]:
    """Warn where nothing keeps commands within the trained range."""
    if case.spec.command is None and any(term.source == 'Twist' for term in case.spec.terms):
        yield Finding(
            code='command.missing',
            severity='warning',
            message='command is missing: any velocity command reaches the network',
            hint=case.sourced.unstated.get('command', _COMMAND_HINT),
        )


def missing_scale(case: Case) -> Iterator[Finding]:
    """Warn about a forgotten scale: a training that scales the gyro scales joint velocities."""
    by_kind = {term.kind: term for term in reversed(case.spec.terms)}
    gyro, speed = by_kind.get('base_angular_velocity'), by_kind.get('joint_velocity')
    if gyro is None or speed is None:
        return
    if _is_unscaled(gyro) != _is_unscaled(speed):
        plain, scaled = (gyro, speed) if _is_unscaled(gyro) else (speed, gyro)
        yield Finding(
            code='scale.partial',
            severity='warning',
            message=f'{scaled.kind} has a scale and {plain.kind} has none',
            hint=f'look up the scale of {plain.kind} in the training: usual are 0.2 or 0.25 for '
            'the gyro and 0.05 for joint velocities',
        )
    elif all(map(_is_unscaled, case.spec.terms)):
        yield Finding(
            code='scale.none',
            severity='info',
            message='no term has a scale',
            hint='correct if the network normalizes its input itself, as mjlab and Playground '
            'export it; otherwise the scales were lost',
        )


def negative_scale(case: Case) -> Iterator[Finding]:
    """Warn about a negative scale: it means that the training used another frame."""
    for term in case.spec.terms:
        if min(_scales(term)) < 0.0:
            yield Finding(
                code='scale.negative',
                severity='warning',
                message=f'{term.kind} has the negative scale {min(_scales(term)):g}',
                hint='was an axis, or gravity, inverted in training? projected_gravity is '
                '(0, 0, -1) when level',
            )


def absolute_position(case: Case) -> Iterator[Finding]:
    """Report absolute joint positions: most trainings subtract the default pose."""
    if any(isinstance(term, JointPosition) and not term.relative for term in case.spec.terms):
        yield Finding(
            code='input.joint_position_absolute',
            severity='info',
            message='joint_position is absolute, the default position is not subtracted',
            hint='set relative: true unless the training observed absolute positions',
        )


def _scales(term: Term) -> tuple[float, ...]:
    return spread(term.scale, 1)


def _is_unscaled(term: Term) -> bool:
    return all(scale == 1.0 for scale in _scales(term))


CHECKS = (
    base_linear_velocity,
    external,
    missing_command_range,
    missing_scale,
    negative_scale,
    absolute_position,
)
