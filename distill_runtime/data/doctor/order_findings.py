# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Findings about the joint order of what was sent: a joint follows its own command."""

from __future__ import annotations

from collections.abc import Iterator

from distill_runtime.core.arrays import FloatArray
from distill_runtime.spec.finding import Finding
import numpy as np

from .bag_case import BagCase

LEAST_SPREAD = 0.02
"""Standard deviation of a position that tells something, in [rad]."""


def follows_another(case: BagCase) -> Iterator[Finding]:
    """Positions that follow the command of another joint: names in the wrong order."""
    commands = case.recording.joint_command
    if commands is None or not case.names or not set(case.names) <= set(commands.joints):
        return
    has_header = not commands.topic.type.endswith('MultiArray')
    joints = case.recording.joints
    times = commands.stamp_ns if has_header else commands.receive_ns
    samples = joints.stamp_ns if has_header else joints.receive_ns
    rows = np.searchsorted(times, samples, side='right') - 1
    columns = [commands.joints.index(name) for name in case.names]
    sent = commands.position[rows[rows >= 0]][:, columns]
    measured = case.position[rows >= 0]
    if len(sent) < 50:
        return
    match = correlations(measured, sent)
    own = np.diagonal(match)
    best = match.argmax(axis=1)
    moves = (measured.std(axis=0) > LEAST_SPREAD) & (sent.std(axis=0) > LEAST_SPREAD)
    odd = [
        joint
        for joint in np.flatnonzero(moves).tolist()
        if best[joint] != joint and match[joint, best[joint]] > max(0.7, own[joint] + 0.3)
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
