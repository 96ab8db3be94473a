# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Run all checks of a runner at every tick, and those of a start from standby."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
import math

from distill_runtime.core.arrays import FloatArray
from distill_runtime.core.compiled_spec import CompiledSpec, JointTable
from distill_runtime.core.config import RunnerConfig
from distill_runtime.core.input_buffer import InputBuffer
from distill_runtime.core.rotations import tilt
from distill_runtime.core.sensors import NEVER
import numpy as np

from .registry import Debounce, Finding
from .robot import JointRange


class SafetyMonitor:
    """Checks the inputs, the robot and the policy, and turns findings into a fault condition."""

    def __init__(
        self,
        compiled: CompiledSpec,
        config: RunnerConfig,
        input_buffer: InputBuffer,
        values: FloatArray,
    ) -> None:
        """Make all checks; values views joint positions and velocities in robot order."""
        checks = config.checks
        self._input_buffer = input_buffer
        self._needs_imu = compiled.needs_imu
        self._tilt_limit = config.tilt_limit
        self._max_tilt_gravity = (
            -math.cos(config.tilt_limit)
            if compiled.needs_imu and config.tilt_limit > 0.0
            else math.inf
        )
        self.debounce = Debounce(checks, config.fault_action)
        """Has the findings that are no fault, or not yet, as its warning."""
        self._joint_range = JointRange(compiled, values, checks)
        self.reset()

    def reset(self) -> None:
        """Forget all samples and findings."""
        self.condition: Finding | None = None
        """Finding that is a fault at this tick, whether or not one is latched already."""
        self._last_stamp_ns = NEVER
        self.debounce.reset()
        self.begin_policy(NEVER)

    def begin_policy(self, stamp_ns: int) -> None:
        """Start to check a policy that moves the robot."""
        self._input_buffer.frozen_joints.begin(stamp_ns)

    def judge(
        self,
        caller_findings: Iterable[Finding],
        stamp_ns: int,
        of_policy: Sequence[Finding] | None,
    ) -> Finding | None:
        """Return the finding that is a fault at this tick, or None.

        Args:
            caller_findings: Findings of the caller.
            stamp_ns: Time of the tick.
            of_policy: Findings of the last policy step; None while no policy moves the robot.
        """
        input_buffer = self._input_buffer
        findings = [*caller_findings]
        if self._last_stamp_ns > stamp_ns:
            back = (self._last_stamp_ns - stamp_ns) / 1e9
            findings.append(
                Finding(
                    'clock',
                    f'clock.backwards: tick is {back:.3f} s before the last one: was a clock set, '
                    'did a recording start over?',
                )
            )
        self._last_stamp_ns = stamp_ns
        if input_buffer.late:
            reason = input_buffer.with_reason(input_buffer.late[0])
            findings.append(Finding('input_age', reason))
        if input_buffer.problem is not None and input_buffer.problem.check:
            findings.append(Finding(input_buffer.problem.check, input_buffer.problem.reason))
        if input_buffer.gravity[2] > self._max_tilt_gravity:
            findings.append(
                Finding(
                    'tilt',
                    f'tilt.limit: base is tilted by {tilt(input_buffer.gravity):.2f} rad, '
                    f'expected within {self._tilt_limit:.2f} rad',
                )
            )
        findings += self._joint_range.find()
        if self._needs_imu:
            findings += input_buffer.frozen_imu.find(stamp_ns)
        if of_policy is not None:
            findings += input_buffer.frozen_joints.find(stamp_ns)
            findings += of_policy
        self.condition = self.debounce.judge(findings, stamp_ns)
        return self.condition


def start_problem(compiled: CompiledSpec, input_buffer: InputBuffer, config: RunnerConfig) -> str:
    """Return why the policy may not start now, or ''."""
    if input_buffer.problem is not None:
        return input_buffer.problem.reason
    is_tilted = tilt_problem(input_buffer.gravity, config) if compiled.needs_imu else ''
    return is_tilted or pose_problem(compiled.joints, input_buffer.joint_position, config)


def pose_problem(joints: JointTable, position: FloatArray, config: RunnerConfig) -> str:
    """Return why the measured pose is too far from the default pose, or ''.

    Args:
        joints: Default position of each joint.
        position: Measured, in [rad], shape (num_joints,).
        config: The limit.
    """
    if not config.start_pose_limit:
        return ''
    distance = np.where(joints.is_position, np.abs(position - joints.default_command), 0.0)
    joint = int(distance.argmax())
    if distance[joint] <= config.start_pose_limit:
        return ''
    return (
        f'{joints.names[joint]} is at {position[joint]:.3f} rad, {distance[joint]:.3f} rad from '
        f'its default {joints.default_command[joint]:.3f} rad, expected within '
        f'{config.start_pose_limit:.3f} '
        'rad: is standby done, do the motors follow?'
    )


def tilt_problem(gravity: FloatArray, config: RunnerConfig) -> str:
    """Return why the base is too tilted to start, or ''.

    Args:
        gravity: Unit vector in the base frame, shape (3,).
        config: The limit.
    """
    angle = tilt(gravity)
    if not config.start_tilt_limit or angle <= config.start_tilt_limit:
        return ''
    return (
        f'base is tilted by {angle:.2f} rad, expected within {config.start_tilt_limit:.2f} rad: '
        'set the robot upright'
    )
