# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""A recipe: the whole configuration of a distillation, apart from the teacher."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

from distill_runtime.errors import ConfigError
from distill_runtime.spec.files import read_yaml
from distill_runtime.spec.mapping import read_dataclass
from distill_runtime.spec.robot_description import RobotDescription
from distill_runtime.spec.spec import Limits, PolicySpec
from distill_runtime.spec.tensors import InputSpec

from .command_curve import CommandCurve
from .dagger import DaggerConfig
from .variation import VariationConfig


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Configuration of a distillation."""

    name: str
    """Name in the spec of the student."""
    seed: int
    """Seed of weights, row order and episodes."""
    robot: str
    """Profile or URDF with the student's joint limits."""
    inputs: tuple[InputSpec, ...]
    """Observation of the student, as in a spec."""
    dagger: DaggerConfig
    variation: VariationConfig
    teacher_command: CommandCurve = field(default_factory=CommandCurve)
    """Maps the student's command to the teacher's."""

    def __post_init__(self) -> None:
        """Reject a negative seed, and inputs that cannot be exported yet."""
        if not self.seed >= 0:
            raise ConfigError(f'seed is {self.seed}, expected at least 0')
        if [entry.name for entry in self.inputs] != ['obs']:
            names = [entry.name for entry in self.inputs]
            raise ConfigError(f"inputs are {names}, expected one of the name 'obs'")


def read_recipe(path: Path) -> Recipe:
    """Read a recipe from YAML.

    Raises:
        ConfigError: If the file is unreadable, a key is unknown or missing, or a value is wrong.
    """
    try:
        return read_dataclass(Recipe, read_yaml(path), '')
    except ConfigError as error:
        text = str(error)
        raise ConfigError(text if str(path) in text else f'{path}: {text}') from error


def student_spec(recipe: Recipe, teacher: PolicySpec, robot: RobotDescription) -> PolicySpec:
    """Return the spec of the student: that of the teacher with other inputs and joint limits.

    Args:
        recipe: Source of name and inputs.
        teacher: Source of period, joints, default pose, gains, command range and action.
        robot: Source of the joint limits.

    Raises:
        ConfigError: If the robot lacks a joint, or the inputs do not fit.
    """
    missing = [name for name in teacher.joints if name not in robot.joints]
    if missing:
        raise ConfigError(
            f'robot {robot.name!r} lacks the joints {missing} of the teacher, it has '
            f'{list(robot.joints)}'
        )
    order = [robot.joints.index(name) for name in teacher.joints]
    limits = Limits(
        position=robot.position and tuple(robot.position[joint] for joint in order),
        velocity=robot.velocity and tuple(robot.velocity[joint] for joint in order),
        effort=robot.effort and tuple(robot.effort[joint] for joint in order),
    )
    return PolicySpec(
        name=recipe.name,
        period=teacher.period,
        joints=teacher.joints,
        default_position=teacher.default_position,
        stiffness=teacher.stiffness,
        damping=teacher.damping,
        limits=limits,
        command=teacher.command,
        inputs=recipe.inputs,
        outputs=replace(teacher.outputs, action=replace(teacher.outputs.action, name='actions')),
    )
