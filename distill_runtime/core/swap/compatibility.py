# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Check that a policy fits the robot and the inputs that a runner was made for."""

from __future__ import annotations

from collections.abc import Iterator

from distill_runtime.core.arrays import FloatArray
from distill_runtime.core.compiled_spec import CompiledSpec
import numpy as np

from .history import DEPTH

_TOLERANCE = 1e-6
_LONGEST = DEPTH // 2


def differences(compiled: CompiledSpec, other: CompiledSpec) -> list[str]:
    """Return why another policy cannot take over while the robot walks; empty if it can.

    The drives keep their gains, and the runner its limits and inputs: a policy that differs in
    these needs another configuration.

    Args:
        compiled: Of the policy that the runner was made for.
        other: Of the other one, compiled for the same sensors and the same order of commands.
    """
    return [*_of_time(compiled, other), *_of_joints(compiled, other), *_of_inputs(compiled, other)]


def _of_time(compiled: CompiledSpec, other: CompiledSpec) -> Iterator[str]:
    if other.period_ns != compiled.period_ns:
        yield f'period is {other.period_ns / 1e9} s, expected {compiled.period_ns / 1e9} s'
    deepest = max(entry.depth for entry in other.inputs)
    if deepest > _LONGEST:
        yield f'history goes back {deepest} steps, expected at most {_LONGEST}'


def _of_joints(compiled: CompiledSpec, other: CompiledSpec) -> Iterator[str]:
    joints, others = compiled.joints, other.joints
    for name, mode, wanted in zip(joints.names, others.modes, joints.modes, strict=True):
        if mode != wanted:
            yield f'outputs.mode of {name} is {mode}, expected {wanted}'
    pairs = {
        'stiffness': (joints.stiffness, others.stiffness),
        'damping': (joints.damping, others.damping),
        'lower limit': (joints.lower, others.lower),
        'upper limit': (joints.upper, others.upper),
        'lower position limit': (joints.position_lower, others.position_lower),
        'upper position limit': (joints.position_upper, others.position_upper),
        'velocity limit': (joints.velocity, others.velocity),
        'effort limit': (joints.effort, others.effort),
    }
    for what, (known, value) in pairs.items():
        if value is not None:
            yield from _of_values(what, joints.names, known, value)


def _of_values(
    what: str, names: tuple[str, ...], known: FloatArray | None, value: FloatArray
) -> Iterator[str]:
    """Compare one number per joint; a value that the other policy leaves open is not compared."""
    if known is None:
        yield f'{what} is given, and was not when the node was configured'
        return
    with np.errstate(invalid='ignore'):
        is_far = np.isfinite(value) & ~(np.abs(value - known) <= _TOLERANCE)
    if is_far.any():
        joint = int(is_far.argmax())
        yield f'{what} of {names[joint]} is {value[joint]:g}, expected {known[joint]:g}'


def _of_inputs(compiled: CompiledSpec, other: CompiledSpec) -> Iterator[str]:
    for topic, is_read, is_there in (
        ('imu', other.needs_imu, compiled.needs_imu),
        ('odom', other.needs_odometry, compiled.needs_odometry),
        ('cmd_vel', other.needs_command, compiled.needs_command),
    ):
        if is_read and not is_there:
            yield f'{topic} is needed, which the node was not configured to listen to'
    if _reads_velocity(other) and not _reads_velocity(compiled):
        yield 'joint velocities are needed, which the node was not configured to read'


def _reads_velocity(compiled: CompiledSpec) -> bool:
    velocity = compiled.layout.joint_velocity
    return any(
        bool(((entry.index >= velocity.start) & (entry.index < velocity.stop)).any())
        for entry in compiled.inputs
    )
