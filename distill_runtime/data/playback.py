# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""A policy over a recording: the runner of the robot, stepped at the ticks of the recording."""

from __future__ import annotations

from dataclasses import dataclass

from distill_runtime.core.arrays import Float32Array, FloatArray, IndexArray
from distill_runtime.core.modes import Mode
from distill_runtime.core.runner import PolicyRunner
from distill_runtime.core.sensors import NEVER, Sensors
from distill_runtime.errors import RecordingError
import numpy as np
import numpy.typing as npt

from .recording import Recording
from .streams import StampArray
from .ticks import NONE, Ticks


@dataclass(frozen=True, kw_only=True, eq=False)
class Playback:
    """What the policy did at each tick; rows that are not valid hold zeros."""

    stamp_ns: StampArray
    """Of the ticks, shape (T,)."""
    observation: Float32Array
    """Shape (T, obs_dim)."""
    action: Float32Array
    """Raw network output, shape (T, act_dim)."""
    target: FloatArray
    """Before limits, policy order: [rad], [rad]/[s] or [N m] by mode, shape (T, num_joints)."""
    command: FloatArray
    """What would be sent, alike."""
    is_valid: npt.NDArray[np.bool_]
    """Whether the policy ran on complete, fresh inputs, shape (T,)."""
    reasons: dict[str, int]
    """Why ticks are not valid: how many, by code."""


def play(recording: Recording, ticks: Ticks, runner: PolicyRunner) -> Playback:
    """Step a runner through a recording.

    After a gap in the JointState longer than max_input_age, and after every tick that is not
    valid, history and recurrent state start anew.

    Args:
        recording: Its joints may have any order.
        ticks: Of this recording.
        runner: Starts in policy mode; its layout has the joints of the recording's JointState.

    Raises:
        RecordingError: If the recording lacks a joint, or joint velocities.
    """
    sensors = Sensors(runner.plan.layout)
    joint_rows = _joint_rows(recording, runner)
    num_ticks, num_joints = len(ticks.stamp_ns), len(runner.plan.joints.names)
    observation = np.zeros((num_ticks, runner.policy.observation.size), np.float32)
    action = np.zeros((num_ticks, runner.policy.action.size), np.float32)
    target, command = np.zeros((2, num_ticks, num_joints))
    is_valid = np.zeros(num_ticks, np.bool_)
    reasons: dict[str, int] = {}
    max_gap_ns = round(runner.config.max_input_age * 1e9)
    previous_ns = np.concatenate(([0], recording.joints.stamp_ns))[ticks.joints]
    gaps_ns = ticks.stamp_ns - previous_ns
    runner.reset()
    for tick, stamp_ns in enumerate(ticks.stamp_ns.tolist()):
        if tick and (gaps_ns[tick] > max_gap_ns or not is_valid[tick - 1]):
            runner.reset()
        _fill(sensors, recording, ticks, tick, joint_rows)
        step = runner.step(sensors, stamp_ns)
        if step.mode is Mode.POLICY and step.has_policy_step:
            is_valid[tick] = True
            observation[tick], action[tick] = step.observation, step.action
            target[tick], command[tick] = step.target, step.command
        else:
            code = step.reason.partition(':')[0]
            reasons[code] = reasons.get(code, 0) + 1
    runner.reset()
    return Playback(
        stamp_ns=ticks.stamp_ns,
        observation=observation,
        action=action,
        target=target,
        command=command,
        is_valid=is_valid,
        reasons=reasons,
    )


def _joint_rows(recording: Recording, runner: PolicyRunner) -> FloatArray:
    """Return positions, then velocities, in the order of the sensors: shape (N, 2 num_joints)."""
    joints = recording.joints
    wanted = runner.plan.layout.joints
    missing = [name for name in wanted if name not in joints.joints]
    if missing:
        raise RecordingError(
            f'{joints.topic.name} has no joints {missing}, it has {list(joints.joints)}'
        )
    order: IndexArray = np.array([joints.joints.index(name) for name in wanted], np.intp)
    position = joints.position[:, order]
    velocity = np.zeros_like(position) if joints.velocity is None else joints.velocity[:, order]
    return np.concatenate((position, velocity), axis=1)


def _fill(
    sensors: Sensors, recording: Recording, ticks: Ticks, tick: int, joint_rows: FloatArray
) -> None:
    """Write the samples of one tick, each stamped in the clock of the ticks."""
    stamp_ns = int(ticks.stamp_ns[tick])
    width = joint_rows.shape[1]
    sensors.values[:width] = joint_rows[ticks.joints[tick]]
    sensors.joint_stamp_ns = stamp_ns
    row = ticks.imu[tick]
    if row != NONE and recording.imu is not None:
        sensors.quat_base_to_world[:] = recording.imu.values[row, :4]
        sensors.angular_velocity[:] = recording.imu.values[row, 4:]
        sensors.imu_stamp_ns = _stamp(recording.imu.stamp_ns, row)
    row = ticks.odometry[tick]
    if row != NONE and recording.odometry is not None:
        sensors.base_linear_velocity[:] = recording.odometry.values[row, :3]
        sensors.odometry_stamp_ns = _stamp(recording.odometry.stamp_ns, row)
    row = ticks.command[tick]
    if row == NONE or recording.command is None:
        sensors.command_stamp_ns = NEVER
        return
    sensors.velocity_command[:] = recording.command.values[row]
    if recording.command.stamp_ns is None:
        received_ns = recording.joints.receive_ns[ticks.joints[tick]]
        age_ns = int(received_ns - recording.command.receive_ns[row])
        sensors.command_stamp_ns = stamp_ns - age_ns
    else:
        sensors.command_stamp_ns = _stamp(recording.command.stamp_ns, row)


def _stamp(stamp_ns: StampArray | None, row: int) -> int:
    assert stamp_ns is not None, 'Imu and Odometry have a header'
    return int(stamp_ns[row])
