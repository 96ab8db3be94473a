# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Disturbances of a simulated robot: noise, pushes, command delay and lost messages.

All random numbers come from one generator, in the same order on each tick, so that equal seeds
give equal runs.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
import math
from typing import Literal

from distill_runtime.core.arrays import FloatArray
from distill_runtime.core.sensors import Sensors
from distill_runtime.errors import ConfigError
import numpy as np


@dataclass(frozen=True, kw_only=True)
class NoiseConfig:
    """Noise added to every sample; all zero: none.

    ``playground`` has the levels that MuJoCo Playground trains its quadrupeds with.
    """

    kind: Literal['uniform', 'normal'] = 'uniform'
    """uniform: within +-level; normal: level is the standard deviation."""
    joint_position: float = 0.0
    """In [rad]."""
    joint_velocity: float = 0.0
    """In [rad]/[s]."""
    angular_velocity: float = 0.0
    """In [rad]/[s]."""
    orientation: float = 0.0
    """Per axis of a small rotation, in [rad]."""
    linear_velocity: float = 0.0
    """In [m]/[s]."""

    def __post_init__(self) -> None:
        """Reject values out of range."""
        if self.kind not in ('uniform', 'normal'):
            raise ConfigError(
                f"noise.kind is {self.kind!r}, expected one of ['uniform', 'normal']"
            )
        for name in _LEVELS:
            _check_range(f'noise.{name}', getattr(self, name), 100.0)

    @property
    def is_on(self) -> bool:
        """Whether any level is above zero."""
        return any(getattr(self, name) > 0.0 for name in _LEVELS)

    @staticmethod
    def playground(level: float) -> NoiseConfig:
        """Return uniform noise of the levels used in MuJoCo Playground, times level.

        Source:
            mujoco_playground, locomotion/go1/joystick.py, noise_config.scales.
        """
        _check_range('noise', level, 10.0)
        return NoiseConfig(
            joint_position=0.03 * level,
            joint_velocity=1.5 * level,
            angular_velocity=0.2 * level,
            orientation=0.05 * level,
            linear_velocity=0.1 * level,
        )


_LEVELS = (
    'joint_position',
    'joint_velocity',
    'angular_velocity',
    'orientation',
    'linear_velocity',
)


@dataclass(frozen=True, kw_only=True)
class DisturbConfig:
    """Disturbances of a run; none by default."""

    noise: NoiseConfig = field(default_factory=NoiseConfig)
    push_speed: float = 0.0
    """Velocity in [m]/[s] that a push adds to the base, in a random horizontal direction."""
    push_interval: float = 3.0
    """Time between pushes, in [s]; the first comes after one interval."""
    latency: int = 0
    """Command delay in control ticks."""
    drop: float = 0.0
    """Probability that a message is lost, in [0, 1); joints, Imu and odometry independently."""
    seed: int = 0

    def __post_init__(self) -> None:
        """Reject values out of range."""
        _check_range('push_speed', self.push_speed, 100.0)
        if not 0.0 < self.push_interval < math.inf:
            raise ConfigError(
                f'push_interval is {self.push_interval} s, expected above 0 s and finite'
            )
        if not 0 <= self.latency <= 1000:
            raise ConfigError(f'latency is {self.latency} ticks, expected 0 to 1000')
        if not 0.0 <= self.drop < 1.0:
            raise ConfigError(f'drop is {self.drop}, expected in [0, 1)')
        if not self.seed >= 0:
            raise ConfigError(f'seed is {self.seed}, expected at least 0')


class Disturbance:
    """Applies a DisturbConfig to one run."""

    def __init__(self, config: DisturbConfig, period: float, default_command: FloatArray) -> None:
        """Seed the generator; default_command acts until the first delayed one arrives."""
        self.config = config
        self._random = np.random.default_rng(config.seed)
        self._ticks_per_push = max(1, round(config.push_interval / period))
        self._delayed: deque[FloatArray] = deque(
            default_command.copy() for _ in range(config.latency)
        )

    def push(self, tick: int) -> FloatArray | None:
        """Return the velocity in [m]/[s], shape (2,), to add to the base; None: no push."""
        if self.config.push_speed == 0.0 or tick == 0 or tick % self._ticks_per_push:
            return None
        direction = self._random.uniform(-math.pi, math.pi)
        return self.config.push_speed * np.array([math.cos(direction), math.sin(direction)])

    def lose(self) -> tuple[bool, bool, bool]:
        """Return whether the joint, Imu and odometry message of this tick are lost."""
        if self.config.drop == 0.0:
            return False, False, False
        joints, imu, odometry = (self._random.random(3) < self.config.drop).tolist()
        return joints, imu, odometry

    def add_noise(self, sensors: Sensors) -> None:
        """Add noise to all samples."""
        noise = self.config.noise
        if not noise.is_on:
            return
        sensors.joint_position += self._draw(noise.joint_position, len(sensors.joint_position))
        sensors.joint_velocity += self._draw(noise.joint_velocity, len(sensors.joint_velocity))
        sensors.angular_velocity += self._draw(noise.angular_velocity, 3)
        _rotate(sensors.quat_base_to_world, self._draw(noise.orientation, 3))
        sensors.base_linear_velocity += self._draw(noise.linear_velocity, 3)

    def delay(self, command: FloatArray) -> FloatArray:
        """Return the delayed command, given the newest one, shape (num_joints,)."""
        if not self._delayed:
            return command
        self._delayed.append(command.copy())
        return self._delayed.popleft()

    def _draw(self, level: float, size: int) -> FloatArray:
        if self.config.noise.kind == 'uniform':
            return level * self._random.uniform(-1.0, 1.0, size)
        return level * self._random.standard_normal(size)


def _rotate(quat: FloatArray, rotation: FloatArray) -> None:
    """Rotate a quaternion (w, x, y, z) in place by a small rotation vector, in [rad]."""
    x, y, z = (0.5 * rotation).tolist()
    norm = math.sqrt(1.0 + x * x + y * y + z * z)
    a, b, c, d = quat.tolist()
    quat[0] = (a - b * x - c * y - d * z) / norm
    quat[1] = (a * x + b + c * z - d * y) / norm
    quat[2] = (a * y - b * z + c + d * x) / norm
    quat[3] = (a * z + b * y - c * x + d) / norm


def _check_range(name: str, value: float, limit: float) -> None:
    if not 0.0 <= value < limit:
        raise ConfigError(f'{name} is {value}, expected at least 0 and below {limit:g}')
