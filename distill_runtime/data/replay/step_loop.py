# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""A policy over a recording: the runner of the robot, stepped at the ticks of the recording."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from distill_runtime.core.arrays import Float32Array, FloatArray, IndexArray
from distill_runtime.core.pd import JointPD
from distill_runtime.core.runner import PolicyRunner
from distill_runtime.core.sensors import Sensors
from distill_runtime.core.step import Policy
from distill_runtime.data.recording.recording import Recording
from distill_runtime.data.recording.row_store import RowStore
from distill_runtime.data.ticks.ambiguous import ambiguous_samples
from distill_runtime.data.ticks.by_stamp import NONE, Ticks
from distill_runtime.errors import RecordingError
import numpy as np
import numpy.typing as npt

from .driver import FreeRun, ReplayDriver

_STRETCH = 512  # ticks


@dataclass(frozen=True, kw_only=True, eq=False)
class Playback:
    """What the policy did at each tick."""

    ticks: Ticks
    mode: npt.NDArray[np.int64]
    """Shape (T,)."""
    observation: RowStore
    """Shape (T, obs_dim); zero where the policy did not run."""
    action: Float32Array
    """Raw network output, shape (T, act_dim), alike."""
    target: FloatArray
    """Before limits, policy order: [rad], [rad]/[s] or [N m] by mode, shape (T, num_joints),
    alike.
    """
    command: FloatArray
    """What would be sent, alike; zero where nothing would be."""
    effort: FloatArray | None
    """Of the PD law for the command, in [N m], alike; None: not asked for."""
    ran: npt.NDArray[np.bool_]
    """Whether the policy ran, shape (T,)."""
    sends: npt.NDArray[np.bool_]
    """Whether a command would be sent, alike."""
    is_valid: npt.NDArray[np.bool_]
    """Whether this is what the policy does there: it had complete, fresh inputs and history."""
    reasons: dict[str, Unknown]
    """Why ticks are not valid, by code."""

    @property
    def stamp_ns(self) -> npt.NDArray[np.int64]:
        """Of the ticks, in [ns], shape (T,)."""
        return self.ticks.stamp_ns


@dataclass(kw_only=True)
class Unknown:
    """Ticks that are not valid for one reason."""

    count: int
    first_tick: int
    text: str
    """The reason of the first one."""


