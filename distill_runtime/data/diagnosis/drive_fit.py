# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Fit drives to the targets of a policy: how much of a recorded robot do its targets explain?

Two series show what a robot was commanded: its joint commands or, where those are not recorded,
its efforts. A drive turns a target into

    effort = stiffness (target - position) - damping velocity + constant

So a linear regression of the effort on target, position and velocity, joint by joint, leaves
almost no residual if these targets were sent. Its coefficients are stiffness and damping. A wrong
contract gives other targets, which fit poorly. R squared is measured against a regression on
position and velocity alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from distill_runtime.core.arrays import BoolArray, FloatArray, IndexArray
import numpy as np
import numpy.typing as npt

from .bag_case import BagCase, Run

MIN_TICKS = 50
"""Fewest ticks for a regression."""
CLEAR = 0.9
"""R squared from which the coefficients of a joint are meaningful."""
WARM_UPS = (1.0, 0.5)
"""Time to skip after each start of the policy, in [s]; the first one that leaves enough ticks. A
recording that begins in the middle of a run lacks the frames and actions before, and so does one
after a gap.
"""


Reference = Literal['commands', 'efforts']


class DriveFit(NamedTuple):
    """How well targets fit the recorded commands or efforts; arrays have shape (len(names),)."""

    reference: Reference
    names: tuple[str, ...]
    """Joints."""
    r_squared: FloatArray
    """1 is a perfect fit, 0 or less is none."""
    scale: FloatArray
    """Factor on the distance of a target from its default that fits best; NaN without a fit."""
    stiffness: FloatArray
    """Estimate in [N m]/[rad]; NaN without a fit."""
    shift: FloatArray
    """Offset of a target that fits best, in [rad]; NaN without a fit."""

    @property
    def median_r_squared(self) -> float:
        """R squared of the median joint."""
        return float(np.median(self.r_squared))


class TargetSamples(NamedTuple):
    """Targets of some ticks, and which recorded rows they led to."""

    target: FloatArray
    """Shape (n, num_joints)."""
    rows: IndexArray
    """JointState of each tick, shape (n,)."""
    outcome_rows: IndexArray
    """Row of the command or effort that followed, shape (n,)."""


class DriveModel:
    """A linear model per joint from target and measured values to the recorded series.

    Attributes:
        recorded: Commands in [rad] or efforts in [N m], shape (N, num_joints).
    """

    def __init__(self, recorded: FloatArray, measured: Sequence[FloatArray] = ()) -> None:
        """Store the series.

        Args:
            recorded: Commands in [rad] or efforts in [N m], shape (N, num_joints).
            measured: Further inputs of the drive, each of shape (N, num_joints).
        """
        self.recorded = recorded
        self._measured = tuple(measured)
        self._variance = np.var(recorded, axis=0).tolist()

    def regressors(self, samples: TargetSamples, joint: int) -> FloatArray:
        """Return target, measured values and a constant of a joint, shape (n, regressors)."""
        measured = (values[samples.outcome_rows, joint] for values in self._measured)
        ones = np.ones(len(samples.outcome_rows))
        return np.column_stack((samples.target[:, joint], *measured, ones))

    def outcome(self, samples: TargetSamples, joint: int) -> FloatArray:
        """Return the recorded values of a joint, shape (n,)."""
        return self.recorded[samples.outcome_rows, joint]

    def fit(self, parts: Sequence[tuple[TargetSamples, BoolArray]]) -> FloatArray:
        """Return the weights of each joint, shape (num_joints, regressors).

        Args:
            parts: Samples, and which of them to use.
        """
        chosen = [
            TargetSamples(part.target[mask], part.rows[mask], part.outcome_rows[mask])
            for part, mask in parts
        ]
        return np.array(
            [
                np.linalg.lstsq(
                    np.vstack([self.regressors(samples, joint) for samples in chosen]),
                    np.concatenate([self.outcome(samples, joint) for samples in chosen]),
                    rcond=None,
                )[0]
                for joint in range(self.recorded.shape[1])
            ]
        )

    def errors(self, samples: TargetSamples, weights: FloatArray) -> FloatArray:
        """Return the squared error of each tick relative to the variance, shape (n,)."""
        total = np.zeros(len(samples.rows))
        for joint, (variance, row) in enumerate(zip(self._variance, weights, strict=True)):
            if variance > 1e-12:
                residual = self.outcome(samples, joint) - self.regressors(samples, joint) @ row
                total += residual**2 / variance
        return total


