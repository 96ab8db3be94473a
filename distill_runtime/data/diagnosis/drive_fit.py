# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""How much of what a robot did does a policy explain, when it is run over the recording?

Two things in a recording tell what the robot was asked for: the commands to its joints, or, where
nobody recorded those, the efforts: a drive turns a target into

    effort = stiffness (target - position) - damping velocity

So a regression of the effort on target, position and velocity, joint by joint, must leave almost
nothing if the targets are those that were sent; and its coefficients are stiffness and damping. A
wrong contract gives other targets, which explain little. The share that is given here is that of
the variance which position and velocity alone leave unexplained.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from distill_runtime.core.arrays import FloatArray, IndexArray
from distill_runtime.data.bags.chunk import BoolArray
import numpy as np
import numpy.typing as npt

from .bag_case import BagCase, Run
from .law import Compared, Law

LEAST_TICKS = 50
"""Ticks below which a regression says nothing."""
CLEAR = 0.9
"""DriveFit share from which the coefficients of a joint mean something."""
WARM_UPS = (1.0, 0.5)
"""Time after each start of the policy that does not count, in [s], the first that leaves enough
ticks: a recording that begins in the middle of a run does not hold the frames and actions of
before, nor do those after a gap.
"""


Reference = Literal['commands', 'efforts']


class DriveFit(NamedTuple):
    """How well targets fit what was recorded; arrays have one element per joint in names."""

    reference: Reference
    names: tuple[str, ...]
    share: FloatArray
    """DriveFit share of the variance: 1 is all, 0 or less is nothing."""
    scale: FloatArray
    """What the deviation of a target from its default has to be multiplied with; NaN where
    nothing is explained.
    """
    stiffness: FloatArray
    """Estimate in [N m]/[rad]; NaN where there is none."""
    shift: FloatArray
    """What has to be added to a target, in [rad]; NaN where there is none."""

    @property
    def total(self) -> float:
        """The share of the joint in the middle."""
        return float(np.median(self.share))


def explain(case: BagCase, run: Run, first: int = 0) -> DriveFit | None:
    """Compare targets with commands, else with efforts; None: too little is recorded.

    Args:
        case: The recording.
        run: The policy over it, by this or by another contract.
        first: Share of so many ticks after each start instead of that of all others.
    """
    names = compared_joints(case, run)
    settled = settled_ticks(run)
    wanted = _first_ticks(run, first) if first else settled
    if np.count_nonzero(settled) < LEAST_TICKS or not names or not wanted.any():
        return None
    commands = case.recording.joint_command
    if commands is not None and set(names) <= set(commands.joints):
        scored = compare(case, run, 'commands', wanted)
        if len(scored.rows) >= 0.5 * np.count_nonzero(wanted):
            return _by_commands(run, names, scored, law_of(case, run, 'commands'))
    if case.effort is None or case.velocity is None:
        return None
    fitted = compare(case, run, 'efforts', settled)
    scored = compare(case, run, 'efforts', wanted) if first else fitted
    return _by_efforts(run, names, fitted, scored, law_of(case, run, 'efforts'))


def steps_since_start(
    is_valid: npt.NDArray[np.bool_], is_start: npt.NDArray[np.bool_] | None = None
) -> IndexArray:
    """Return the number of valid ticks right before each, -1 for those that are not valid.

    Args:
        is_valid: Of all ticks, shape (T,).
        is_start: Ticks that begin again, alike; None: those after ticks that are not valid.
    """
    ticks = np.arange(len(is_valid))
    starts = np.zeros(len(ticks), np.intp) if is_start is None else np.where(is_start, ticks, 0)
    last_start = np.maximum.accumulate(np.where(is_valid, starts, ticks + 1))
    return np.where(is_valid, ticks - last_start, -1)


def settled_ticks(run: Run) -> BoolArray:
    """Return which ticks have a following one and do not depend on what was before a start."""
    ages = steps_since_start(run.playback.is_valid, run.has_gap)[:-1]
    ages[~_has_following(run)] = -1
    depth = max(entry.depth for entry in run.compiled.inputs)
    most, least = (max(round(time / run.spec.period), depth) for time in WARM_UPS)
    return ages >= (most if np.count_nonzero(ages >= most) >= LEAST_TICKS else least)


def _first_ticks(run: Run, number: int) -> BoolArray:
    """Return which ticks are among the first ones after a start of the policy."""
    ages = steps_since_start(run.playback.is_valid)[:-1]
    return (ages >= 0) & (ages < number) & _has_following(run)


def _has_following(run: Run) -> BoolArray:
    """Return which ticks have the next one in their stretch: what came of them is known."""
    begins = np.array([stretch.begin for stretch in run.stretches])
    stretch = np.searchsorted(begins, run.ticks.joints, side='right')
    return (np.diff(run.ticks.stamp_ns) < 3 * run.compiled.period_ns) & (np.diff(stretch) == 0)


