# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""What a policy sees of made-up samples, through the runner, to be compared with an oracle."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .rig import Rig


class Sample(NamedTuple):
    """Sensor values and network output of one tick."""

    position: list[float]
    velocity: list[float]
    angular_velocity: list[float]
    quat: list[float]
    linear_velocity: list[float]
    command: list[float]
    action: list[float]

    @property
    def gravity(self):
        """Return the unit vector of gravity in the base, as a list."""
        w, x, y, z = self.quat
        return [2 * (w * y - x * z), -2 * (y * z + w * x), 2 * (x * x + y * y) - 1]


def make_samples(num_joints, num_actions, num_steps=8, seed=0):
    """Return random samples of small motions."""
    rng = np.random.default_rng(seed)
    samples = []
    for _ in range(num_steps):
        quat = np.array([1.0, 0.0, 0.0, 0.0]) + rng.normal(0.0, 0.15, 4)
        samples.append(
            Sample(
                position=rng.normal(0.0, 0.3, num_joints).tolist(),
                velocity=rng.normal(0.0, 2.0, num_joints).tolist(),
                angular_velocity=rng.normal(0.0, 1.0, 3).tolist(),
                quat=(quat / np.linalg.norm(quat)).tolist(),
                linear_velocity=rng.normal(0.0, 1.0, 3).tolist(),
                command=rng.uniform(-0.3, 0.3, 3).tolist(),
                action=rng.normal(0.0, 1.0, num_actions).tolist(),
            )
        )
    return samples


def observed(spec, samples):
    """Run the samples through a runner; joints of samples are in policy order.

    Returns:
        All inputs concatenated, and the targets; a row per sample.
    """
    robot_joints = tuple(sorted(spec.joints))
    options = {'start_in': 'policy', 'max_joint_step': 0.0}
    rig = Rig(spec, lambda run: samples[run].action, robot_joints, **options)
    order = [spec.joints.index(name) for name in robot_joints]
    observations, targets = [], []
    for sample in samples:
        rig.measure(
            np.array(sample.position)[order],
            np.array(sample.velocity)[order],
            sample.angular_velocity,
            sample.quat,
            sample.command,
            sample.linear_velocity,
        )
        step = rig.tick(round(spec.period * 1e9))
        assert step.has_policy_step, step.reason
        observations.append(step.observation.tolist())
        targets.append(step.target.tolist())
    return observations, targets
