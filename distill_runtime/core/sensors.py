# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""The newest sample of every input, in one flat float64 vector.

A receiver (a node, a simulator, a replay) writes into the views and sets the stamps; any number of
runners read. Layout of ``values``:

    joint_position | joint_velocity | angular_velocity | quat_base_to_world | velocity_command |
    base_linear_velocity | externals...
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from distill_runtime.errors import ConfigError
import numpy as np

NEVER = -1
"""Stamp of an input without a sample."""


class InputProblem(NamedTuple):
    """Why the newest message of an input is not in use."""

    reason: str
    """``code: text``; the code begins with the input or, of an external one, its topic."""
    check: str = 'input_sample'
    """Check that reports it; '' for the velocity command, without which the robot stands."""


@dataclass(frozen=True, kw_only=True)
class ExternalInput:
    """An external array that a term reads."""

    topic: str
    """Topic it comes from; also its name."""
    width: int
    """Number of elements."""
    max_age: float = 0.0
    """Age in [s] above which it is stale; 0: never (a goal, for example)."""


@dataclass(frozen=True, kw_only=True)
class SensorLayout:
    """Which element of the sensor vector holds what."""

    joints: tuple[str, ...]
    """Joint names, in the order of the position and velocity segments (robot order)."""
    externals: tuple[ExternalInput, ...] = ()

    def __post_init__(self) -> None:
        """Refuse doubled joint names."""
        if len(set(self.joints)) != len(self.joints):
            raise ConfigError(f'robot joints are {list(self.joints)}, expected each name once')

    @property
    def joint_position(self) -> slice:
        """Joint positions in [rad]."""
        return slice(0, len(self.joints))

    @property
    def joint_velocity(self) -> slice:
        """Joint velocities in [rad]/[s]."""
        return slice(len(self.joints), 2 * len(self.joints))

    @property
    def angular_velocity(self) -> slice:
        """Angular velocity of the base in the base frame, in [rad]/[s]."""
        start = 2 * len(self.joints)
        return slice(start, start + 3)

    @property
    def quat_base_to_world(self) -> slice:
        """Orientation of the base, unit quaternion (w, x, y, z)."""
        start = self.angular_velocity.stop
        return slice(start, start + 4)

    @property
    def velocity_command(self) -> slice:
        """Commanded (vx, vy) in [m]/[s] and yaw rate in [rad]/[s], in the base frame."""
        start = self.quat_base_to_world.stop
        return slice(start, start + 3)

    @property
    def base_linear_velocity(self) -> slice:
        """Linear velocity of the base in the base frame, in [m]/[s]."""
        start = self.velocity_command.stop
        return slice(start, start + 3)

    def external(self, topic: str) -> slice:
        """Elements of the external input named topic."""
        start = self.base_linear_velocity.stop
        for entry in self.externals:
            if entry.topic == topic:
                return slice(start, start + entry.width)
            start += entry.width
        known = [entry.topic for entry in self.externals]
        raise ConfigError(
            f'external input {topic!r} is not in the sensor layout, which has {known}'
        )

    @property
    def size(self) -> int:
        """Number of elements of the whole vector."""
        return self.base_linear_velocity.stop + sum(entry.width for entry in self.externals)


class Sensors:
    """Newest samples and their stamps; written by one receiver, read by runners.

    Attributes:
        values: The whole vector, shape (layout.size,); the other arrays are views into it.
        joint_position: In [rad], robot order.
        joint_velocity: In [rad]/[s], robot order.
        angular_velocity: Of the base in the base frame, in [rad]/[s].
        quat_base_to_world: (w, x, y, z).
        velocity_command: (vx, vy) in [m]/[s] and yaw rate in [rad]/[s].
        base_linear_velocity: In the base frame, in [m]/[s].
        externals: One view per external input, in layout order.
        joint_stamp_ns: When the joint sample was taken, in [ns] of the tick's clock; NEVER before
            the first.
        imu_stamp_ns: The same for angular velocity and orientation.
        command_stamp_ns: The same for the velocity command.
        odometry_stamp_ns: The same for the base linear velocity.
        external_stamps_ns: The same per external input.
        problem: Why the newest message of some input was rejected, the velocity command last; None
            if none was.
    """

    __slots__ = (
        'angular_velocity',
        'base_linear_velocity',
        'command_stamp_ns',
        'external_stamps_ns',
        'externals',
        'imu_stamp_ns',
        'joint_position',
        'joint_stamp_ns',
        'joint_velocity',
        'layout',
        'odometry_stamp_ns',
        'problem',
        'quat_base_to_world',
        'values',
        'velocity_command',
    )

    def __init__(self, layout: SensorLayout) -> None:
        """Make the vector, without samples."""
        self.layout = layout
        self.values = np.zeros(layout.size)
        self.joint_position = self.values[layout.joint_position]
        self.joint_velocity = self.values[layout.joint_velocity]
        self.angular_velocity = self.values[layout.angular_velocity]
        self.quat_base_to_world = self.values[layout.quat_base_to_world]
        self.velocity_command = self.values[layout.velocity_command]
        self.base_linear_velocity = self.values[layout.base_linear_velocity]
        self.externals = tuple(self.values[layout.external(e.topic)] for e in layout.externals)
        self.clear()

    def clear(self) -> None:
        """Forget every sample."""
        self.values.fill(0.0)
        self.quat_base_to_world[0] = 1.0
        self.joint_stamp_ns = NEVER
        self.imu_stamp_ns = NEVER
        self.command_stamp_ns = NEVER
        self.odometry_stamp_ns = NEVER
        self.external_stamps_ns = [NEVER] * len(self.externals)
        self.problem: InputProblem | None = None
