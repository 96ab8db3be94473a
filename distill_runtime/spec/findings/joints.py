# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Findings about joints: limits, gains and left-right symmetry."""

from __future__ import annotations

from collections.abc import Iterator
import math

from distill_runtime.spec.spec import PolicySpec

from .finding import Case, Finding
from .joint_order import mirror_pairs

_ROBOT_HINT = 'give the robot with --robot PROFILE or a URDF (parameter robot), or'
_GAINS_HINT = (
    'look them up in the training and set them in the driver; give them in the spec for '
    'command_type effort and for the simulator'
)


def missing_limits(case: Case) -> Iterator[Finding]:
    """Warn about missing limits: nothing bounds the commands of that mode."""
    limits = case.spec.limits
    for mode in ('position', 'velocity', 'effort'):
        joints = _in_mode(case.spec, mode)
        if getattr(limits, mode) is None and joints:
            yield Finding(
                code=f'limits.{mode}.missing',
                severity='warning',
                message=f'limits.{mode} is missing: nothing bounds the {mode} commands of '
                f'{_brief(joints)}',
                hint=f'{_ROBOT_HINT} limits.{mode} in the spec',
            )
    if limits.effort is None and not _in_mode(case.spec, 'effort'):
        yield Finding(
            code='limits.effort.missing',
            severity='info',
            message='limits.effort is missing: torques are not clipped with command_type effort, '
            'nor in the simulator',
            hint=f'{_ROBOT_HINT} limits.effort in the spec',
        )


def missing_gains(case: Case) -> Iterator[Finding]:
    """Warn about missing gains: a position policy works only with those it was trained with."""
    if case.spec.stiffness is None and _in_mode(case.spec, 'position'):
        yield Finding(
            code='gains.missing',
            severity='warning',
            message='stiffness and damping are missing: no source gives the gains that the policy '
            'was trained with',
            hint=case.sourced.unstated.get('stiffness', _GAINS_HINT),
        )


def implausible_gains(case: Case) -> Iterator[Finding]:
    """Warn about implausible gains."""
    spec = case.spec
    implausible = [
        (joint, stiffness, damping, _gain_problem(stiffness, damping))
        for joint, mode, stiffness, damping in zip(
            spec.joints, spec.modes, spec.stiffness or (), spec.damping or (), strict=False
        )
        if mode == 'position' and _gain_problem(stiffness, damping)
    ]
    if implausible:
        joint, stiffness, damping, problem = implausible[0]
        yield Finding(
            code='gains.implausible',
            severity='warning',
            message=f'stiffness, damping of {joint} are {stiffness:g} N m/rad, {damping:g} '
            f'N m s/rad: {problem} ({len(implausible)} of {len(spec.joints)} joints)',
            hint='compare them with the actuators of the training: are they in policy order?',
        )


def _gain_problem(stiffness: float, damping: float) -> str:
    """Return why the gains of a position joint are implausible; '' if they are not."""
    if stiffness == 0.0:
        return 'nothing pulls it to its target'
    if damping == 0.0:
        return 'nothing damps it'
    if damping > stiffness:
        return 'more damping than stiffness, were they swapped'
    if stiffness > 5000.0:
        return 'stiffer than any legged robot'
    return ''


def asymmetric(case: Case) -> Iterator[Finding]:
    """Warn where left and right differ: a list may be in another joint order."""
    spec = case.spec
    indices = {name: index for index, name in enumerate(spec.joints)}
    pairs = [(indices[left], indices[right]) for left, right in mirror_pairs(spec.joints)]
    for field, values in _mirrored_fields(spec):
        unequal = [
            (left, right)
            for left, right in pairs
            if not math.isclose(values[left], values[right], rel_tol=1e-3, abs_tol=1e-6)
        ]
        if unequal:
            left, right = unequal[0]
            yield Finding(
                code='joints.asymmetric',
                severity='warning',
                message=f'{field} of {spec.joints[left]} is {values[left]:g} but that of '
                f'{spec.joints[right]} is {values[right]:g} ({len(unequal)} of {len(pairs)} pairs '
                'differ)',
                hint=f'is {field} in the order of joints? Motor order and policy order are easily '
                'confused',
            )


def _mirrored_fields(spec: PolicySpec) -> Iterator[tuple[str, tuple[float, ...]]]:
    """Yield the fields that must be equal on both sides, one value per joint."""
    for field in ('stiffness', 'damping'):
        values = getattr(spec, field)
        if values is not None:
            yield field, values
    yield 'the size of default_position', tuple(map(abs, spec.default_position))
    scale = spec.outputs.action.scale
    if isinstance(scale, tuple) and spec.action_joints == spec.joints:
        yield 'the size of outputs.action.scale', tuple(map(abs, scale))
    if spec.limits.effort is not None:
        yield 'limits.effort', spec.limits.effort
    if spec.limits.position is not None:
        yield (
            'the width of limits.position',
            tuple(high - low for low, high in spec.limits.position),
        )


def unmatched(case: Case) -> Iterator[Finding]:
    """Report joints of the robot that the policy does not move."""
    if case.robot is None:
        return
    others = [name for name in case.robot.joints if name not in case.spec.action_joints]
    if others:
        yield Finding(
            code='joints.unmatched',
            severity='info',
            message=f'robot {case.robot.name} has {len(others)} joints that the policy does not '
            f'move: {_brief(others)}',
            hint='something else must hold them',
        )


def _in_mode(spec: PolicySpec, mode: str) -> list[str]:
    return [name for name, its in zip(spec.joints, spec.modes, strict=True) if its == mode]


def _brief(names: list[str]) -> str:
    if len(names) <= 3:
        return ', '.join(names)
    return f'{names[0]}, {names[1]} and {len(names) - 2} more'


CHECKS = (
    missing_limits,
    missing_gains,
    implausible_gains,
    asymmetric,
    unmatched,
)
