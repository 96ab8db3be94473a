# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""A recipe: everything that makes a student but the teacher, as one checked value."""

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
    """How a student is made."""

    name: str
    """Name in the spec of the student."""
    seed: int
    """Of weights, order of rows and episodes."""
    robot: str
    """Profile or URDF that gives the student's joint limits."""
    inputs: tuple[InputSpec, ...]
    """What the student sees, as in a spec."""
    dagger: DaggerConfig
    variation: VariationConfig
    teacher_command: CommandCurve = field(default_factory=CommandCurve)
    """What the teacher is told for what the student is told."""

    def __post_init__(self) -> None:
        """Refuse what cannot be exported yet, and inputs that a robot cannot measure."""
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
    """Return the contract of the student: the teacher's robot and action, inputs of its own.

    Args:
        recipe: Gives name and inputs.
        teacher: Gives period, joints, default pose, gains, command range and action.
        robot: Gives the limits of the joints.

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
        position=robot.position and tuple(robot.position[place] for place in order),
        velocity=robot.velocity and tuple(robot.velocity[place] for place in order),
        effort=robot.effort and tuple(robot.effort[place] for place in order),
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
