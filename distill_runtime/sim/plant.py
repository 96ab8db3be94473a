# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""A simulated robot with disturbances, one control tick at a time: sense, then act.

Tick k reads the sensors at time k * period; its command acts, after the latency, on the physics
steps up to the next tick. A controller in this process and one across a network get the same run.
"""

from __future__ import annotations

from distill_runtime.core.arrays import FloatArray
from distill_runtime.core.sensors import Sensors

from .disturb import Disturbance, DisturbConfig
from .robot import SimRobot


class Plant:
    """A simulated robot as a controller sees it."""

    def __init__(self, robot: SimRobot, config: DisturbConfig, period: float) -> None:
        """Reset the robot.

        Args:
            robot: The robot.
            config: Disturbances.
            period: Control period in [s], a whole number of physics steps.

        Raises:
            ConfigError: If the period is not, or a robot with a fixed base is to be pushed.
        """
        self.robot = robot
        self._num_steps = robot.scene.steps_in(period)
        self._disturbance = Disturbance(config, period, robot.default_command)
        self._fresh = Sensors(robot.layout)
        self._command = robot.default_command.copy()
        self._tick = 0
        robot.reset()
        if config.push_speed > 0.0:
            robot.require_floating_base()

    def sense(self, sensors: Sensors) -> tuple[bool, bool, bool]:
        """Write the samples of this tick; a lost one keeps the older sample and stamp.

        Args:
            sensors: Sensors with the robot's layout.

        Returns:
            Whether the messages of joints, Imu and odometry were lost.
        """
        fresh = self._fresh
        self.robot.read(fresh)
        self._disturbance.add_noise(fresh)
        lost = self._disturbance.lose()
        lost_joints, lost_imu, lost_odometry = lost
        if not lost_joints:
            sensors.joint_position[:] = fresh.joint_position
            sensors.joint_velocity[:] = fresh.joint_velocity
            sensors.joint_stamp_ns = fresh.joint_stamp_ns
        if not lost_imu:
            sensors.angular_velocity[:] = fresh.angular_velocity
            sensors.quat_base_to_world[:] = fresh.quat_base_to_world
            sensors.imu_stamp_ns = fresh.imu_stamp_ns
        if not lost_odometry:
            sensors.base_linear_velocity[:] = fresh.base_linear_velocity
            sensors.odometry_stamp_ns = fresh.odometry_stamp_ns
        return lost

    def act(self, command: FloatArray | None) -> None:
        """Apply a command and simulate one period.

        Args:
            command: Policy order, shape (num_joints,); None: keep the last one.
        """
        if command is not None:
            self._command[:] = command
        self.robot.apply(self._disturbance.delay(self._command))
        velocity = self._disturbance.push(self._tick)
        if velocity is not None:
            self.robot.push(velocity)
        self.robot.advance(self._num_steps)
        self._tick += 1
