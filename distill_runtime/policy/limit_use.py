# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Measure how often joint limits change the targets of a policy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from distill_runtime.core.arrays import FloatArray
from distill_runtime.core.compiled_spec import CompiledSpec
from distill_runtime.core.instance.action import ActionMap
from distill_runtime.core.limits import Feedback, has_gains, LimitConfig, Limiter, PositionLimits
from distill_runtime.spec.compile import compile_spec, sensor_layout
import numpy as np

from .model import LoadedPolicy
from .self_test import record_self_test

NUM_STEPS = 200


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
    """Apply each limit alone to the targets of the golden vectors, or of a dry run.

    Args:
        policy: The policy; it is reset before and after.

    Raises:
        ModelError: If the network gives NaN or infinity.
    """
    golden, source = policy.spec.golden, 'golden'
    if golden is None:
        golden, source = record_self_test(policy, NUM_STEPS), 'dry_run'
    compiled = compile_spec(policy.spec, sensor_layout(policy.spec))
    target = targets(compiled, np.array(golden.action, dtype=np.float32))
    position, velocity = measured_joints(compiled, np.array(golden.observation))
    known = np.isfinite(position) & compiled.joints.is_position
    position = np.where(known, position, compiled.joints.idle)
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
        source='golden' if source == 'golden' else 'dry_run',
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
    action_map = ActionMap(compiled.action, compiled.joints.idle, np.zeros(compiled.action.width))
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
