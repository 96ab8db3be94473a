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
from distill_runtime.data.joint_stream import JointStream
import numpy as np
import numpy.typing as npt

from .bag_case import BagCase, Run

LEAST_TICKS = 50
"""Ticks below which a regression says nothing."""
CLEAR = 0.9
"""Explained share from which the coefficients of a joint mean something."""
WARM_UP = 0.5
"""Time after each start of the policy that does not count, in [s]: a recording that begins in the
middle of a run does not hold the frames and actions of before.
"""


class Explained(NamedTuple):
    """How well targets fit what was recorded; arrays have one element per joint in names."""

    reference: Literal['commands', 'efforts']
    names: tuple[str, ...]
    share: FloatArray
    """Explained share of the variance: 1 is all, 0 or less is nothing."""
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


class _Part(NamedTuple):
    """Some ticks of a run: what was asked for, and what came of it."""

    target: FloatArray
    rows: IndexArray
    following: IndexArray


def explain(case: BagCase, run: Run, first: int = 0) -> Explained | None:
    """Compare targets with commands, else with efforts; None: too little is recorded.

    Args:
        case: The recording.
        run: The policy over it, by this or by another contract.
        first: Share of so many ticks after each start instead of that of all others.
    """
    names = _compared(case, run)
    places = [run.spec.joints.index(name) for name in names]
    in_time = np.diff(run.ticks.stamp_ns) < 3 * run.plan.period_ns
    ages = steps_since_start(run.playback.is_valid)[:-1]
    warm_up = max(round(WARM_UP / run.spec.period), *(entry.depth for entry in run.plan.inputs))
    fitted = _part(run, (ages >= warm_up) & in_time, places)
    scored = _part(run, (ages >= 0) & (ages < first) & in_time, places) if first else fitted
    if len(fitted.target) < LEAST_TICKS or not names or not len(scored.target):
        return None
    commands = case.recording.joint_command
    if commands is not None and set(names) <= set(commands.joints):
        default = np.array([run.spec.default_position[place] for place in places])
        result = _by_commands(case, names, scored, commands, default)
        if result is not None:
            return result
    return _by_efforts(case, run, names, fitted, scored)


def steps_since_start(is_valid: npt.NDArray[np.bool_]) -> IndexArray:
    """Return the number of valid ticks right before each, -1 for those that are not valid."""
    ticks = np.arange(len(is_valid))
    last_start = np.maximum.accumulate(np.where(is_valid, -1, ticks))
    return np.where(is_valid, ticks - last_start - 1, -1)


def _compared(case: BagCase, run: Run) -> tuple[str, ...]:
    """Return the joints that have position targets of the policy."""
    return tuple(
        name
        for name, mode in zip(run.spec.joints, run.spec.modes, strict=True)
        if mode == 'position' and name in run.spec.action_joints and name in case.names
    )


def _part(run: Run, usable: npt.NDArray[np.bool_], places: list[int]) -> _Part:
    return _Part(
        run.playback.target[:-1][usable][:, places],
        run.ticks.joints[:-1][usable],
        run.ticks.joints[1:][usable],
    )


def _by_commands(
    case: BagCase,
    names: tuple[str, ...],
    part: _Part,
    commands: JointStream,
    default: FloatArray,
) -> Explained | None:
    """Compare with commands: medians, since part of a recording may be another mode."""
    found = _command_rows(case, commands, part.rows)
    is_sent = found >= 0
    if is_sent.sum() < 0.5 * len(found):
        return None
    order = np.array([commands.joints.index(name) for name in names], np.intp)
    sent, target = commands.position[found[is_sent]][:, order], part.target[is_sent]
    spread = np.median(np.abs(sent - np.median(sent, axis=0)), axis=0)
    wrong = np.median(np.abs(sent - target), axis=0)
    asked, wanted = sent - default, target - default
    return Explained(
        reference='commands',
        names=names,
        share=1.0 - (wrong / np.maximum(spread, 1e-3)) ** 2,
        scale=np.einsum('ij,ij->j', asked, wanted) / np.maximum((wanted**2).sum(axis=0), 1e-12),
        stiffness=np.full(len(names), np.nan),
        shift=np.median(sent - target, axis=0),
    )


def _command_rows(case: BagCase, commands: JointStream, rows: IndexArray) -> IndexArray:
    """Return the first command after each joint sample, -1 where the next period has none."""
    has_header = not commands.topic.type.endswith('MultiArray')
    joints = case.recording.joints
    times = commands.stamp_ns if has_header else commands.receive_ns
    ticks = (joints.stamp_ns if has_header else joints.receive_ns)[rows]
    order = np.argsort(times, kind='stable')
    places = np.searchsorted(times[order], ticks, side='left')
    found = order[np.minimum(places, len(order) - 1)]
    late = times[found] - ticks
    return np.where((late >= 0) & (late < case.spec.period * 1e9), found, -1)


def _by_efforts(
    case: BagCase, run: Run, names: tuple[str, ...], fitted: _Part, scored: _Part
) -> Explained | None:
    """Fit the law of the drives, joint by joint."""
    if case.effort is None or case.velocity is None:
        return None
    share, scale, estimate, shift = np.full((4, len(names)), np.nan)
    for joint, name in enumerate(names):
        column = case.names.index(name)
        known, rest = (
            np.column_stack(
                (
                    part.target[:, joint],
                    case.position[part.following, column],
                    case.velocity[part.following, column],
                    np.ones(len(part.following)),
                )
            )
            for part in (fitted, scored)
        )
        effort = case.effort[:, column]
        alone = np.linalg.lstsq(known[:, 1:], effort[fitted.following], rcond=None)[0]
        weights = np.linalg.lstsq(known, effort[fitted.following], rcond=None)[0]
        left = effort[scored.following] - rest[:, 1:] @ alone
        if (left**2).mean() < 1e-12:
            continue
        remains = effort[scored.following] - rest @ weights
        share[joint] = 1.0 - (remains**2).mean() / (left**2).mean()
        if share[joint] > CLEAR and weights[1] < 0.0:
            estimate[joint] = -weights[1]
            scale[joint] = -weights[0] / weights[1]
            given = run.spec.stiffness
            gain = estimate[joint] if given is None else given[run.spec.joints.index(name)]
            law = gain * (known[:, 0] - known[:, 1]) + weights[2] * known[:, 2]
            shift[joint] = np.median(effort[fitted.following] - law) / max(gain, 1e-9)
    return Explained('efforts', names, np.nan_to_num(share), scale, estimate, shift)
