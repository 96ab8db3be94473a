# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""A policy tried out at a desk: its first step at rest, and how fast and how sanely it runs."""

from __future__ import annotations

from dataclasses import dataclass
import time

from distill_runtime.core.arrays import Float32Array, FloatArray
from distill_runtime.core.checks import ANY_MOTION
from distill_runtime.core.config import RunnerConfig
from distill_runtime.core.sensors import Sensors
from distill_runtime.core.step import Policy
from distill_runtime.errors import ModelError
import numpy as np

from .model import LoadedPolicy

NUM_RUNS = 200


@dataclass(frozen=True, kw_only=True)
class DryRun:
    """Inference on random observations."""

    runs: int
    is_finite: bool
    """Whether every action was."""
    median: float
    """Duration of an inference in [s]."""
    p99: float
    """The same, not exceeded by 99 of 100."""


@dataclass(frozen=True, kw_only=True)
class FirstStep:
    """Step 0 of a robot that stands still and level in its default pose, and is told to stand."""

    observation: Float32Array
    """All inputs behind one another, shape (obs_dim,)."""
    action: Float32Array
    """Network output, shape (act_dim,)."""
    target: FloatArray
    """Before limits, in policy order: [rad], [rad]/[s] or [N m], shape (num_joints,)."""


def dry_run(policy: Policy, num_runs: int = NUM_RUNS) -> DryRun:
    """Run the network on standard normal observations, the same ones each time.

    Args:
        policy: The network; it is reset before and after.
        num_runs: Consecutive steps.
    """
    rng = np.random.default_rng(0)
    observations = rng.standard_normal((num_runs, policy.observation.size), dtype=np.float32)
    policy.reset()
    durations = np.zeros(num_runs)
    is_finite = True
    for step, observation in enumerate(observations):
        policy.observation[:] = observation
        start = time.perf_counter()
        policy.run()
        durations[step] = time.perf_counter() - start
        is_finite = is_finite and bool(np.isfinite(policy.action).all())
    policy.observation.fill(0.0)
    policy.action.fill(0.0)
    policy.reset()
    median, p99 = np.quantile(durations, (0.5, 0.99)).tolist()
    return DryRun(runs=num_runs, is_finite=is_finite, median=median, p99=p99)


def first_step(policy: LoadedPolicy) -> FirstStep:
    """Let the runner do its first step at rest; external inputs are zero.

    Raises:
        ModelError: If the runner refuses the step: the network gave no number, say.
    """
    runner = policy.runner(
        RunnerConfig(start_in='policy', max_joint_step=0.0, torque_limit=0.0, checks=ANY_MOTION)
    )
    sensors = Sensors(runner.plan.layout)
    sensors.joint_position[:] = policy.spec.default_position
    sensors.joint_stamp_ns = sensors.imu_stamp_ns = sensors.odometry_stamp_ns = 0
    sensors.command_stamp_ns = 0
    sensors.external_stamps_ns = [0] * len(sensors.externals)
    step = runner.step(sensors, 0)
    if not step.has_policy_step or step.mode.name != 'POLICY':
        raise ModelError(f'first step at rest is refused: {step.reason}')
    result = FirstStep(
        observation=step.observation.copy(), action=step.action.copy(), target=step.target.copy()
    )
    policy.session.reset()
    return result
