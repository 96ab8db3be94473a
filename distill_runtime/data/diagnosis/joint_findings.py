# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Findings about the joints of a recording: units, velocities, limits, default pose, order.

Joint order: a joint tracks its command with a lag, and hardly at all where its gains are low. In
correct recordings of walks with six policies joints correlate with the command of another leg
with up to 0.87. So only a joint that tracks another command closely is a finding.
"""

from __future__ import annotations

from collections.abc import Iterator

from distill_runtime.core.arrays import FloatArray
from distill_runtime.spec.findings.finding import Finding
import numpy as np

from .bag_case import BagCase
from .differentiate import mean_over, rates, spans

DEGREES = 180.0 / np.pi
LEAST_RATE = 0.05
"""Least standard deviation of the velocity of a moving joint, in [rad]/[s]."""
SLACK = 0.05
"""Overshoot of a limit from calibration and compliance, in [rad]."""
LEAST_SPREAD = 0.02
"""Least standard deviation of a moving joint, in [rad]."""
CLOSE = 0.95
"""Correlation from which a joint tracks a command closely."""
MARGIN = 0.3
"""Least advantage over the correlation of a joint with its command."""
LAGS = (0.0, 0.02, 0.04, 0.06, 0.08, 0.1, 0.12, 0.14)
"""Lags to try, in [s]; the legs of a gait are further apart."""


def degrees(case: BagCase) -> Iterator[Finding]:
    """Find positions in degrees: absurdly far from the default pose."""
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
            message=f'{case.names[worst]} stands at {pose[worst]:.1f}, which in rad is {far:.1f} '
            f'rad from the default pose: the positions look like degrees',
            hint='publish JointState in rad and rad/s',
        )


def outside_limits(case: BagCase) -> Iterator[Finding]:
    """Find measured positions beyond the limits: wrong limits, zero or joint."""
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
    """Find a mean pose far from the default pose, about which a legged robot moves."""
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
            message=f'{case.names[worst]} is at {pose[worst]:.2f} rad on average, '
            f'{distance[worst]:.2f} rad from its default position {default[worst]:.2f} rad',
            hint='is default_position in the order of joints, is it the pose of the training? For '
            'a manipulator this may be normal',
        )


def velocity(case: BagCase) -> Iterator[Finding]:
    """Compare joint velocities with the rate of change of the positions."""
    pairs = spans(case.stamp_ns)
    if case.velocity is None or len(pairs.dt) < 20:
        return
    moved, measured = rates(case.position, pairs), mean_over(case.velocity, pairs)
    moves = moved.std(axis=0) > LEAST_RATE
    slopes = np.einsum('ij,ij->j', moved, measured) / np.maximum((moved**2).sum(axis=0), 1e-12)
    matches = correlations(moved, measured)
    fits = np.diagonal(matches)
    for unit, factor in (('deg/s', DEGREES), ('the opposite sign', -1.0)):
        is_wrong = moves & (np.abs(slopes / factor - 1.0) < 0.3) & (fits * np.sign(factor) > 0.7)
        if is_wrong.any():
            first = int(is_wrong.argmax())
            yield Finding(
                code='bag.velocity',
                severity='error',
                message=f'velocity of {case.names[first]} is {slopes[first]:.3g} times the rate '
                f'of change of its position: it looks like {unit} '
                f'({int(is_wrong.sum())} of {int(moves.sum())} joints that move)',
                hint='publish velocities in rad/s, positive where the position grows',
            )
            return
    is_unrelated = moves & (fits < 0.5)
    if is_unrelated.any():
        first = int(is_unrelated.argmax())
        other = int(matches[first].argmax())
        yield Finding(
            code='bag.velocity',
            severity='warning',
            message=f'velocity of {case.names[first]} does not follow its position (correlation '
            f'{fits[first]:.2f}, {int(is_unrelated.sum())} of {int(moves.sum())} joints that '
            f'move); that of {case.names[other]} fits best',
            hint='are positions and velocities in the same joint order?',
        )


def follows_another(case: BagCase) -> Iterator[Finding]:
    """Find positions that track the command of another joint: names in the wrong order."""
    commands = case.recording.joint_command
    if commands is None or not case.names or not set(case.names) <= set(commands.joints):
        return
    has_header = not commands.topic.type.endswith('MultiArray')
    joints = case.recording.joints
    times = commands.stamp_ns if has_header else commands.receive_ns
    samples = joints.stamp_ns if has_header else joints.receive_ns
    columns = [commands.joints.index(name) for name in case.names]
    is_late = samples >= times[0] + round(LAGS[-1] * 1e9)
    measured = case.position[is_late]
    if len(measured) < 50:
        return
    match = np.full((len(columns), len(columns)), -1.0)
    for lag in LAGS:
        rows = np.searchsorted(times, samples[is_late] - round(lag * 1e9), side='right') - 1
        sent = commands.position[rows][:, columns]
        np.maximum(match, correlations(measured, sent), out=match)
    with_itself = np.diagonal(match)
    best = match.argmax(axis=1)
    moves = (measured.std(axis=0) > LEAST_SPREAD) & (sent.std(axis=0) > LEAST_SPREAD)
    swapped = [
        joint
        for joint in np.flatnonzero(moves).tolist()
        if best[joint] != joint
        and match[joint, best[joint]] > max(CLOSE, with_itself[joint] + MARGIN)
    ]
    if swapped:
        joint, other = swapped[0], int(best[swapped[0]])
        is_mutual = other in swapped and int(best[other]) == joint
        yield Finding(
            code='bag.joints_swapped',
            severity='error',
            message=f'{case.names[joint]} tracks the command of {case.names[other]} '
            f'(correlation {match[joint, other]:.2f}, to the command of {case.names[joint]} '
            f'{with_itself[joint]:.2f})'
            + (', and vice versa' if is_mutual else '')
            + f'; {len(swapped)} of {int(moves.sum())} joints that move track another',
            hint='bring joint_states and joint_command into one order of names',
        )


def correlations(left: FloatArray, right: FloatArray) -> FloatArray:
    """Return the correlation of each left with each right column; 0 for constants."""
    left, right = left - left.mean(axis=0), right - right.mean(axis=0)
    size = np.outer(np.linalg.norm(left, axis=0), np.linalg.norm(right, axis=0))
    return np.divide(left.T @ right, size, out=np.zeros_like(size), where=size > 1e-9)


CHECKS = (degrees, outside_limits, far_from_default, velocity, follows_another)
