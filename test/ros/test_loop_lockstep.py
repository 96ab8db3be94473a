# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from distill_runtime.core.config import RunnerConfig
from distill_runtime.core.sensors import Sensors
import numpy as np
from support.ros_harness import (
    direct_runner,
    LOCKSTEP,
    nanoseconds,
    student,
    T0,
    TICK,
    twist_message,
)


class Motion:
    """Sensor data of a robot that trembles, the same for ROS and for a runner."""

    def __init__(self, num_ticks, seed=0):
        rng = np.random.default_rng(seed)
        self.position = rng.uniform(-0.5, 0.5, (num_ticks, 3))
        self.velocity = rng.normal(0.0, 2.0, (num_ticks, 3))
        self.rate = rng.normal(0.0, 1.0, (num_ticks, 3))
        quaternion = rng.normal((0.0, 0.0, 0.0, 1.0), 0.1, (num_ticks, 4))
        self.quaternion = quaternion / np.linalg.norm(quaternion, axis=1, keepdims=True)
        self.command = rng.uniform(-0.5, 0.5, (num_ticks, 3))

    def fields(self, tick):
        """Return the arguments of Robot.tick."""
        return {
            name: getattr(self, name)[tick].tolist()
            for name in ('position', 'velocity', 'rate', 'quaternion')
        }

    def write(self, tick, sensors, stamp_ns):
        """Write one moment into the sensors of a runner."""
        sensors.joint_position[:] = self.position[tick]
        sensors.joint_velocity[:] = self.velocity[tick]
        sensors.angular_velocity[:] = self.rate[tick]
        sensors.quat_base_to_world[:] = self.quaternion[tick][[3, 0, 1, 2]]
        sensors.velocity_command[:] = self.command[tick]
        sensors.joint_stamp_ns = sensors.imu_stamp_ns = sensors.command_stamp_ns = stamp_ns


def test_command_stream_equals_a_runner_without_ros_bit_for_bit(ros, model):
    motion = Motion(100)
    runner = direct_runner(model, RunnerConfig(start_in='policy', cmd_vel_timeout=0.0))
    sensors = Sensors(runner.plan.layout)
    with student(ros, model, **LOCKSTEP) as rig:
        for tick in range(100):
            stamp_ns = T0 + tick * TICK
            rig.robot.cmd_vel.publish(twist_message(*motion.command[tick].tolist()))
            command = rig.robot.tick(stamp_ns, **motion.fields(tick))
            motion.write(tick, sensors, stamp_ns)
            expected = runner.step(sensors, stamp_ns)
            assert np.asarray(command.position).tobytes() == expected.command.tobytes()
            assert nanoseconds(command) == stamp_ns
        assert len(rig.robot.commands.messages) == 100
