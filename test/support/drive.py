# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Random samples of all sensors, and the observations and targets of a spec on them.

The oracle of the readers' tests: a scalar loop that shares no code with core.
"""

from __future__ import annotations

from distill_runtime.core.checks.registry import ANY_MOTION
import numpy as np

from .rig import Rig


class Samples:
    """T samples of a robot's sensors, joints by name."""

    def __init__(self, joints, num_ticks=6, seed=0):
        rng = np.random.default_rng(seed)
        self.joints = tuple(joints)
        self.position = rng.normal(0.0, 0.5, (num_ticks, len(joints)))
        self.velocity = rng.normal(0.0, 2.0, (num_ticks, len(joints)))
        self.gyro = rng.normal(0.0, 1.0, (num_ticks, 3))
        quat = rng.normal(0.0, 0.1, (num_ticks, 4)) + np.array([1.0, 0.0, 0.0, 0.0])
        self.quat = quat / np.linalg.norm(quat, axis=1, keepdims=True)
        self.command = rng.uniform(-0.1, 0.1, (num_ticks, 3))
        self.linear = rng.normal(0.0, 0.5, (num_ticks, 3))
        self.num_ticks = num_ticks

    def q(self, tick, name):
        """Return a joint position."""
        return self.position[tick][self.joints.index(name)]

    def dq(self, tick, name):
        """Return a joint velocity."""
        return self.velocity[tick][self.joints.index(name)]

    def gravity(self, tick):
        """Return R(q)^T (0, 0, -1), written out."""
        w, x, y, z = self.quat[tick]
        return [2 * (w * y - x * z), -2 * (w * x + y * z), 2 * (x * x + y * y) - 1]


def driven(spec, samples, output=0.0):
    """Run a spec over samples and return (observation, target) of each tick.

    Args:
        spec: The policy.
        samples: What its sensors give; their joints are in any order.
        output: Network output: an array, or a function of the number of the run.
    """
    rig = Rig(
        spec,
        output,
        samples.joints,
        start_in='policy',
        max_joint_step=0.0,
        tilt_limit=0.0,
        torque_limit=0.0,
        checks=ANY_MOTION,
    )
    steps = []
    for tick in range(samples.num_ticks):
        rig.measure(
            samples.position[tick],
            samples.velocity[tick],
            samples.gyro[tick],
            samples.quat[tick],
            samples.command[tick],
            samples.linear[tick],
        )
        step = rig.tick()
        assert step.reason == ''
        steps.append((step.observation.copy(), step.target.copy()))
    return steps


def past(tick, length):
    """Return the ticks of a history filled with its first, oldest first."""
    return [max(0, tick - age) for age in reversed(range(length))]