def fit_drive(case: BagCase, run: Run, first: int = 0) -> DriveFit | None:
    """Fit targets to commands, else to efforts; None: too little is recorded.

    Args:
        case: The recording.
        run: The policy over it, with this or another contract.
        first: Score only this number of ticks after each start; 0: all other ticks.
    """
    names = compared_joints(case, run)
    settled = settled_ticks(run)
    wanted = _first_ticks(case, run, first) if first else settled
    if np.count_nonzero(settled) < MIN_TICKS or not names or not wanted.any():
        return None
    commands = case.recording.joint_command
    if commands is not None and set(names) <= set(commands.joints):
        scored = target_samples(case, run, 'commands', wanted)
        if len(scored.rows) >= 0.5 * np.count_nonzero(wanted):
            return _fit_commands(run, names, scored, drive_model(case, run, 'commands'))
    if case.effort is None or case.velocity is None:
        return None
    fitted = target_samples(case, run, 'efforts', settled)
    scored = target_samples(case, run, 'efforts', wanted) if first else fitted
    return _fit_efforts(run, names, fitted, scored, drive_model(case, run, 'efforts'))


def steps_since_start(
    is_valid: npt.NDArray[np.bool_], is_start: npt.NDArray[np.bool_] | None = None
) -> IndexArray:
    """Return the number of valid ticks since the last start, -1 for ticks that are not valid.

    Args:
        is_valid: Shape (T,).
        is_start: Ticks at which the policy restarts, shape (T,); None: those after ticks that are
            not valid.
    """
    ticks = np.arange(len(is_valid))
    starts = np.zeros(len(ticks), np.intp) if is_start is None else np.where(is_start, ticks, 0)
    last_start = np.maximum.accumulate(np.where(is_valid, starts, ticks + 1))
    return np.where(is_valid, ticks - last_start, -1)


def settled_ticks(run: Run) -> BoolArray:
    """Return the ticks that have a successor and no longer depend on the time before a start."""
    ages = steps_since_start(run.playback.is_valid, run.has_gap)[:-1]
    ages[~_has_successor(run)] = -1
    depth = max(entry.depth for entry in run.compiled.inputs)
    long, short = (max(round(time / run.spec.period), depth) for time in WARM_UPS)
    return ages >= (long if np.count_nonzero(ages >= long) >= MIN_TICKS else short)


def _first_ticks(case: BagCase, run: Run, number: int) -> BoolArray:
    """Return the first ticks after each start of the policy, but of a window."""
    ages = steps_since_start(run.playback.is_valid)[:-1]
    is_start = run.ticks.joints[:-1] < case.num_first
    return (ages >= 0) & (ages < number) & is_start & _has_successor(run)


def _has_successor(run: Run) -> BoolArray:
    """Return the ticks whose next tick is in the same stretch, so that their outcome is known."""
    begins = np.array([stretch.begin for stretch in run.stretches])
    stretch = np.searchsorted(begins, run.ticks.joints, side='right')
    return (np.diff(run.ticks.stamp_ns) < 3 * run.compiled.period_ns) & (np.diff(stretch) == 0)


def compared_joints(case: BagCase, run: Run) -> tuple[str, ...]:
    """Return the joints with position targets of the policy."""
    return tuple(
        name
        for name, mode in zip(run.spec.joints, run.spec.modes, strict=True)
        if mode == 'position' and name in run.spec.action_joints and name in case.names
    )


def target_samples(
    case: BagCase, run: Run, reference: Reference, which: BoolArray
) -> TargetSamples:
    """Return the targets of some ticks and their outcomes, for compared_joints.

    Args:
        case: The recording.
        run: The policy over it.
        reference: The recorded series.
        which: Ticks, shape (T - 1,); those without a command are dropped.
    """
    columns = [run.spec.joints.index(name) for name in compared_joints(case, run)]
    rows = run.ticks.joints[:-1][which]
    target = run.playback.target[:-1][which][:, columns]
    if reference == 'efforts':
        return TargetSamples(target, rows, run.ticks.joints[1:][which])
    found = _command_rows(case, rows)
    return TargetSamples(target[found >= 0], rows[found >= 0], found[found >= 0])


