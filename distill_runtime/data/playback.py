# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""A policy over a recording: the runner of the robot, stepped at the ticks of the recording."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from distill_runtime.core.arrays import Float32Array, FloatArray, IndexArray
from distill_runtime.core.pd import JointPD
from distill_runtime.core.runner import PolicyRunner
from distill_runtime.core.sensors import Sensors
from distill_runtime.errors import RecordingError
import numpy as np
import numpy.typing as npt

from .course import Course, FreeCourse
from .hidden import hidden_samples
from .recording import Recording
from .spool import Spool
from .ticks import NONE, Ticks

_STRETCH = 512  # ticks


@dataclass(frozen=True, kw_only=True, eq=False)
class Playback:
    """What the policy did at each tick."""

    ticks: Ticks
    mode: npt.NDArray[np.int64]
    """Shape (T,)."""
    observation: Spool
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
    course: Course | None = None,
    *,
    needs_effort: bool = False,
    progress: Callable[[int], None] | None = None,
) -> Playback:
    """Step a runner through a recording.

    Args:
        recording: Its joints may have any order.
        ticks: Of this recording.
        runner: Its layout has the joints of the recording's JointState.
        course: Leads it; None: see free_course.
        needs_effort: Whether the efforts of the PD law are wanted.
        progress: Called with the number of ticks done, now and then.

    Raises:
        RecordingError: If the recording lacks a joint, or the disk has no room for observations.
    """
    if course is None:
        course = free_course(recording, ticks, runner)
    sensors = Sensors(runner.plan.layout)
    fill = _Filler(recording, ticks, runner, sensors)
    num_ticks, num_joints = len(ticks.stamp_ns), len(runner.plan.joints.names)
    observation = Spool(runner.policy.observation.size)
    seen = np.zeros((_STRETCH, observation.shape[1]), np.float32)
    action = np.zeros((num_ticks, runner.policy.action.size), np.float32)
    target, command = np.zeros((2, num_ticks, num_joints))
    law = JointPD(runner.plan.joints) if needs_effort else None
    effort = np.zeros((num_ticks, num_joints)) if needs_effort else None
    mode = np.zeros(num_ticks, np.int64)
    ran, sends, is_valid = np.zeros((3, num_ticks), np.bool_)
    reasons: dict[str, Unknown] = {}
    stamps_ns = ticks.stamp_ns.tolist()
    for begin in range(0, num_ticks, _STRETCH):
        end = min(begin + _STRETCH, num_ticks)
        seen.fill(0.0)
        for tick in range(begin, end):
            fill.write(tick)
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
            progress(end)
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


def free_course(recording: Recording, ticks: Ticks, runner: PolicyRunner) -> FreeCourse:
    """Return the course of ticks that nobody logged.

    In policy mode; history and recurrent state anew after a gap in the JointState longer than
    max_input_age, where its stamps jump back, and after every tick that is not valid.
    """
    jumps_ns = np.diff(ticks.stamp_ns, prepend=ticks.stamp_ns[0])
    return FreeCourse(
        gap_times(recording, ticks) > runner.config.max_input_age,
        jumps_ns < 0,
        hidden_samples(recording, ticks),
    )


def gap_times(recording: Recording, ticks: Ticks) -> FloatArray:
    """Return the time from the JointState in front of each tick's own to that, in [s]."""
    previous_ns, _ = recording.joints.previous
    return (ticks.stamp_ns - previous_ns[ticks.joints]).astype(np.float64) * 1e-9


class _Filler:
    """Writes the samples of a tick, each stamped in the clock of the ticks."""

    def __init__(
        self, recording: Recording, ticks: Ticks, runner: PolicyRunner, sensors: Sensors
    ) -> None:
        """Bring the streams into the order of the sensors."""
        self._sensors = sensors
        self._stamps = list(zip(*(values.tolist() for values in ticks.stamps), strict=True))
        self._external_stamps = [values.tolist() for values in ticks.external_stamps]
        layout = runner.plan.layout
        order = _joint_order(recording, layout.joints)
        joint_rows = ticks.joints.tolist()
        self._parts = [(recording.joints.position[:, order], joint_rows, sensors.joint_position)]
        if recording.joints.velocity is not None:
            velocity = recording.joints.velocity[:, order]
            self._parts.append((velocity, joint_rows, sensors.joint_velocity))
        for stream, rows, columns, start in (
            (recording.imu, ticks.imu, [4, 5, 6, 0, 1, 2, 3], layout.angular_velocity.start),
            (recording.odometry, ticks.odometry, [0, 1, 2], layout.base_linear_velocity.start),
            (recording.command, ticks.command, [0, 1, 2], layout.velocity_command.start),
        ):
            if stream is not None:
                view = sensors.values[start : start + len(columns)]
                self._parts.append((stream.values[:, columns], rows.tolist(), view))
        for entry, view, rows in zip(
            layout.externals, sensors.externals, ticks.externals, strict=True
        ):
            self._parts.append((recording.externals[entry.topic].values, rows.tolist(), view))

    def write(self, tick: int) -> None:
        """Write the samples of a tick."""
        sensors = self._sensors
        for values, rows, view in self._parts:
            row = rows[tick]
            if row != NONE:
                view[:] = values[row]
        (
            sensors.joint_stamp_ns,
            sensors.imu_stamp_ns,
            sensors.odometry_stamp_ns,
            sensors.command_stamp_ns,
        ) = self._stamps[tick]
        for place, stamps in enumerate(self._external_stamps):
            sensors.external_stamps_ns[place] = stamps[tick]


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
