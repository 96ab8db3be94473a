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
from .recording import Recording
from .ticks import NONE, Ticks

_PROGRESS_EVERY = 512


@dataclass(frozen=True, kw_only=True, eq=False)
class Playback:
    """What the policy did at each tick."""

    ticks: Ticks
    mode: npt.NDArray[np.int64]
    """Shape (T,)."""
    observation: Float32Array
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
        course: Leads it; None: in policy mode, history and recurrent state anew after a gap in the
            JointState longer than max_input_age, and after every tick that is not valid.
        needs_effort: Whether the efforts of the PD law are wanted.
        progress: Called with the number of ticks done, now and then.

    Raises:
        RecordingError: If the recording lacks a joint.
    """
    if course is None:
        course = FreeCourse(_gaps(recording, ticks, runner))
    sensors = Sensors(runner.plan.layout)
    fill = _Filler(recording, ticks, runner, sensors)
    num_ticks, num_joints = len(ticks.stamp_ns), len(runner.plan.joints.names)
    observation = np.zeros((num_ticks, runner.policy.observation.size), np.float32)
    action = np.zeros((num_ticks, runner.policy.action.size), np.float32)
    target, command = np.zeros((2, num_ticks, num_joints))
    law = JointPD(runner.plan.joints) if needs_effort else None
    effort = np.zeros((num_ticks, num_joints)) if needs_effort else None
    mode = np.zeros(num_ticks, np.int64)
    ran, sends, is_valid = np.zeros((3, num_ticks), np.bool_)
    reasons: dict[str, Unknown] = {}
    for tick, stamp_ns in enumerate(ticks.stamp_ns.tolist()):
        fill.write(tick)
        step, is_known, reason = course.step(runner, sensors, tick, stamp_ns)
        mode[tick] = step.mode
        is_valid[tick] = is_known
        if step.has_policy_step:
            ran[tick] = True
            observation[tick], action[tick] = step.observation, step.action
            target[tick] = step.target
        if step.sends:
            sends[tick] = True
            command[tick] = step.command
            if law is not None and effort is not None and step.has_feedback:
                law.compute(step.command, runner.joint_position, runner.joint_velocity)
                effort[tick] = law.effort
        if not is_known:
            _count(reasons, tick, reason)
        if progress is not None and tick % _PROGRESS_EVERY == 0:
            progress(tick)
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


def _gaps(recording: Recording, ticks: Ticks, runner: PolicyRunner) -> npt.NDArray[np.bool_]:
    """Return before which ticks the JointState before the tick's own is too old."""
    previous_ns = np.concatenate(([0], recording.joints.stamp_ns))[ticks.joints]
    return ticks.stamp_ns - previous_ns > round(runner.config.max_input_age * 1e9)


class _Filler:
    """Writes the samples of a tick, each stamped in the clock of the ticks."""

    def __init__(
        self, recording: Recording, ticks: Ticks, runner: PolicyRunner, sensors: Sensors
    ) -> None:
        """Bring the streams into the order of the sensors."""
        self._sensors = sensors
        self._stamps = [values.tolist() for values in ticks.stamps]
        layout = runner.plan.layout
        joint_rows = _joint_rows(recording, layout.joints)
        self._parts = [(joint_rows, ticks.joints.tolist(), sensors.values[: joint_rows.shape[1]])]
        for stream, rows, columns, start in (
            (recording.imu, ticks.imu, [4, 5, 6, 0, 1, 2, 3], layout.angular_velocity.start),
            (recording.odometry, ticks.odometry, [0, 1, 2], layout.base_linear_velocity.start),
            (recording.command, ticks.command, [0, 1, 2], layout.velocity_command.start),
        ):
            if stream is not None:
                view = sensors.values[start : start + len(columns)]
                self._parts.append((stream.values[:, columns], rows.tolist(), view))

    def write(self, tick: int) -> None:
        """Write the samples of a tick."""
        sensors = self._sensors
        for values, rows, view in self._parts:
            row = rows[tick]
            if row != NONE:
                view[:] = values[row]
        joints, imu, odometry, command = self._stamps
        sensors.joint_stamp_ns = joints[tick]
        sensors.imu_stamp_ns = imu[tick]
        sensors.odometry_stamp_ns = odometry[tick]
        sensors.command_stamp_ns = command[tick]


def _joint_rows(recording: Recording, wanted: tuple[str, ...]) -> FloatArray:
    """Return positions, then velocities, in the order of the sensors: shape (N, 2 num_joints)."""
    joints = recording.joints
    missing = [name for name in wanted if name not in joints.joints]
    if missing:
        raise RecordingError(
            f'{joints.topic.name} has no joints {missing}, it has {list(joints.joints)}'
        )
    velocity = np.zeros_like(joints.position) if joints.velocity is None else joints.velocity
    if wanted != joints.joints:
        order: IndexArray = np.array([joints.joints.index(name) for name in wanted], np.intp)
        return np.concatenate((joints.position[:, order], velocity[:, order]), axis=1)
    return np.concatenate((joints.position, velocity), axis=1)
