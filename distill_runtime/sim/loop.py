# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""The closed loop of runner and robot, without ROS and faster than real time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
import hashlib
import math

from distill_runtime.core.modes import Mode
from distill_runtime.core.runner import PolicyRunner
from distill_runtime.core.sensors import Sensors
from distill_runtime.core.step import Step
from distill_runtime.errors import ConfigError
import numpy as np

from .disturb import DisturbConfig
from .plant import Plant
from .robot import SimRobot

Velocity = tuple[float, float, float]
"""Commanded vx, vy in [m]/[s] and yaw rate in [rad]/[s]."""


@dataclass(frozen=True, kw_only=True)
class CommandSchedule:
    """A sequence of velocity commands; the last one is kept."""

    commands: tuple[Velocity, ...]
    interval: float = math.inf
    """Duration of each command, in [s]."""

    def __post_init__(self) -> None:
        """Reject an empty schedule and values that are not finite."""
        if not self.commands:
            raise ConfigError('commands are (), expected at least one')
        for command in self.commands:
            if len(command) != 3 or not all(math.isfinite(value) for value in command):
                raise ConfigError(
                    f'command is {command}, expected 3 finite values: vx, vy, yaw rate'
                )
        if not self.interval > 0.0:
            raise ConfigError(f'interval is {self.interval} s, expected above 0 s')

    def at(self, time: float) -> Velocity:
        """Return the command at a time in [s]."""
        index = 0 if math.isinf(self.interval) else math.floor(time / self.interval + 1e-9)
        return self.commands[min(index, len(self.commands) - 1)]


@dataclass(frozen=True, kw_only=True)
class SimResult:
    """Result of a closed loop."""

    fell: bool
    """Whether the robot fell, which ends the run."""
    displacement: tuple[float, float]
    """Displacement of the base in the frame of its start, in [m]."""
    min_height: float
    """Minimum height of the base, in [m]."""
    max_tilt: float
    """Maximum angle between the base's z axis and up, in [rad]."""
    mean_velocity_error: float
    """Mean of |commanded - real| horizontal velocity of the Imu in the Imu frame, in [m]/[s]."""
    mean_yaw_rate_error: float
    """Mean of |commanded - real| yaw rate, in [rad]/[s]."""
    seconds: float
    """Simulated time."""
    commands_sha256: str
    """Hash of the float64 command stream, policy joint order, one row per tick."""
    fault: str
    """Reason of the first fault; '' if there was none."""


def simulate(
    runner: PolicyRunner,
    robot: SimRobot,
    schedule: CommandSchedule,
    seconds: float,
    disturb: DisturbConfig | None = None,
    on_tick: Callable[[Velocity], None] | None = None,
) -> SimResult:
    """Run a policy on a simulated robot from its start until the time is over or it falls.

    Args:
        runner: Runner of the policy; reset here.
        robot: Robot with the runner's sensor layout; reset here.
        schedule: Velocity commands.
        seconds: Time to simulate, in [s].
        disturb: Disturbances; None: none.
        on_tick: Called after each physics update with the commanded velocity.

    Raises:
        ConfigError: If the time is not positive, or the period does not fit the physics step.
    """
    period_ns = runner.control_period_ns
    if not 0.0 < seconds < math.inf:
        raise ConfigError(f'seconds are {seconds}, expected above 0 and finite')
    plant = Plant(robot, disturb or DisturbConfig(), period_ns / 1e9)
    runner.reset()
    sensors = Sensors(robot.layout)
    statistics = _Statistics(robot)
    for tick in range(max(1, round(seconds * 1e9 / period_ns))):
        velocity = schedule.at(tick * period_ns / 1e9)
        plant.sense(sensors)
        sensors.velocity_command[:] = velocity
        sensors.command_stamp_ns = robot.stamp_ns
        step = runner.step(sensors, robot.stamp_ns)
        statistics.add_step(step)
        plant.act(step.command if step.sends else None)
        statistics.add_motion(velocity)
        if on_tick is not None:
            on_tick(velocity)
        if robot.has_fallen:
            break
    return statistics.result()


class _Statistics:
    """Accumulates a SimResult."""

    def __init__(self, robot: SimRobot) -> None:
        self._robot = robot
        self._start = robot.position
        self._end = self._start
        self._hash = hashlib.sha256()
        self._min_height = robot.height
        self._max_tilt = robot.tilt
        self._velocity_error = 0.0
        self._yaw_rate_error = 0.0
        self._ticks = 0
        self._fault = ''

    def add_step(self, step: Step) -> None:
        self._hash.update(np.ascontiguousarray(step.command, dtype=np.float64).tobytes())
        if step.mode is Mode.FAULT and not self._fault:
            self._fault = step.reason

    def add_motion(self, commanded: Velocity) -> None:
        robot = self._robot
        self._ticks += 1
        position = robot.position
        if not np.isfinite(position).all():
            return
        self._end = position
        self._min_height = min(self._min_height, robot.height)
        self._max_tilt = max(self._max_tilt, robot.tilt)
        vx, vy, _ = robot.linear_velocity.tolist()
        self._velocity_error += math.hypot(commanded[0] - vx, commanded[1] - vy)
        self._yaw_rate_error += abs(commanded[2] - float(robot.angular_velocity[2]))

    def result(self) -> SimResult:
        robot = self._robot
        dx, dy, _ = (self._end - self._start).tolist()
        return SimResult(
            fell=robot.has_fallen,
            displacement=(dx, dy),
            min_height=self._min_height,
            max_tilt=self._max_tilt,
            mean_velocity_error=self._velocity_error / self._ticks,
            mean_yaw_rate_error=self._yaw_rate_error / self._ticks,
            seconds=robot.stamp_ns / 1e9,
            commands_sha256=self._hash.hexdigest(),
            fault=self._fault,
        )
