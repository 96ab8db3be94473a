# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Findings about the joint order of what was sent: a joint follows its own command.

It follows it late, and where a policy drives it softly hardly at all: in right recordings of walks
joints look like the command of another leg, with correlations up to 0.87, measured with six
policies. So only a joint that follows another command closely is an alarm.
"""

from __future__ import annotations

from collections.abc import Iterator

from distill_runtime.core.arrays import FloatArray
from distill_runtime.spec.findings.finding import Finding
import numpy as np

from .bag_case import BagCase

LEAST_SPREAD = 0.02
"""Standard deviation of a position that tells something, in [rad]."""
CLOSE = 0.95
"""Correlation from which a joint follows a command closely."""
APART = 0.3
"""By so much less it follows its own."""
LAGS = (0.0, 0.02, 0.04, 0.06, 0.08, 0.1, 0.12, 0.14)
"""Times in [s] after which a joint may follow; the legs of a gait are further apart."""


def follows_another(case: BagCase) -> Iterator[Finding]:
    """Positions that follow the command of another joint: names in the wrong order."""
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
    own = np.diagonal(match)
    best = match.argmax(axis=1)
    moves = (measured.std(axis=0) > LEAST_SPREAD) & (sent.std(axis=0) > LEAST_SPREAD)
    odd = [
        joint
        for joint in np.flatnonzero(moves).tolist()
        if best[joint] != joint and match[joint, best[joint]] > max(CLOSE, own[joint] + APART)
    ]
    if odd:
        joint, other = odd[0], int(best[odd[0]])
        is_mutual = other in odd and int(best[other]) == joint
        yield Finding(
            code='bag.joints_swapped',
            severity='error',
            message=f'{case.names[joint]} follows the command of {case.names[other]} '
            f'(correlation {match[joint, other]:.2f}, with its own {own[joint]:.2f})'
            + (', and the other way round' if is_mutual else '')
            + f'; {len(odd)} of {int(moves.sum())} joints that move follow another',
            hint='bring joint_states and joint_command into one order of names',
        )


def correlations(left: FloatArray, right: FloatArray) -> FloatArray:
    """Return the correlation of each column of one with each of the other; 0 for constants."""
    left, right = left - left.mean(axis=0), right - right.mean(axis=0)
    size = np.outer(np.linalg.norm(left, axis=0), np.linalg.norm(right, axis=0))
    return np.divide(left.T @ right, size, out=np.zeros_like(size), where=size > 1e-9)


CHECKS = (follows_another,)
