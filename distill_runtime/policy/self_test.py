# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Test a policy without a robot: timing, first step, golden vectors, and the effect of limits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count, islice
import math
import time
from typing import Literal

from distill_runtime.core.arrays import Float32Array, FloatArray
from distill_runtime.core.checks.registry import ANY_MOTION
from distill_runtime.core.compiled_spec import CompiledSpec
from distill_runtime.core.config import RunnerConfig
from distill_runtime.core.instance.action import ActionMap
from distill_runtime.core.limits import Feedback, has_gains, LimitConfig, Limiter, PositionLimits
from distill_runtime.core.sensors import Sensors
from distill_runtime.core.step import Policy, Step
from distill_runtime.errors import ModelError
from distill_runtime.spec.compile import compile_spec
from distill_runtime.spec.spec import PolicySpec
from distill_runtime.spec.tensors import Golden
import numpy as np

from .golden import clear
from .model import LoadedPolicy

NUM_RUNS = 200
NUM_LIMIT_STEPS = 200
NUM_STEPS = 12
"""Enough to fill every usual history."""
NUM_STANDING = 2
TOLERANCE = 1e-4
"""Largest difference that processors and versions of onnxruntime cause, for outputs up to 1."""
_CONFIG = RunnerConfig(
    start_in='policy',
    max_joint_step=0.0,
    tilt_limit=0.0,
    cmd_vel_timeout=0.0,
    torque_limit=0.0,
    checks=ANY_MOTION,
)


@dataclass(frozen=True, kw_only=True)
class DryRun:
    """Result of inference on random observations."""

    runs: int
    is_finite: bool
    """Whether every action was finite."""
    median: float
    """Duration of an inference, in [s]."""
    p99: float
    """99th percentile of the duration, in [s]."""


@dataclass(frozen=True, kw_only=True)
class FirstStep:
    """Step 0 of a robot that stands level in its default pose, with a zero command."""

    observation: Float32Array
    """Concatenated inputs, shape (obs_dim,)."""
    action: Float32Array
    """Network output, shape (act_dim,)."""
    target: FloatArray
    """Before limits, in policy order: [rad], [rad]/[s] or [N m], shape (num_joints,)."""


