# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Findings about the joint states of a recording: units, velocities, limits, the default pose."""

from __future__ import annotations

from collections.abc import Iterator

from distill_runtime.core.arrays import FloatArray
from distill_runtime.spec.findings.finding import Finding
import numpy as np

from .bag_case import BagCase
from .differentiate import mean_over, rates, spans

DEGREES = 180.0 / np.pi
LEAST_RATE = 0.05
"""Standard deviation of a joint velocity that tells something, in [rad]/[s]."""
SLACK = 0.05
"""Overshoot of a limit that calibration and compliance explain, in [rad]."""


def degrees(case: BagCase) -> Iterator[Finding]:
    """JointState is in radians; a robot in degrees stands absurdly far from its default pose."""
    default = case.of_policy(case.spec.default_position)
    is_angle = np.abs(default) > 0.05
    if not is_angle.any() or not len(case.position):
        return
    pose = np.median(case.position, axis=0)
    far = float(np.abs(pose - default)[is_angle].max())
    near = float(np.abs(pose / DEGREES - default)[is_angle].max())
    if far > 5.0 and near < 0.2 * far:
        worst = int(np.abs(pose).argmax())
        yield Finding(
            code='bag.position_degrees',
            severity='error',
            message=f'{case.names[worst]} stands at {pose[worst]:.1f}, which as rad is {far:.1f} '
            f'rad from the default pose: the positions look like degrees',
            hint='publish JointState in rad and rad/s',
        )


def outside_limits(case: BagCase) -> Iterator[Finding]:
    """Measured positions beyond the limits: other limits, another zero, or another joint."""
    limits = case.spec.limits.position
    if limits is None or not len(case.position):
        return
    pairs = case.of_policy(np.array(limits).T)
    beyond = np.maximum(pairs[0] - case.position, case.position - pairs[1]).max(axis=0)
    if beyond.max() > SLACK:
        worst = int(beyond.argmax())
        low, high = pairs[:, worst]
        column = case.position[:, worst]
        yield Finding(
            code='bag.outside_limits',
            severity='warning',
            message=f'{case.names[worst]} was at {column.min():.2f} .. {column.max():.2f} rad, '
            f'its limits are {low:.2f} .. {high:.2f} rad '
            f'({int((beyond > SLACK).sum())} of {len(beyond)} joints)',
            hint='is it the right robot, is its zero calibrated, are the names in the right '
            'order?',
        )


def far_from_default(case: BagCase) -> Iterator[Finding]:
    """A legged robot moves about its default pose."""
    if not len(case.position):
        return
    default = case.of_policy(case.spec.default_position)
    pose = case.position.mean(axis=0)
    distance = np.abs(pose - default)
    worst = int(distance.argmax())
    if distance[worst] > 1.0:
        yield Finding(
            code='bag.default_far',
            severity='warning',
            message=f'{case.names[worst]} is at {pose[worst]:.2f} rad in the mean, '
            f'{distance[worst]:.2f} rad from its default position {default[worst]:.2f} rad',
            hint='is default_position in the order of joints, is it the pose of the training? A '
            'manipulator may well be there',
        )


def velocity(case: BagCase) -> Iterator[Finding]:
    """Joint velocities must be the rate of change of the positions."""
    parts = spans(case.stamp_ns)
    if case.velocity is None or len(parts.dt) < 20:
        return
    moved, measured = rates(case.position, parts), mean_over(case.velocity, parts)
    moves = moved.std(axis=0) > LEAST_RATE
    slopes = np.einsum('ij,ij->j', moved, measured) / np.maximum((moved**2).sum(axis=0), 1e-12)
    fits = _correlation(moved, measured)
    for unit, factor in (('deg/s', DEGREES), ('the opposite sign', -1.0)):
        odd = moves & (np.abs(slopes / factor - 1.0) < 0.3) & (fits * np.sign(factor) > 0.7)
        if odd.any():
            first = int(odd.argmax())
            yield Finding(
                code='bag.velocity',
                severity='error',
                message=f'velocity of {case.names[first]} is {slopes[first]:.3g} times the rate '
                f'of change of its position: it looks like {unit} '
                f'({int(odd.sum())} of {int(moves.sum())} joints that move)',
                hint='publish velocities in rad/s, positive where the position grows',
            )
            return
    odd = moves & (fits < 0.5)
    if odd.any():
        first = int(odd.argmax())
        other = _best_match(moved[:, first], measured)
        yield Finding(
            code='bag.velocity',
            severity='warning',
            message=f'velocity of {case.names[first]} does not follow its position (correlation '
            f'{fits[first]:.2f}, {int(odd.sum())} of {int(moves.sum())} joints that move); that '
            f'of {case.names[other]} fits best',
            hint='are positions and velocities in the same joint order?',
        )


def _correlation(left: FloatArray, right: FloatArray) -> FloatArray:
    """Return the correlation of each column with the same one of the other."""
    left, right = left - left.mean(axis=0), right - right.mean(axis=0)
    size = np.sqrt((left**2).sum(axis=0) * (right**2).sum(axis=0))
    return np.einsum('ij,ij->j', left, right) / np.maximum(size, 1e-12)


def _best_match(column: FloatArray, columns: FloatArray) -> int:
    return int(_correlation(np.repeat(column[:, None], columns.shape[1], 1), columns).argmax())


CHECKS = (degrees, outside_limits, far_from_default, velocity)
