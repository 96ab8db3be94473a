# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Joints given by number, in policy order or as motors of the robot."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from distill_runtime.errors import ConfigError
from distill_runtime.spec.dialect import Fields
from distill_runtime.spec.mapping import shown
from distill_runtime.spec.robot_description import RobotDescription

from .unsupplied import UnsuppliedError


class NumberedJoints(NamedTuple):
    """The joints of a policy by number; the names come from the robot."""

    num_joints: int
    names: tuple[str, ...] | None
    """In policy order; None if no robot is given."""

    def numbers(self, entry: Fields) -> list[int]:
        """Return the numbers under ``joint_ids``; all joints if missing.

        Raises:
            ConfigError: If one is doubled or out of range.
        """
        if 'joint_ids' not in entry:
            return list(range(self.num_joints))
        numbers = entry.integers('joint_ids')
        where = entry.path('joint_ids')
        if len(set(numbers)) != len(numbers):
            raise ConfigError(f'{where} is {shown(numbers)}, expected each joint once')
        for number in numbers:
            if number >= self.num_joints:
                raise ConfigError(
                    f'{where} has {number}, expected below {self.num_joints}, the number of joints'
                )
        return numbers

    def subset(self, numbers: Sequence[int], where: str) -> list[str] | None:
        """Return the names of some joints; None for all joints in order.

        Raises:
            UnsuppliedError: If the names are unknown.
        """
        if list(numbers) == list(range(self.num_joints)):
            return None
        if self.names is None:
            raise UnsuppliedError(
                f'{where} has some joints, by number: give the robot with --robot PROFILE '
                '(parameter robot)'
            )
        return [self.names[number] for number in numbers]


def motor_names(robot: RobotDescription, motors: Sequence[int], where: str) -> tuple[str, ...]:
    """Return the joints of motors.

    Args:
        robot: Names its motors.
        motors: Their numbers.
        where: Dotted key of the list, for messages.

    Raises:
        ConfigError: If the robot has no joint at one of them, or one is doubled.
    """
    if len(set(motors)) != len(motors):
        raise ConfigError(f'{where} is {shown(list(motors))}, expected each motor once')
    names = []
    for motor in motors:
        name = robot.by_motor[motor] if motor < len(robot.by_motor) else None
        if name is None:
            raise ConfigError(
                f'{where} has motor {motor}, which robot {robot.name!r} does not have: it has '
                f'{len(robot.joints)} joints'
            )
        names.append(name)
    return tuple(names)
