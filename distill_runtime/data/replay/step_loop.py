# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Step the runner of the robot through the ticks of a recording."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from distill_runtime.core.arrays import Float32Array, FloatArray, IndexArray
from distill_runtime.core.pd import JointPD
from distill_runtime.core.runner import PolicyRunner
from distill_runtime.core.sensors import SensorLayout, Sensors
from distill_runtime.core.step import Policy
from distill_runtime.data.recording.recording import Recording
from distill_runtime.data.recording.row_store import RowStore
from distill_runtime.data.ticks.by_stamp import NONE, Ticks
from distill_runtime.errors import RecordingError
import numpy as np
import numpy.typing as npt

from .driver import DrivenStep, FreeRun, ReplayDriver

_CHUNK = 512  # ticks


@dataclass(frozen=True, kw_only=True, eq=False)
class Playback:
    """What the policy did at each tick."""

    ticks: Ticks
    mode: npt.NDArray[np.int64]
    """Shape (T,)."""
    observation: RowStore
    """Shape (T, obs_dim); zero where the policy did not run."""
    action: Float32Array
    """Raw network output, shape (T, act_dim); zero where the policy did not run."""
    target: FloatArray
    """Before limits, policy order: [rad], [rad]/[s] or [N m] by mode, shape (T, num_joints); zero
    where the policy did not run.
    """
    command: FloatArray
    """What would be sent, units and shape of target; zero where nothing would be sent."""
    effort: FloatArray | None
    """Of the PD law for the command, in [N m], shape (T, num_joints); None: not requested."""
    ran: npt.NDArray[np.bool_]
    """Whether the policy ran, shape (T,)."""
    sends: npt.NDArray[np.bool_]
    """Whether a command would be sent, shape (T,)."""
    is_valid: npt.NDArray[np.bool_]
    """Whether the policy had complete, fresh inputs and a complete history, shape (T,)."""
    reasons: dict[str, InvalidTicks]
    """Why ticks are not valid, by code."""

    @property
    def stamp_ns(self) -> npt.NDArray[np.int64]:
        """Of the ticks, in [ns], shape (T,)."""
        return self.ticks.stamp_ns


@dataclass(kw_only=True)
class InvalidTicks:
    """Count of the ticks that are not valid for one reason."""

    count: int
    first_tick: int
    text: str
    """Reason of the first one."""
    has_other_mode: bool = False
    """Whether the mode of the first one is not the logged one."""


