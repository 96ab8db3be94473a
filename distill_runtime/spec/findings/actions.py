# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Findings about the conversion of the network output to targets."""

from __future__ import annotations

from collections.abc import Iterator
import math
from typing import NamedTuple

from distill_runtime.spec.spec import PolicySpec
from distill_runtime.spec.term import clip_pairs, ClipPair

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
    clip: tuple[float, float]
    """Of the network output; infinite where the spec has none."""
    target_clip: tuple[float, float]
    """Of the target in [rad]; infinite where the spec has none."""

    @property
    def ends(self) -> tuple[float, float]:
        """The least and the greatest target, in [rad]."""
        ends = list(_UNLIMITED)
        if self.clip != _UNLIMITED:
            ends = sorted(self.offset + self.scale * bound for bound in self.clip)
        return max(ends[0], self.target_clip[0]), min(ends[1], self.target_clip[1])


def action_scale(case: Case) -> Iterator[Finding]:
    """Warn about scales that move a joint hardly at all, or by a turn, per unit of output."""
    targets = _targets(case.spec)
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
    targets = _targets(case.spec)
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


def _targets(spec: PolicySpec) -> list[_Target]:
    """Return the position joints that the policy moves; none for discrete actions."""
    action = spec.outputs.action
    if action.scale is None:
        return []
    num_targets = len(spec.action_joints)
    scales = action.scale if isinstance(action.scale, tuple) else (action.scale,) * num_targets
    unbounded = ((None, None),) * num_targets
    pairs = clip_pairs(action.clip, num_targets) or unbounded
    target_pairs = clip_pairs(action.target_clip, num_targets) or unbounded
    targets = []
    for index, name in enumerate(spec.action_joints):
        joint = spec.joints.index(name)
        if spec.modes[joint] != 'position':
            continue
        default = spec.default_position[joint]
        targets.append(
            _Target(
                joint=name,
                scale=scales[index],
                offset=action.offset[index] if isinstance(action.offset, tuple) else default,
                default=default,
                limits=spec.limits.position[joint] if spec.limits.position else _UNLIMITED,
                clip=_bounds(pairs[index]),
                target_clip=_bounds(target_pairs[index]),
            )
        )
    return targets


def _bounds(pair: ClipPair) -> tuple[float, float]:
    low, high = pair
    return -math.inf if low is None else low, math.inf if high is None else high


CHECKS = (action_scale, offset_off_default, range_at_clip)
