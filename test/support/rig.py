# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""A runner with a fake network, its sensors, and a clock that the test advances."""

from __future__ import annotations

from distill_runtime.core.config import RunnerConfig
from distill_runtime.core.runner import PolicyRunner
from distill_runtime.core.sensors import Sensors
from distill_runtime.spec.compile import compile_spec, sensor_layout
import numpy as np

from .specs import make_spec

TICK_NS = 20_000_000
IMU_TERM = {'term': 'projected_gravity'}
COMMAND_TERM = {'term': 'velocity_command'}
ODOMETRY_TERM = {'term': 'base_linear_velocity'}


class FakePolicy:
    """A network whose output is a constant, or a function of the number of the run."""

    def __init__(self, compiled, output):
        self.observation = np.zeros(
            sum(len(entry.layout) for entry in compiled.inputs), np.float32
        )
        ends = np.cumsum([len(entry.layout) for entry in compiled.inputs])[:-1]
        self.inputs = tuple(np.split(self.observation, ends))
        self.action = np.zeros(compiled.action.width, np.float32)
        self.output = output
        self.num_runs = 0
        self.num_resets = 0

    def run(self):
        """Write the output."""
        self.action[:] = self.output(self.num_runs) if callable(self.output) else self.output
        self.num_runs += 1

    def reset(self):
        """Count the reset, and restart the count of runs."""
        self.num_runs = 0
        self.num_resets += 1


class Rig:
    """A runner at time 0, standing level in its default pose."""

    def __init__(self, spec=None, output=0.0, robot_joints=None, **config):
        self.spec = spec or make_spec()
        self.compiled = compile_spec(self.spec, sensor_layout(self.spec, robot_joints))
        self.policy = FakePolicy(self.compiled, output)
        self.runner = PolicyRunner(self.compiled, self.policy, RunnerConfig(**config))
        self.sensors = Sensors(self.compiled.layout)
        self.now = 0
        self.place(self.spec.default_position)

    def place(self, pose):
        """Move the measured joints, in policy order."""
        for name, value in zip(self.spec.joints, pose, strict=True):
            self.sensors.joint_position[self.compiled.layout.joints.index(name)] = value

    def measure(self, position, velocity, gyro, quat, command, linear):
        """Write a sample of every sensor; joints in the order of the robot."""
        sensors = self.sensors
        sensors.joint_position[:], sensors.joint_velocity[:] = position, velocity
        sensors.angular_velocity[:], sensors.quat_base_to_world[:] = gyro, quat
        sensors.velocity_command[:], sensors.base_linear_velocity[:] = command, linear

    def stamp(self, stamp_ns, but=()):
        """Stamp all inputs but those named."""
        sensors = self.sensors
        for name in {'joint', 'imu', 'odometry', 'command'} - set(but):
            setattr(sensors, f'{name}_stamp_ns', stamp_ns)
        if 'external' not in but:
            sensors.external_stamps_ns = [stamp_ns] * len(sensors.externals)

    def tick(self, dt_ns=TICK_NS, but=()):
        """Advance the clock, stamp the inputs with it, and step."""
        self.now += dt_ns
        self.stamp(self.now, but)
        return self.runner.step(self.sensors, self.now)

    def ask(self, event):
        """Request a change of mode that must be accepted, and return the next step."""
        is_taken, why = self.runner.request(event)
        assert is_taken, why
        return self.tick()


def walking(spec=None, **options):
    """Return a rig whose next step is the policy's second, with no step limit."""
    rig = Rig(spec, **{'start_in': 'policy', 'max_joint_step': 0.0, **options})
    rig.tick()
    return rig
