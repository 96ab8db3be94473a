# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Facts about a robot, independent of any policy: joints and their limits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from distill_runtime.errors import ConfigError

from .mapping import shown


def check_limits(
    joints: tuple[str, ...],
    position: tuple[tuple[float, float], ...] | None,
    velocity: tuple[float, ...] | None,
    effort: tuple[float, ...] | None,
    where: str = '',
) -> None:
    """Refuse limits of another number of joints, empty ranges, and bounds that are not positive.

    The limits are those of a RobotDescription; where is the prefix of their names in messages.
    """
    for field, values in (('position', position), ('velocity', velocity), ('effort', effort)):
        if values is not None and len(values) != len(joints):
            raise ConfigError(
                f'{where}{field} has {len(values)} elements, expected {len(joints)}, one per joint'
            )
    for joint, (lower, upper) in zip(joints, position or (), strict=False):
        if not lower < upper:
            raise ConfigError(
                f'{where}position[{joint}] is [{lower}, {upper}], expected lower < upper'
            )
    for field, bounds in (('velocity', velocity), ('effort', effort)):
        for joint, bound in zip(joints, bounds or (), strict=False):
            if not bound > 0.0:
                raise ConfigError(f'{where}{field}[{joint}] is {bound}, expected above 0')


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
        check_limits(self.joints, self.position, self.velocity, self.effort)

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
