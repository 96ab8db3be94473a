# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Metrics of commands and of the joints that track them."""

from __future__ import annotations

from dataclasses import dataclass

from distill_runtime.core.arrays import FloatArray
import numpy as np
import numpy.typing as npt

MAX_LAG = 10
"""Longest lag that is searched, in ticks."""
MIN_TICKS = 50
"""Fewest consecutive ticks for an estimate of the lag."""
MIN_MOTION = 1e-3
"""Standard deviation in [rad] below which a joint counts as standing."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Motion:
    """Metrics by joint, shape (num_joints,); NaN where unknown."""

    step_rms: FloatArray
    """RMS of the change of the command per tick."""
    step_max: FloatArray
    """Largest change of the command per tick."""
    bound: FloatArray
    """Share of the policy's ticks at which a limit changed the target."""
    saturated: FloatArray
    """Share of the policy's ticks at which the network's output was clipped."""
    lag: FloatArray
    """Time by which the measured position follows the command, in [s]."""
    apart: FloatArray
    """RMS of the tracking error, command minus measured position, in [rad]."""


def motion(
    command: FloatArray,
    position: FloatArray,
    is_valid: npt.NDArray[np.bool_],
    period: float,
    bound: npt.NDArray[np.bool_],
    clipped: npt.NDArray[np.bool_],
) -> Motion:
    """Compute the metrics of commands.

    Args:
        command: Shape (T, num_joints); NaN where none was sent.
        position: Measured at the same ticks in [rad], shape (T, num_joints).
        is_valid: Ticks to use, shape (T,).
        period: Between ticks in [s].
        bound: Whether a limit changed the target, shape (policy steps, num_joints).
        clipped: Whether the network output was clipped, same shape.
    """
    num_joints = command.shape[1]
    usable = is_valid & np.isfinite(command).all(axis=1)
    steps = np.diff(command, axis=0)[usable[1:] & usable[:-1]]
    none = np.full(num_joints, np.nan)
    run = _longest_run(usable)
    lag = none.copy()
    if run.stop - run.start >= MIN_TICKS:
        for joint in range(num_joints):
            lag[joint] = period * _lag(command[run, joint], position[run, joint])
    apart = command[usable] - position[usable]
    return Motion(
        step_rms=np.sqrt(np.mean(np.square(steps), axis=0)) if len(steps) else none,
        step_max=np.abs(steps).max(axis=0) if len(steps) else none,
        bound=bound.mean(axis=0) if len(bound) else none,
        saturated=clipped.mean(axis=0) if len(clipped) else none,
        lag=lag,
        apart=np.sqrt(np.mean(np.square(apart), axis=0)) if len(apart) else none,
    )


def _lag(command: FloatArray, position: FloatArray) -> float:
    """Return the shift in ticks that correlates command and position best; NaN: none does.

    A parabola through the best shift and its neighbors interpolates between ticks.
    """
    if min(command.std(), position.std()) < MIN_MOTION:
        return float('nan')
    count = len(command) - MAX_LAG
    fits = np.array(
        [
            np.corrcoef(command[:count], position[shift : shift + count])[0, 1]
            for shift in range(MAX_LAG + 1)
        ]
    )
    best = int(fits.argmax())
    if not fits[best] > 0.5:
        return float('nan')
    if not 0 < best < MAX_LAG:
        return float(best)
    before, top, after = fits[best - 1 : best + 2]
    bend = before - 2.0 * top + after
    return best + (0.5 * (before - after) / bend if bend < 0.0 else 0.0)


def _longest_run(usable: npt.NDArray[np.bool_]) -> slice:
    """Return the longest run of usable ticks."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], usable.astype(np.int8), [0]))))
    if not len(edges):
        return slice(0, 0)
    starts, ends = edges[::2], edges[1::2]
    longest = int((ends - starts).argmax())
    return slice(int(starts[longest]), int(ends[longest]))
