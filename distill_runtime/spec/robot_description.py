# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Facts about a robot, independent of any policy: joints and their limits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from distill_runtime.errors import ConfigError

from .mapping import shown


@dataclass(frozen=True, kw_only=True)
class RobotDescription:
    """The joints of a robot and the limits of its hardware.

    An infinite limit means that the joint has none; None for a whole field means that the source
    does not give it. Prismatic joints use [m], [m]/[s] and [N].
    """

    name: str
    joints: tuple[str, ...]
    """Motor order of the robot's SDK; the names seen on /joint_states."""
    position: tuple[tuple[float, float], ...] | None
    """(lower, upper) of each joint, inclusive, in [rad]."""
    velocity: tuple[float, ...] | None
    """Largest speed of each joint, in [rad]/[s]."""
    effort: tuple[float, ...] | None
    """Largest torque of each joint, in [N m]."""
    source: str
    """Where names and numbers come from."""
    unused_motors: tuple[int, ...] = ()
    """Motor numbers of the SDK without a joint; the joints have the other numbers, in order."""

    def __post_init__(self) -> None:
        """Check lengths, names and ranges."""
        if not self.name:
            raise ConfigError("name is '', expected the name of the robot")
        if not self.joints:
            raise ConfigError('joints is empty, expected at least one joint')
        for joint, count in Counter(self.joints).items():
            if not joint:
                raise ConfigError("joints has an element '', expected the name of a joint")
            if count > 1:
                raise ConfigError(f'joints has {joint!r} {count} times, expected unique names')
        count = len(self.joints) + len(self.unused_motors)
        if len(set(self.unused_motors)) != len(self.unused_motors) or not all(
            0 <= number < count for number in self.unused_motors
        ):
            raise ConfigError(
                f'unused_motors is {list(self.unused_motors)}, expected different numbers below '
                f'{count}'
            )
        for joint, (lower, upper) in self._by_joint('position'):
            if not lower < upper:
                raise ConfigError(
                    f'position[{joint}] = [{lower}, {upper}], expected lower < upper'
                )
        for field in ('velocity', 'effort'):
            for joint, value in self._by_joint(field):
                if not value > 0.0:
                    raise ConfigError(f'{field}[{joint}] = {value}, expected above 0')

    @property
    def by_motor(self) -> tuple[str | None, ...]:
        """The joint of each motor number; None where there is none."""
        numbers = range(len(self.joints) + len(self.unused_motors))
        names = iter(self.joints)
        return tuple(None if number in self.unused_motors else next(names) for number in numbers)

    def joints_of(self, motors: Sequence[int], where: str) -> list[str]:
        """Return the joints of motors; where is the key of their numbers, for messages.

        Raises:
            ConfigError: If there is no joint at one of them, or one is doubled.
        """
        if len(set(motors)) != len(motors):
            raise ConfigError(f'{where} is {shown(motors)}, expected each motor once')
        joints = []
        for motor in motors:
            joint = self.by_motor[motor] if motor < len(self.by_motor) else None
            if joint is None:
                raise ConfigError(
                    f'{where} has motor {motor}, which robot {self.name!r} does not have: it has '
                    f'{len(self.joints)} joints'
                )
            joints.append(joint)
        return joints

    def _by_joint(self, field: str) -> list[tuple[str, Any]]:
        """Return the joints with their values of a field; none if it is unknown."""
        values = getattr(self, field)
        if values is None:
            return []
        if len(values) != len(self.joints):
            raise ConfigError(
                f'{field} has {len(values)} elements, expected one for each of '
                f'{len(self.joints)} joints'
            )
        return list(zip(self.joints, values, strict=True))