def play(
    recording: Recording,
    ticks: Ticks,
    runner: PolicyRunner,
    course: ReplayDriver | None = None,
    *,
    network: Policy | None = None,
    needs_effort: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Playback:
    """Step a runner through a recording.

    Args:
        recording: Its joints may have any order.
        ticks: Of this recording.
        runner: Its layout has the joints of the recording's JointState.
        course: Leads it; None: see free_course.
        network: Whose observations and actions are kept; None: those of whoever acts first.
        needs_effort: Whether the efforts of the PD law are wanted.
        progress: Called with the number of ticks done, and of all, now and then.

    Raises:
        RecordingError: If the recording lacks a joint, or the disk has no room for observations.
    """
    if course is None:
        course = free_run(recording, ticks, runner)
    sensors = Sensors(runner.compiled.layout)
    fill = SensorRows(recording, ticks, runner, sensors)
    num_ticks, num_joints = len(ticks.stamp_ns), len(runner.compiled.joints.names)
    network = network or runner.policy
    observation = RowStore(network.observation.size)
    seen = np.zeros((_STRETCH, observation.shape[1]), np.float32)
    action = np.zeros((num_ticks, network.action.size), np.float32)
    target, command = np.zeros((2, num_ticks, num_joints))
    law = JointPD(runner.compiled.joints) if needs_effort else None
    effort = np.zeros((num_ticks, num_joints)) if needs_effort else None
    mode = np.zeros(num_ticks, np.int64)
    ran, sends, is_valid = np.zeros((3, num_ticks), np.bool_)
    reasons: dict[str, Unknown] = {}
    stamps_ns = ticks.stamp_ns.tolist()
    for begin in range(0, num_ticks, _STRETCH):
        end = min(begin + _STRETCH, num_ticks)
        fill.prepare(slice(begin, end))
        seen.fill(0.0)
        for tick in range(begin, end):
            fill.write(tick - begin)
            step, is_known, reason = course.step(runner, sensors, tick, stamps_ns[tick])
            mode[tick] = step.mode
            if step.has_policy_step:
                ran[tick] = True
                seen[tick - begin] = step.observation
                action[tick] = step.action
                target[tick] = step.target
            if step.sends:
                sends[tick] = True
                command[tick] = step.command
                if law is not None and effort is not None and step.has_feedback:
                    law.compute(step.command, runner.joint_position, runner.joint_velocity)
                    effort[tick] = law.effort
            if is_known:
                is_valid[tick] = True
            else:
                _count(reasons, tick, reason)
        observation.append(seen[: end - begin])
        if progress is not None:
            progress(end, num_ticks)
    runner.reset()
    return Playback(
        ticks=ticks,
        mode=mode,
        observation=observation,
        action=action,
        target=target,
        command=command,
        effort=effort,
        ran=ran,
        sends=sends,
        is_valid=is_valid,
        reasons=reasons,
    )


def _count(reasons: dict[str, Unknown], tick: int, reason: str) -> None:
    code = reason.partition(':')[0]
    if code in reasons:
        reasons[code].count += 1
    else:
        reasons[code] = Unknown(count=1, first_tick=tick, text=reason)


def free_run(recording: Recording, ticks: Ticks, runner: PolicyRunner) -> FreeRun:
    """Return the course of ticks that nobody logged.

    In policy mode; history and recurrent state anew after a gap in the JointState longer than
    max_input_age, where its stamps jump back, and after every tick that is not valid.
    """
    jumps_ns = np.diff(ticks.stamp_ns, prepend=ticks.stamp_ns[0])
    return FreeRun(
        gap_times(recording, ticks) > runner.config.max_input_age,
        jumps_ns < 0,
        ambiguous_samples(recording, ticks),
    )


def gap_times(recording: Recording, ticks: Ticks) -> FloatArray:
    """Return the longest time between JointStates since the tick before, in [s]; (T,)."""
    previous_ns, _ = recording.joints.previous
    rows = ticks.joints
    between_ns = (recording.joints.stamp_ns - previous_ns)[: rows[-1] + 1]
    begins = np.append(rows[0], rows[:-1] + 1)
    return np.maximum.reduceat(between_ns, begins).astype(np.float64) * 1e-9


class SensorRows:
    """Writes the samples of ticks, each stamped in the clock of the ticks."""

    def __init__(
        self, recording: Recording, ticks: Ticks, runner: PolicyRunner, sensors: Sensors
    ) -> None:
        """Find out where each input goes."""
        self._sensors = sensors
        self._ticks = ticks
        layout, joints = runner.compiled.layout, recording.joints
        order = _joint_order(recording, layout.joints)
        self._inputs = [_Input(joints.position, order, ticks.joints, layout.joint_position)]
        if joints.velocity is not None:
            self._inputs.append(
                _Input(joints.velocity, order, ticks.joints, layout.joint_velocity)
            )
        rate, turn = slice(4, 7), slice(0, 4)
        for stream, rows, columns, goal in (
            (recording.imu, ticks.imu, rate, layout.angular_velocity),
            (recording.imu, ticks.imu, turn, layout.quat_base_to_world),
            (recording.odometry, ticks.odometry, slice(0, 3), layout.base_linear_velocity),
            (recording.command, ticks.command, slice(0, 3), layout.velocity_command),
        ):
            if stream is not None:
                self._inputs.append(_Input(stream.values, columns, rows, goal))
        for entry, rows in zip(layout.externals, ticks.externals, strict=True):
            values, goal = recording.externals[entry.topic].values, layout.external(entry.topic)
            self._inputs.append(_Input(values, slice(None), rows, goal))

    def prepare(self, stretch: slice) -> None:
        """Bring the samples of some ticks in a row together, behind those of the stretch before.

        Where a tick has no sample, the one of the tick in front stays.
        """
        ticks = self._ticks
        joints, imu, odometry, command = (stamps[stretch].tolist() for stamps in ticks.stamps)
        self._stamps = list(zip(joints, imu, odometry, command, strict=True))
        others = [stamps[stretch].tolist() for stamps in ticks.external_stamps]
        self._external_stamps = list(zip(*others, strict=True)) if others else []
        self.vectors = np.tile(self._sensors.values, (len(self._stamps), 1))
        for entry in self._inputs:
            entry.write(stretch, self.vectors)

    def write(self, place: int) -> None:
        """Write the samples of one of those ticks."""
        sensors = self._sensors
        sensors.values[:] = self.vectors[place]
        (
            sensors.joint_stamp_ns,
            sensors.imu_stamp_ns,
            sensors.odometry_stamp_ns,
            sensors.command_stamp_ns,
        ) = self._stamps[place]
        if self._external_stamps:
            sensors.external_stamps_ns[:] = self._external_stamps[place]


class _Input(NamedTuple):
    """Numbers of one input, and where they go."""

    values: npt.NDArray[np.floating]
    columns: slice | IndexArray
    rows: IndexArray
    """Of the ticks, NONE for none."""
    goal: slice
    """Place in the vector of the sensors."""

    def write(self, stretch: slice, vectors: FloatArray) -> None:
        """Write the samples of some ticks; one that has none gets that of the tick in front.

        Args:
            stretch: The ticks.
            vectors: One for each.
        """
        rows = self.rows[stretch]
        ticks = np.arange(len(rows))
        has_none = rows == NONE
        if has_none.any():
            last = np.maximum.accumulate(np.where(has_none, -1, ticks))
            ticks = np.flatnonzero(last >= 0)
            rows = rows[last[ticks]]
        vectors[ticks, self.goal] = self.values[rows][:, self.columns]


def _joint_order(recording: Recording, wanted: tuple[str, ...]) -> slice | IndexArray:
    """Return which columns of the JointStates are wanted, in the order of the sensors."""
    joints = recording.joints
    missing = [name for name in wanted if name not in joints.joints]
    if missing:
        raise RecordingError(
            f'{joints.topic.name} has no joints {missing}, it has {list(joints.joints)}'
        )
    if wanted == joints.joints:
        return slice(None)
    return np.array([joints.joints.index(name) for name in wanted], np.intp)
