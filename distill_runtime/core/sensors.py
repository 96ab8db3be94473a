# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""The newest sample of every input, in one flat float64 vector.

A receiver (a node, a simulator, a replay) writes into the views and sets the stamps; any number of
runners read. Layout of ``values``:

    joint_position | joint_velocity | angular_velocity | quat_base_to_world | velocity_command |
    base_linear_velocity | externals...
"""

from __future__ import annotations

from dataclasses import dataclass, field
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

    joint_position: slice = field(init=False, compare=False)
    """Joint positions in [rad]."""
    joint_velocity: slice = field(init=False, compare=False)
    """Joint velocities in [rad]/[s]."""
    angular_velocity: slice = field(init=False, compare=False)
    """Angular velocity of the base in the base frame, in [rad]/[s]."""
    quat_base_to_world: slice = field(init=False, compare=False)
    """Orientation of the base, unit quaternion (w, x, y, z)."""
    velocity_command: slice = field(init=False, compare=False)
    """Commanded (vx, vy) in [m]/[s] and yaw rate in [rad]/[s], in the base frame."""
    base_linear_velocity: slice = field(init=False, compare=False)
    """Linear velocity of the base in the base frame, in [m]/[s]."""
    size: int = field(init=False, compare=False)
    """Number of elements of the whole vector."""

    def __post_init__(self) -> None:
        """Refuse doubled joint names, and place the segments one after another."""
        if len(set(self.joints)) != len(self.joints):
            raise ConfigError(f'robot joints are {list(self.joints)}, expected each name once')
        start = 0
        for name, width in {
            'joint_position': len(self.joints),
            'joint_velocity': len(self.joints),
            'angular_velocity': 3,
            'quat_base_to_world': 4,
            'velocity_command': 3,
            'base_linear_velocity': 3,
        }.items():
            object.__setattr__(self, name, slice(start, start + width))
            start += width
        object.__setattr__(self, 'size', start + sum(entry.width for entry in self.externals))

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
