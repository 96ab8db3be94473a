# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Step teacher and student side by side; one moves the robot, the teacher labels.

Each policy has its own runner, so that its observation is assembled as on the robot, and runs its
own network. The action of the one that moves the robot becomes the last action of both, in
the terms of each, as in relabeling.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from distill_runtime.core.arrays import Float32Array, FloatArray
from distill_runtime.core.compiled_spec import CompiledSpec
from distill_runtime.core.config import RunnerConfig
from distill_runtime.core.instance.action import is_equivalent
from distill_runtime.core.instance.batch import translated_actions
from distill_runtime.core.modes import Mode
from distill_runtime.core.runner import PolicyRunner
from distill_runtime.core.sensors import SensorLayout, Sensors
from distill_runtime.core.step import Policy
from distill_runtime.errors import ConfigError
from distill_runtime.spec.compile import compile_spec
from distill_runtime.spec.spec import PolicySpec
from distill_runtime.spec.teacher import check_gains, check_joints, check_period
import numpy as np


class PairSpec(NamedTuple):
    """Teacher and student, compiled for the same sensors and commands."""

    teacher: CompiledSpec
    """With the joint order of the student for commands, and the joint limits of the student."""
    student: CompiledSpec


def compile_pair(teacher: PolicySpec, student: PolicySpec, layout: SensorLayout) -> PairSpec:
    """Compile teacher and student.

    Args:
        teacher: Gives the labels.
        student: Its joint order is that of commands, its joint limits are those of the robot.
        layout: Sensors of the robot.

    Raises:
        ConfigError: If joints, gains or periods differ, or labels cannot be actions of the
            student.
    """
    where = f'teacher {teacher.name}'
    check_joints(where, student, teacher)
    check_gains(where, student, teacher)
    check_period(where, student, teacher)
    compiled = compile_spec(student, layout)
    other = compile_spec(teacher, layout, student.joints)
    if compiled.action.choices is not None and not is_equivalent(other.action, compiled.action):
        raise ConfigError(
            f'{where}: the student chooses among targets, expected a teacher with the same choices'
        )
    ours = compiled.joints
    limits = replace(
        other.joints,
        lower=ours.lower,
        upper=ours.upper,
        position_lower=ours.position_lower,
        position_upper=ours.position_upper,
        velocity=ours.velocity,
        effort=ours.effort,
    )
    return PairSpec(replace(other, joints=limits), compiled)


class PairStep(NamedTuple):
    """One tick; views that the next one overwrites, but for the label."""

    command: FloatArray
    """Of the policy that moves the robot, in the student's joint order, shape (num_joints,)."""
    observation: Float32Array
    """Of the student, shape (obs_dim,)."""
    label: Float32Array
    """Action of the student for the teacher's targets, not clipped, shape (act_dim,)."""


class PolicyPair:
    """A teacher and a student on the same sensors."""

    def __init__(
        self, spec: PairSpec, teacher: Policy, student: Policy, config: RunnerConfig
    ) -> None:
        """Make both runners."""
        self._teacher = PolicyRunner(spec.teacher, teacher, config)
        self._student = PolicyRunner(spec.student, student, config)
        self._unclipped = replace(spec.student.action, clip=None)
        self._is_same = is_equivalent(spec.teacher.action, spec.student.action)

    def step(
        self,
        sensors: Sensors,
        commands: tuple[FloatArray, FloatArray],
        stamp_ns: int,
        *,
        teacher_acts: bool,
    ) -> PairStep | None:
        """Step both policies.

        Args:
            sensors: The newest samples.
            commands: Velocity commands of teacher and student: vx, vy in [m]/[s], yaw rate in
                [rad]/[s], shape (3,) each.
            stamp_ns: Time of the tick.
            teacher_acts: Whether the teacher moves the robot in this tick.

        Returns:
            The tick; None if a policy gave no action.
        """
        steps = []
        for runner, command in zip((self._teacher, self._student), commands, strict=True):
            sensors.velocity_command[:] = command
            steps.append(runner.step(sensors, stamp_ns))
        if any(step.mode is not Mode.POLICY for step in steps):
            return None
        label = self._label()
        runners = (self._teacher, self._student)
        active, passive = runners if teacher_acts else runners[::-1]
        acting = active.switcher.active
        passive.switcher.active.action_map.translate(
            acting.compiled.action, acting.last_action, acting.target
        )
        command = steps[0 if teacher_acts else 1].command
        passive.restore(command=command)
        return PairStep(command, self._student.policy.observation, label)

    def _label(self) -> Float32Array:
        if self._is_same:
            return self._teacher.policy.action.copy()
        instance = self._teacher.switcher.active
        actions = translated_actions(
            self._unclipped,
            instance.compiled.action,
            instance.last_action[np.newaxis],
            instance.target[np.newaxis],
        )
        return actions[0].astype(np.float32)
