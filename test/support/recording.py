# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""The recordings of the real policies, and a policy run over one of them."""

from __future__ import annotations

from distill_runtime.core.config import RunnerConfig
from distill_runtime.core.sensors import Sensors
import numpy as np

TOLERANCE = 1e-5


class Recording:
    """The sensors of a golden.npz, in policy order, whichever of its two forms it has."""

    def __init__(self, path):
        with np.load(path) as arrays:
            self.arrays = dict(arrays)
        arrays = self.arrays
        if 'qpos' in arrays:  # a floating base stands before the joints
            self.position, self.velocity = arrays['qpos'][:, 7:], arrays['qvel'][:, 6:]
            self.quat = arrays['imu_quat_wxyz']
        else:
            self.position, self.velocity = arrays['q'], arrays['dq']
            self.quat = arrays['quat_xyzw'][:, [3, 0, 1, 2]]

    def __len__(self):
        return len(self.arrays['obs'])

    def write(self, step, sensors, order, stamp_ns):
        """Write one sample of every input; order: index of each joint in the robot."""
        sensors.joint_position[order] = self.position[step]
        sensors.joint_velocity[order] = self.velocity[step]
        sensors.quat_base_to_world[:] = self.quat[step]
        sensors.angular_velocity[:] = self.arrays['gyro'][step]
        if 'linvel' in self.arrays:
            sensors.base_linear_velocity[:] = self.arrays['linvel'][step]
        sensors.velocity_command[:] = self.arrays['cmd'][step]
        sensors.joint_stamp_ns = sensors.imu_stamp_ns = stamp_ns
        sensors.command_stamp_ns = sensors.odometry_stamp_ns = stamp_ns


def replayed(policy, recording, robot_joints=None):
    """Return observations, actions and targets of all steps."""
    runner = policy.runner(RunnerConfig(start_in='policy'), robot_joints)
    sensors = Sensors(runner.compiled.layout)
    order = [runner.compiled.layout.joints.index(name) for name in policy.spec.joints]
    observations, actions, targets = [], [], []
    for number in range(len(recording)):
        stamp_ns = number * runner.compiled.period_ns
        recording.write(number, sensors, order, stamp_ns)
        step = runner.step(sensors, stamp_ns)
        assert (step.has_policy_step, step.reason) == (True, '')
        observations.append(step.observation.copy())
        actions.append(step.action.copy())
        targets.append(step.target.copy())
    return np.array(observations), np.array(actions), np.array(targets)
