# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Domain randomization of the episodes that a student learns from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from distill_runtime.errors import ConfigError
import numpy as np

Velocity = tuple[float, float, float]
Span = tuple[float, float]
"""Lower and upper bound of a uniform distribution, inclusive."""


@dataclass(frozen=True, kw_only=True)
class VariationConfig:
    """Distributions of the episode parameters."""

    seconds: float = 20.0
    """Length of an episode."""
    command_interval: float = 5.0
    """Time in [s] after which a new velocity command is drawn."""
    fixed_commands: tuple[Velocity, ...] = ()
    """Constant commands of some episodes: vx, vy in [m]/[s], yaw rate in [rad]/[s]."""
    fixed_share: float = 0.0
    """Fraction of episodes with one of the fixed commands."""
    zero_share: float = 0.0
    """Fraction of zero commands; in the others each component is zero with probability 1/4."""
    noise: Span = (0.0, 1.0)
    """Level of the observation noise, 1 as in MuJoCo Playground."""
    noiseless_share: float = 0.0
    """Fraction of episodes without noise and pushes."""
    push_speed: Span = (0.0, 0.0)
    """In [m]/[s]."""
    push_interval: float = 3.0
    """In [s]."""
    latency: tuple[int, int] = (0, 0)
    """Command delay in control ticks; lower and upper bound, inclusive."""
    friction: Span = (1.0, 1.0)
    """Factor of all friction coefficients."""
    mass: Span = (1.0, 1.0)
    """Factor of the mass and inertia of each body."""
    gains: Span = (1.0, 1.0)
    """Factor of stiffness and damping, drawn separately."""
    stand_seconds: Span = (0.0, 0.0)
    """Time in the default pose before the policy starts; half of the episodes start at once."""
    start_pose: float = 0.0
    """Maximum offset of each joint command from the default pose while it stands, in [rad]."""

    def __post_init__(self) -> None:
        """Reject values out of range."""
        for name in ('seconds', 'command_interval', 'push_interval'):
            if not 0.0 < getattr(self, name) < 1e6:
                raise ConfigError(f'{name} is {getattr(self, name)} s, expected above 0 s')
        for name in ('fixed_share', 'zero_share', 'noiseless_share'):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise ConfigError(f'{name} is {getattr(self, name)}, expected 0 to 1')
        if self.fixed_share and not self.fixed_commands:
            raise ConfigError('fixed_share is given, expected fixed_commands too')
        for name in (
            'noise', 'push_speed', 'latency', 'friction', 'mass', 'gains', 'stand_seconds',
        ):  # fmt: skip
            lower, upper = getattr(self, name)
            if not 0.0 <= lower <= upper:
                raise ConfigError(f'{name} is [{lower}, {upper}], expected 0 <= lower <= upper')
        for name in ('friction', 'mass', 'gains'):
            if not getattr(self, name)[0] > 0.0:
                raise ConfigError(f'{name} is {list(getattr(self, name))}, expected above 0')
        if not 0.0 <= self.start_pose < 1.0:
            raise ConfigError(f'start_pose is {self.start_pose} rad, expected in [0, 1) rad')


class EpisodeDraw(NamedTuple):
    """Parameters of one episode."""

    commands: tuple[Velocity, ...]
    """One per command interval."""
    noise: float
    push_speed: float
    latency: int
    friction: float
    stiffness: float
    damping: float
    stand_seconds: float


def draw_episode(
    config: VariationConfig, lower: Velocity, upper: Velocity, random: np.random.Generator
) -> EpisodeDraw:
    """Draw the parameters of an episode.

    Args:
        config: Distributions.
        lower: Minimum command that the teacher was trained for.
        upper: Maximum command that the teacher was trained for.
        random: Random number generator.
    """
    is_noiseless = random.random() < config.noiseless_share
    starts_at_once = random.random() < 0.5
    noise, push_speed = random.uniform(*config.noise), random.uniform(*config.push_speed)
    stand_seconds = random.uniform(*config.stand_seconds)
    return EpisodeDraw(
        commands=_commands(config, lower, upper, random),
        noise=0.0 if is_noiseless else noise,
        push_speed=0.0 if is_noiseless else push_speed,
        latency=int(random.integers(config.latency[0], config.latency[1] + 1)),
        friction=random.uniform(*config.friction),
        stiffness=random.uniform(*config.gains),
        damping=random.uniform(*config.gains),
        stand_seconds=0.0 if starts_at_once else stand_seconds,
    )


def _commands(
    config: VariationConfig, lower: Velocity, upper: Velocity, random: np.random.Generator
) -> tuple[Velocity, ...]:
    if random.random() < config.fixed_share:
        return (config.fixed_commands[random.integers(len(config.fixed_commands))],)
    commands = []
    for _ in range(int(np.ceil(config.seconds / config.command_interval))):
        is_on = random.random(3) < 0.75
        is_zero = random.random() < config.zero_share
        vx, vy, yaw = (random.uniform(lower, upper) * (is_on & (not is_zero))).tolist()
        commands.append((vx, vy, yaw))
    return tuple(commands)