def dry_run(policy: Policy, num_runs: int = NUM_RUNS) -> DryRun:
    """Run the network on standard normal observations, with a fixed seed.

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
    clear(policy)
    median, p99 = np.quantile(durations, (0.5, 0.99)).tolist()
    return DryRun(runs=num_runs, is_finite=is_finite, median=median, p99=p99)


def first_step(policy: LoadedPolicy) -> FirstStep:
    """Run the first step at standstill; external inputs are zero.

    Raises:
        ModelError: If the runner refuses the step, for example for a NaN.
    """
    step = next(_steps(policy))
    result = FirstStep(
        observation=step.observation.copy(), action=step.action.copy(), target=step.target.copy()
    )
    policy.session.reset()
    return result


def _steps(policy: LoadedPolicy) -> Iterator[Step]:
    """Yield steps from a reset: standing first, then on random sensors.

    Raises:
        ModelError: If the runner refuses a step.
    """
    runner = policy.runner(_CONFIG)
    sensors = Sensors(runner.compiled.layout)
    rng = np.random.default_rng(0)
    for number in count():
        stamp_ns = number * runner.compiled.period_ns
        sensors.joint_stamp_ns = sensors.imu_stamp_ns = sensors.odometry_stamp_ns = stamp_ns
        sensors.command_stamp_ns = stamp_ns
        sensors.external_stamps_ns = [stamp_ns] * len(sensors.externals)
        sensors.joint_position[:] = policy.spec.default_position
        if number >= NUM_STANDING:
            _randomize(sensors, policy.spec, rng)
        step = runner.step(sensors, stamp_ns)
        if not step.has_policy_step or step.mode.name != 'POLICY':
            where = f'step {number} of the self-test' if number else 'first step at standstill'
            raise ModelError(f'{where} is refused: {step.reason}')
        yield step


def record_self_test(policy: LoadedPolicy, num_steps: int = NUM_STEPS) -> Golden:
    """Record consecutive steps from a reset: standing first, then on random sensors.

    The sensors go through the runner, so that history, last action and clocks are as on a robot.
    The sensors are the same each time.

    Args:
        policy: The policy; it is reset before and after.
        num_steps: Steps to record.

    Raises:
        ModelError: If the network gives NaN or infinity.
    """
    observations, actions = [], []
    for step in islice(_steps(policy), num_steps):
        observations.append(tuple(step.observation.tolist()))
        actions.append(tuple(step.action.tolist()))
    clear(policy.session)
    return Golden(
        observation=tuple(observations),
        action=tuple(actions),
        tolerance=TOLERANCE * max(1.0, float(np.abs(actions).max())),
    )


def _randomize(sensors: Sensors, spec: PolicySpec, rng: np.random.Generator) -> None:
    """Write plausible sensor values of a walking robot."""
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


@dataclass(frozen=True, kw_only=True)
class LimitUse:
    """How many targets each limit changes, as fractions of those with a measured joint."""

    source: Literal['golden', 'dry_run']
    """Origin of the targets: golden vectors, or first steps on random sensors."""
    num_steps: int
    num_joints: int
    bounded_joints: tuple[str, ...]
    """Position joints with known range."""
    soft_joints: tuple[str, ...]
    """Those of them with known gains: the default limits them softly."""
    measured: float
    """Fraction of the targets whose observation contains the position of their joint."""
    soft: float
    """Fraction that soft position limits change."""
    clip: float
    """Fraction that clipping to the range changes."""
    torque: float
    """Fraction that torque_limit 1 changes."""
    largest_clip: float
    """Largest change by clipping, in [rad]."""
    clipped_joint: str
    """Joint of the largest change; '' if there is none."""


def limit_use(policy: LoadedPolicy) -> LimitUse:
    """Apply each limit alone to the targets of the golden vectors, or of a dry run; then reset.

    Raises:
        ModelError: If the network gives NaN or infinity.
    """
    golden = policy.spec.golden or record_self_test(policy, NUM_LIMIT_STEPS)
    compiled = compile_spec(policy.spec)
    target = targets(compiled, np.array(golden.action, dtype=np.float32))
    position, velocity = measured_joints(compiled, np.array(golden.observation))
    known = np.isfinite(position) & compiled.joints.is_position
    position = np.where(known, position, compiled.joints.default_command)
    velocity = np.where(np.isfinite(velocity), velocity, 0.0)

    def changed(limits: PositionLimits, torque_limit: float = 0.0) -> FloatArray:
        """Return how far one limit moves each target, in [rad], shape (T, num_joints)."""
        feedback = Feedback(np.zeros(position.shape[1]), np.zeros(position.shape[1]))
        config = LimitConfig(
            torque_limit=torque_limit, position_limits=limits, period=compiled.period_ns / 1e9
        )
        limiter = Limiter(compiled.joints, config, feedback)
        command = np.zeros_like(target)
        for step in range(len(target)):
            feedback.position[:], feedback.velocity[:] = position[step], velocity[step]
            limiter.limit(target[step], command[step], has_feedback=True)
        return np.where(known, np.abs(command - target), 0.0)

    def share(change: FloatArray) -> float:
        return float(np.count_nonzero(change)) / max(1, int(np.count_nonzero(known)))

    clip = changed('clip')
    joint = int(clip.max(axis=0).argmax())
    joints = compiled.joints
    names = joints.names
    is_bounded = joints.is_position & np.isfinite(joints.lower) & np.isfinite(joints.upper)
    return LimitUse(
        source='golden' if policy.spec.golden else 'dry_run',
        num_steps=len(target),
        num_joints=len(names),
        bounded_joints=tuple(np.array(names)[is_bounded].tolist()),
        soft_joints=tuple(np.array(names)[is_bounded & has_gains(joints)].tolist()),
        measured=float(known.mean()),
        soft=share(changed('soft')),
        clip=share(clip),
        torque=share(changed('off', 1.0)),
        largest_clip=float(clip.max()),
        clipped_joint=names[joint] if clip.any() else '',
    )


def targets(compiled: CompiledSpec, actions: np.ndarray) -> FloatArray:
    """Convert network outputs to targets.

    Args:
        compiled: The policy.
        actions: Raw outputs, float32, shape (T, act_dim).

    Returns:
        Targets before limits, shape (T, num_joints).
    """
    action_map = ActionMap(
        compiled.action, compiled.joints.default_command, np.zeros(compiled.action.width)
    )
    result = np.zeros((len(actions), len(compiled.joints.names)))
    for step, action in enumerate(actions):
        action_map.apply(action)
        result[step] = action_map.target
    return result


def measured_joints(
    compiled: CompiledSpec, observations: np.ndarray
) -> tuple[FloatArray, FloatArray]:
    """Recover joint positions and velocities from the newest frame of observations.

    Args:
        compiled: The policy.
        observations: Concatenated inputs, shape (T, obs_dim).

    Returns:
        Positions in [rad] and velocities in [rad]/[s], each (T, num_joints), policy order; NaN
        where no observation term contains them.
    """
    vector = np.full((len(observations), compiled.vector_dim), np.nan)
    start = 0
    for entry in compiled.inputs:
        element = entry.layout - (entry.depth - 1) * len(entry.index)  # in the newest frame
        chosen = np.flatnonzero(element >= 0)
        element = element[chosen]
        chosen, element = chosen[entry.scale[element] != 0], element[entry.scale[element] != 0]
        vector[:, entry.index[element]] = (
            observations[:, start + chosen] / entry.scale[element] + entry.offset[element]
        )
        start += len(entry.layout)
    return vector[:, compiled.joints.position_index], vector[:, compiled.joints.velocity_index]