def drive_model(case: BagCase, run: Run, reference: Reference) -> DriveModel:
    """Return the model of a recorded series, for compared_joints."""
    names = compared_joints(case, run)
    if reference == 'commands':
        commands = case.recording.joint_command
        assert commands is not None, 'there are commands to compare with'
        return DriveModel(commands.position[:, [commands.joints.index(name) for name in names]])
    assert case.effort is not None, 'there are efforts to compare with'
    assert case.velocity is not None, 'efforts are compared where velocities are recorded'
    columns = [case.names.index(name) for name in names]
    measured = (case.position[:, columns], case.velocity[:, columns])
    return DriveModel(case.effort[:, columns], measured)


def _fit_commands(
    run: Run, names: tuple[str, ...], samples: TargetSamples, model: DriveModel
) -> DriveFit:
    """Compare with commands; medians, since part of a recording may be another mode."""
    default = np.array([run.spec.default_position[run.spec.joints.index(n)] for n in names])
    sent, target = model.recorded[samples.outcome_rows], samples.target
    spread = np.median(np.abs(sent - np.median(sent, axis=0)), axis=0)
    error = np.median(np.abs(sent - target), axis=0)
    sent_offset, target_offset = sent - default, target - default
    power = np.maximum((target_offset**2).sum(axis=0), 1e-12)
    return DriveFit(
        reference='commands',
        names=names,
        r_squared=1.0 - (error / np.maximum(spread, 1e-3)) ** 2,
        scale=np.einsum('ij,ij->j', sent_offset, target_offset) / power,
        stiffness=np.full(len(names), np.nan),
        shift=np.median(sent - target, axis=0),
    )


def _command_rows(case: BagCase, rows: IndexArray) -> IndexArray:
    """Return the first command after each joint sample, -1 if there is none within a period."""
    commands, joints = case.recording.joint_command, case.recording.joints
    assert commands is not None, 'there are commands to compare with'
    has_header = not commands.topic.type.endswith('MultiArray')
    times = commands.stamp_ns if has_header else commands.receive_ns
    ticks = (joints.stamp_ns if has_header else joints.receive_ns)[rows]
    order = np.argsort(times, kind='stable')
    next_command = np.searchsorted(times[order], ticks, side='left')
    found = order[np.minimum(next_command, len(order) - 1)]
    late = times[found] - ticks
    return np.where((late >= 0) & (late < case.spec.period * 1e9), found, -1)


def _fit_efforts(
    run: Run,
    names: tuple[str, ...],
    fitted: TargetSamples,
    scored: TargetSamples,
    model: DriveModel,
) -> DriveFit:
    """Fit the drive model joint by joint."""
    r_squared, scale, estimate, shift = np.full((4, len(names)), np.nan)
    given = run.spec.stiffness
    for joint, name in enumerate(names):
        known, rest = model.regressors(fitted, joint), model.regressors(scored, joint)
        effort = model.outcome(fitted, joint)
        without_target = np.linalg.lstsq(known[:, 1:], effort, rcond=None)[0]
        weights = np.linalg.lstsq(known, effort, rcond=None)[0]
        baseline = model.outcome(scored, joint) - rest[:, 1:] @ without_target
        if (baseline**2).mean() < 1e-12:
            continue
        residual = model.outcome(scored, joint) - rest @ weights
        r_squared[joint] = 1.0 - (residual**2).mean() / (baseline**2).mean()
        if r_squared[joint] > CLEAR and weights[1] < 0.0:
            estimate[joint] = -weights[1]
            scale[joint] = -weights[0] / weights[1]
            gain = estimate[joint] if given is None else given[run.spec.joints.index(name)]
            drive = gain * (known[:, 0] - known[:, 1]) + weights[2] * known[:, 2]
            shift[joint] = np.median(effort - drive) / max(gain, 1e-9)
    return DriveFit('efforts', names, np.nan_to_num(r_squared), scale, estimate, shift)
