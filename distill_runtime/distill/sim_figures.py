# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Evaluate how a policy walks: falls and velocity errors in scenes, with noise and pushes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
import statistics
from typing import NamedTuple

from distill_runtime.core.arrays import Float32Array
from distill_runtime.core.config import RunnerConfig
from distill_runtime.core.runner import PolicyRunner
from distill_runtime.core.step import Policy
from distill_runtime.sim.disturb import DisturbConfig, NoiseConfig
from distill_runtime.sim.loop import CommandSchedule, simulate
from distill_runtime.sim.robot import SimRobot
from distill_runtime.sim.scene import load_scene, SceneConfig
from distill_runtime.spec.compile import compile_spec, sensor_layout
from distill_runtime.spec.spec import PolicySpec
import numpy as np

from .variation import Velocity

_WALKING = 50
"""Steps after which a robot with a velocity command walks."""


@dataclass(frozen=True, kw_only=True)
class FiguresConfig:
    """Conditions of an evaluation; its seeds differ from those of training episodes."""

    commands: tuple[Velocity, ...] = (
        (0.5, 0.0, 0.0),
        (1.0, 0.0, 0.0),
        (-0.5, 0.0, 0.0),
        (0.0, 0.3, 0.0),
        (0.0, 0.0, 0.8),
    )
    seconds: float = 20.0
    noise: float = 1.0
    """Level, 1 as in MuJoCo Playground."""
    push_speed: float = 0.5
    """In [m]/[s], every 3 s."""
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)


class Figure(NamedTuple):
    """One command in one scene, over all seeds."""

    scene: str
    command: Velocity
    falls: int
    velocity_error: float
    """Mean over the seeds of mean_velocity_error, in [m]/[s]."""
    worst_velocity_error: float
    """Maximum over the seeds."""
    yaw_rate_error: float
    """Mean over the seeds of mean_yaw_rate_error, in [rad]/[s]."""


def measure(
    policy: Policy, spec: PolicySpec, scenes: Sequence[str], config: FiguresConfig
) -> Iterator[Figure]:
    """Walk at every command in every scene.

    Args:
        policy: The network.
        spec: Its spec.
        scenes: MJCF files; '': the shipped one.
        config: Commands, disturbances and seeds.
    """
    runner = _runner(policy, spec)
    for scene in scenes:
        robot = _robot(spec, scene)
        for command in config.commands:
            results = [
                simulate(
                    runner,
                    robot,
                    CommandSchedule(commands=(command,)),
                    config.seconds,
                    DisturbConfig(
                        noise=NoiseConfig.playground(config.noise),
                        push_speed=config.push_speed,
                        seed=seed,
                    ),
                )
                for seed in config.seeds
            ]
            errors = [result.mean_velocity_error for result in results]
            yaw = [result.mean_yaw_rate_error for result in results]
            yield Figure(
                scene=scene or 'quadruped.xml',
                command=command,
                falls=sum(result.fell or bool(result.fault) for result in results),
                velocity_error=statistics.fmean(errors),
                worst_velocity_error=max(errors),
                yaw_rate_error=statistics.fmean(yaw),
            )


def walking_observations(policy: Policy, spec: PolicySpec, steps: int) -> Float32Array:
    """Return the last observations of a short walk in the shipped scene.

    Returns:
        Shape (steps, obs_dim).
    """
    rows: list[Float32Array] = []
    simulate(
        _runner(policy, spec),
        _robot(spec, ''),
        CommandSchedule(commands=((0.5, 0.0, 0.2),)),
        (_WALKING + steps) * spec.period,
        DisturbConfig(noise=NoiseConfig.playground(1.0)),
        on_tick=lambda _: rows.append(np.array(policy.observation)),
    )
    return np.array(rows[-steps:])


def _runner(policy: Policy, spec: PolicySpec) -> PolicyRunner:
    return PolicyRunner(compile_spec(spec), policy, RunnerConfig(start_in='policy'))


def _robot(spec: PolicySpec, scene: str) -> SimRobot:
    config = SceneConfig(path=scene) if scene else SceneConfig()
    return SimRobot(load_scene(config, spec), sensor_layout(spec))
