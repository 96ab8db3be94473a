# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Findings about the conversion of the network output to targets."""

from __future__ import annotations

from collections.abc import Iterator
import math
from typing import NamedTuple

from distill_runtime.core.arrays import FloatArray
from distill_runtime.spec.compile import action_layout
from distill_runtime.spec.spec import PolicySpec

from .finding import Case, Finding

_UNLIMITED = (-math.inf, math.inf)


class _Target(NamedTuple):
    """Conversion of the output to the target of one position joint."""

    joint: str
    scale: float
    offset: float
    default: float
    limits: tuple[float, float]
    """In [rad]; infinite where the spec has none."""
    ends: tuple[float, float]
    """The least and the greatest target that the clips allow, in [rad]."""


def action_scale(case: Case) -> Iterator[Finding]:
    """Warn about scales that move a joint hardly at all, or by a turn, per unit of output."""
    targets = list(_targets(case.spec))
    implausible = [target for target in targets if not 0.01 <= abs(target.scale) <= 2.0]
    if implausible:
        yield Finding(
            code='action.scale_implausible',
            severity='warning',
            message=f'outputs.action.scale of {implausible[0].joint} is '
            f'{implausible[0].scale:g} rad per unit of output, expected 0.01 to 2 '
            f'({len(implausible)} of {len(targets)} joints)',
            hint='look up the action scale of the training: usual are 0.25 and 0.5',
        )


def offset_off_default(case: Case) -> Iterator[Finding]:
    """Warn where an output of 0 does not mean the default pose, as in nearly every training.

    A graph that holds the whole computation outputs the targets themselves; it is skipped.
    """
    targets = list(_targets(case.spec))
    if all((target.scale, target.offset) == (1.0, 0.0) for target in targets):
        return
    shifted = [target for target in targets if not abs(target.offset - target.default) <= 1e-3]
    if shifted:
        worst = max(shifted, key=lambda target: abs(target.offset - target.default))
        yield Finding(
            code='action.offset_off_default',
            severity='warning',
            message=f'outputs.action.offset of {worst.joint} is {worst.offset:g} rad, its default '
            f'position {worst.default:g} rad ({len(shifted)} of {len(targets)} joints)',
            hint='set offset: default unless the training added another pose to the action',
        )


def range_at_clip(case: Case) -> Iterator[Finding]:
    """Report an action clip that allows targets outside the joint range."""
    targets = [target for target in _targets(case.spec) if target.ends != _UNLIMITED]
    outside = [
        target
        for target in targets
        if target.ends[0] < target.limits[0] or target.ends[1] > target.limits[1]
    ]
    if outside:
        target, ends = outside[0], outside[0].ends
        yield Finding(
            code='action.range_outside_limits',
            severity='info',
            message=f'at the action clip {target.joint} would go to {ends[0]:g} .. {ends[1]:g} '
            f'rad, its limits are {target.limits[0]:g} .. {target.limits[1]:g} rad '
            f'({len(outside)} of {len(targets)} joints)',
            hint='commands are clipped to the limits; a clip at the range of the training would '
            'also stop a network that diverges',
        )


def _targets(spec: PolicySpec) -> Iterator[_Target]:
    """Yield the position joints that the policy moves; none for discrete actions."""
    action = action_layout(spec, spec.joints)
    for index, joint in enumerate(action.joints.tolist() if action.choices is None else ()):
        if spec.modes[joint] == 'position':
            scale, offset = float(action.scale[index]), float(action.offset[index])
            low, high = ends = _bounds(action.clip, index)
            if ends != _UNLIMITED:
                low, high = sorted(offset + scale * bound for bound in ends)
            lower, upper = _bounds(action.target_clip, index)
            yield _Target(
                joint=spec.joints[joint],
                scale=scale,
                offset=offset,
                default=spec.default_position[joint],
                limits=spec.limits.position[joint] if spec.limits.position else _UNLIMITED,
                ends=(max(low, lower), min(high, upper)),
            )


def _bounds(clip: tuple[FloatArray, FloatArray] | None, index: int) -> tuple[float, float]:
    return _UNLIMITED if clip is None else (float(clip[0][index]), float(clip[1][index]))


CHECKS = (action_scale, offset_off_default, range_at_clip)