def play(
    recording: Recording,
    ticks: Ticks,
    runner: PolicyRunner,
    driver: ReplayDriver | None = None,
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
        driver: Steps it; None: a FreeRun.
        network: Whose observations and actions are kept; None: those of the first model.
        needs_effort: Whether to compute the efforts of the PD law.
        progress: Called now and then with the number of ticks done and the total.

    Raises:
        RecordingError: If the recording lacks a joint, or there is no disk space left.
    """
    loop = StepLoop(recording, ticks, runner, driver)
    num_ticks, num_joints = len(ticks.stamp_ns), len(runner.compiled.joints.names)
    network = network or runner.policy
    observation = RowStore(network.observation.size)
    seen = np.zeros((_CHUNK, observation.shape[1]), np.float32)
    action = np.zeros((num_ticks, network.action.size), np.float32)
    target, command = np.zeros((2, num_ticks, num_joints))
    law = JointPD(runner.compiled.joints) if needs_effort else None
    effort = np.zeros((num_ticks, num_joints)) if needs_effort else None
    mode = np.zeros(num_ticks, np.int64)
    ran, sends, is_valid = np.zeros((3, num_ticks), np.bool_)
    reasons: dict[str, InvalidTicks] = {}
    for begin in range(0, num_ticks, _CHUNK):
        end = min(begin + _CHUNK, num_ticks)
        seen.fill(0.0)
        loop.prepare(slice(begin, end))
        for tick in range(begin, end):
            driven = loop.step(tick - begin)
            step = driven.step
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
            if driven.is_valid:
                is_valid[tick] = True
            else:
                _count(reasons, tick, driven)
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


def _count(reasons: dict[str, InvalidTicks], tick: int, driven: DrivenStep) -> None:
    code = driven.reason.partition(':')[0]
    if code not in reasons:
        reasons[code] = InvalidTicks(
            count=0, first_tick=tick, text=driven.reason, has_other_mode=driven.has_other_mode
        )
    reasons[code].count += 1


class StepLoop:
    """Steps a runner through the ticks of a recording, chunk by chunk.

    Attributes:
        driver: Steps the runner.
        sensors: Samples of the last tick.
        vectors: Sensor vector of each tick of the prepared chunk, shape (n, layout.size).
    """

    def __init__(
        self,
        recording: Recording,
        ticks: Ticks,
        runner: PolicyRunner,
        driver: ReplayDriver | None = None,
    ) -> None:
        """Map the columns of each input to the sensor vector; see play."""
        self.driver = driver or FreeRun(recording, ticks, runner.config.max_input_age)
        self._runner = runner
        self._ticks = ticks
        self._first_tick = 0
        self.sensors = Sensors(runner.compiled.layout)
        self.vectors = np.zeros((0, runner.compiled.layout.size))
        self._rows = SensorRows(recording, ticks, runner.compiled.layout)

    def prepare(self, chunk: slice) -> None:
        """Collect the samples of a chunk of ticks; a missing sample repeats the last one."""
        ticks = self._ticks
        self._first_tick = chunk.start
        self._stamp_ns = ticks.stamp_ns[chunk].tolist()
        self._stamps = list(zip(*(stamps[chunk].tolist() for stamps in ticks.stamps), strict=True))
        others = [stamps[chunk].tolist() for stamps in ticks.external_stamps]
        self._external_stamps = list(zip(*others, strict=True))
        self.vectors = self._rows.read(chunk, self.sensors.values)

    def write(self, row: int) -> None:
        """Write the samples of a tick of the chunk into the sensors."""
        sensors = self.sensors
        sensors.values[:] = self.vectors[row]
        (
            sensors.joint_stamp_ns,
            sensors.imu_stamp_ns,
            sensors.odometry_stamp_ns,
            sensors.command_stamp_ns,
        ) = self._stamps[row]
        if self._external_stamps:
            sensors.external_stamps_ns[:] = self._external_stamps[row]

    def step(self, row: int) -> DrivenStep:
        """Step the runner at a tick of the chunk."""
        self.write(row)
        tick = self._first_tick + row
        return self.driver.step(self._runner, self.sensors, tick, self._stamp_ns[row])


class SensorRows:
    """Sensor vectors of the ticks of a recording."""

    def __init__(self, recording: Recording, ticks: Ticks, layout: SensorLayout) -> None:
        """Map the columns of each input to the sensor vector.

        Raises:
            RecordingError: If the recording lacks a joint.
        """
        joints = recording.joints
        order = _joint_order(recording, layout.joints)
        self._inputs = [_Input(joints.position, order, ticks.joints, layout.joint_position)]
        if joints.velocity is not None:
            self._inputs.append(
                _Input(joints.velocity, order, ticks.joints, layout.joint_velocity)
            )
        rate, turn = slice(4, 7), slice(0, 4)
        for stream, rows, columns, target in (
            (recording.imu, ticks.imu, rate, layout.angular_velocity),
            (recording.imu, ticks.imu, turn, layout.quat_base_to_world),
            (recording.odometry, ticks.odometry, slice(0, 3), layout.base_linear_velocity),
            (recording.command, ticks.command, slice(0, 3), layout.velocity_command),
        ):
            if stream is not None:
                self._inputs.append(_Input(stream.values, columns, rows, target))
        for entry, rows in zip(layout.externals, ticks.externals, strict=True):
            values, target = recording.externals[entry.topic].values, layout.external(entry.topic)
            self._inputs.append(_Input(values, slice(None), rows, target))

    def read(self, chunk: slice, before: FloatArray) -> FloatArray:
        """Return the vectors of some ticks; a missing sample repeats the last one.

        Args:
            chunk: The ticks.
            before: Vector of the tick before, shape (layout.size,).

        Returns:
            Shape (n, layout.size).
        """
        vectors = np.tile(before, (chunk.stop - chunk.start, 1))
        for entry in self._inputs:
            entry.write(chunk, vectors)
        return vectors


class _Input(NamedTuple):
    """Values of one input, and their slice of the sensor vector."""

    values: npt.NDArray[np.floating]
    columns: slice | IndexArray
    rows: IndexArray
    """Row of each tick, NONE for no sample."""
    target: slice
    """In the sensor vector."""

    def write(self, chunk: slice, vectors: FloatArray) -> None:
        """Write the samples of some ticks; a missing sample repeats the last one."""
        rows = self.rows[chunk]
        ticks = np.arange(len(rows))
        has_none = rows == NONE
        if has_none.any():
            last = np.maximum.accumulate(np.where(has_none, -1, ticks))
            ticks = np.flatnonzero(last >= 0)
            rows = rows[last[ticks]]
        vectors[ticks, self.target] = self.values[rows][:, self.columns]


def _joint_order(recording: Recording, wanted: tuple[str, ...]) -> slice | IndexArray:
    """Return the columns of the JointStates in the joint order of the sensors."""
    joints = recording.joints
    missing = [name for name in wanted if name not in joints.joints]
    if missing:
        raise RecordingError(
            f'{joints.topic.name} has no joints {missing}, it has {list(joints.joints)}'
        )
    if wanted == joints.joints:
        return slice(None)
    return np.array([joints.joints.index(name) for name in wanted], np.intp)
