# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Golden vectors for a policy that brings none: its first steps on made-up, plausible sensors."""

from __future__ import annotations

import math

from distill_runtime.core.checks import ANY_MOTION
from distill_runtime.core.config import RunnerConfig
from distill_runtime.core.sensors import Sensors
from distill_runtime.errors import ModelError
from distill_runtime.spec.spec import PolicySpec
from distill_runtime.spec.tensors import Golden
import numpy as np

from .model import LoadedPolicy

NUM_STEPS = 12
"""Long enough that every usual history is filled."""
NUM_RESTING = 2
TOLERANCE = 1e-4
"""Largest difference between processors and versions of onnxruntime that is no other network."""
_CONFIG = RunnerConfig(
    start_in='policy',
    max_joint_step=0.0,
    tilt_limit=0.0,
    cmd_vel_timeout=0.0,
    torque_limit=0.0,
    checks=ANY_MOTION,
)


def record_trial(policy: LoadedPolicy, num_steps: int = NUM_STEPS) -> Golden:
    """Record consecutive steps from a reset: at rest first, then on random sensors.

    The sensors go through the runner, so that history, last action and clocks are those of a
    robot. The same policy gives the same sensors each time.

    Args:
        policy: The policy; it is reset before and after.
        num_steps: Steps to record.

    Raises:
        ModelError: If the network gives no numbers.
    """
    runner = policy.runner(_CONFIG)
    sensors = Sensors(runner.plan.layout)
    rng = np.random.default_rng(0)
    observations, actions = [], []
    for number in range(num_steps):
        stamp_ns = number * runner.plan.period_ns
        sensors.joint_stamp_ns = sensors.imu_stamp_ns = sensors.odometry_stamp_ns = stamp_ns
        sensors.command_stamp_ns = stamp_ns
        sensors.external_stamps_ns = [stamp_ns] * len(sensors.externals)
        sensors.joint_position[:] = policy.spec.default_position
        if number >= NUM_RESTING:
            _shake(sensors, policy.spec, rng)
        step = runner.step(sensors, stamp_ns)
        if not step.has_policy_step or step.mode.name != 'POLICY':
            raise ModelError(f'step {number} of the trial is refused: {step.reason}')
        observations.append(tuple(step.observation.tolist()))
        actions.append(tuple(step.action.tolist()))
    policy.session.observation.fill(0.0)
    policy.session.action.fill(0.0)
    policy.session.reset()
    return Golden(
        observation=tuple(observations), action=tuple(actions), tolerance=_tolerance(actions)
    )


def _tolerance(actions: list[tuple[float, ...]]) -> float:
    """Return TOLERANCE, or that much of outputs larger than 1."""
    return TOLERANCE * max(1.0, max(abs(value) for action in actions for value in action))


def _shake(sensors: Sensors, spec: PolicySpec, rng: np.random.Generator) -> None:
    """Write what a robot that walks may measure."""
    sensors.joint_position += rng.uniform(-0.2, 0.2, len(sensors.joint_position))
    sensors.joint_velocity[:] = rng.uniform(-1.0, 1.0, len(sensors.joint_velocity))
    sensors.angular_velocity[:] = rng.uniform(-0.5, 0.5, 3)
    axis = rng.uniform(-0.1, 0.1, 3)
    sensors.quat_base_to_world[:] = (math.sqrt(1.0 - float(axis @ axis)), *axis.tolist())
    sensors.base_linear_velocity[:] = rng.uniform(-0.5, 0.5, 3)
    lower, upper = ((-0.5,) * 3, (0.5,) * 3)
    if spec.command is not None:
        lower, upper = spec.command.lower, spec.command.upper
    sensors.velocity_command[:] = rng.uniform(lower, upper)
    for view in sensors.externals:
        view[:] = rng.uniform(-0.5, 0.5, len(view))