def compared_joints(case: BagCase, run: Run) -> tuple[str, ...]:
    """Return the joints that have position targets of the policy."""
    return tuple(
        name
        for name, mode in zip(run.spec.joints, run.spec.modes, strict=True)
        if mode == 'position' and name in run.spec.action_joints and name in case.names
    )


def compare(case: BagCase, run: Run, reference: Reference, which: BoolArray) -> Compared:
    """Return the targets of some ticks with what was recorded of them; joints as compared_joints.

    Args:
        case: The recording.
        run: The policy over it.
        reference: Commands, where it has any, or efforts.
        which: Ticks, shape (T - 1,); those without a command are left out.
    """
    places = [run.spec.joints.index(name) for name in compared_joints(case, run)]
    rows = run.ticks.joints[:-1][which]
    target = run.playback.target[:-1][which][:, places]
    if reference == 'efforts':
        return Compared(target, rows, run.ticks.joints[1:][which])
    found = _command_rows(case, rows)
    return Compared(target[found >= 0], rows[found >= 0], found[found >= 0])


def law_of(case: BagCase, run: Run, reference: Reference) -> Law:
    """Return the law that makes of a target what was recorded; joints as compared_joints."""
    names = compared_joints(case, run)
    if reference == 'commands':
        commands = case.recording.joint_command
        assert commands is not None, 'there are commands to compare with'
        return Law(commands.position[:, [commands.joints.index(name) for name in names]])
    assert case.effort is not None, 'there are efforts to compare with'
    assert case.velocity is not None, 'efforts are compared where velocities are recorded'
    columns = [case.names.index(name) for name in names]
    return Law(case.effort[:, columns], (case.position[:, columns], case.velocity[:, columns]))


def _by_commands(run: Run, names: tuple[str, ...], part: Compared, law: Law) -> DriveFit:
    """Compare with commands: medians, since part of a recording may be another mode."""
    default = np.array([run.spec.default_position[run.spec.joints.index(n)] for n in names])
    sent, target = law.recorded[part.answers], part.target
    spread = np.median(np.abs(sent - np.median(sent, axis=0)), axis=0)
    wrong = np.median(np.abs(sent - target), axis=0)
    asked, wanted = sent - default, target - default
    return DriveFit(
        reference='commands',
        names=names,
        share=1.0 - (wrong / np.maximum(spread, 1e-3)) ** 2,
        scale=np.einsum('ij,ij->j', asked, wanted) / np.maximum((wanted**2).sum(axis=0), 1e-12),
        stiffness=np.full(len(names), np.nan),
        shift=np.median(sent - target, axis=0),
    )


def _command_rows(case: BagCase, rows: IndexArray) -> IndexArray:
    """Return the first command after each joint sample, -1 where the next period has none."""
    commands, joints = case.recording.joint_command, case.recording.joints
    assert commands is not None, 'there are commands to compare with'
    has_header = not commands.topic.type.endswith('MultiArray')
    times = commands.stamp_ns if has_header else commands.receive_ns
    ticks = (joints.stamp_ns if has_header else joints.receive_ns)[rows]
    order = np.argsort(times, kind='stable')
    places = np.searchsorted(times[order], ticks, side='left')
    found = order[np.minimum(places, len(order) - 1)]
    late = times[found] - ticks
    return np.where((late >= 0) & (late < case.spec.period * 1e9), found, -1)


def _by_efforts(
    run: Run, names: tuple[str, ...], fitted: Compared, scored: Compared, law: Law
) -> DriveFit:
    """Fit the law of the drives, joint by joint."""
    share, scale, estimate, shift = np.full((4, len(names)), np.nan)
    given = run.spec.stiffness
    for joint, name in enumerate(names):
        known, rest = law.columns(fitted, joint), law.columns(scored, joint)
        effort = law.answer(fitted, joint)
        alone = np.linalg.lstsq(known[:, 1:], effort, rcond=None)[0]
        weights = np.linalg.lstsq(known, effort, rcond=None)[0]
        left = law.answer(scored, joint) - rest[:, 1:] @ alone
        if (left**2).mean() < 1e-12:
            continue
        remains = law.answer(scored, joint) - rest @ weights
        share[joint] = 1.0 - (remains**2).mean() / (left**2).mean()
        if share[joint] > CLEAR and weights[1] < 0.0:
            estimate[joint] = -weights[1]
            scale[joint] = -weights[0] / weights[1]
            gain = estimate[joint] if given is None else given[run.spec.joints.index(name)]
            model = gain * (known[:, 0] - known[:, 1]) + weights[2] * known[:, 2]
            shift[joint] = np.median(effort - model) / max(gain, 1e-9)
    return DriveFit('efforts', names, np.nan_to_num(share), scale, estimate, shift)
