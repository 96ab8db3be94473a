# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Simulate a walking robot that is requested to stop, up to some time in standby."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
import os
from pathlib import Path

from distill_runtime.core.config import RunnerConfig
from distill_runtime.core.modes import Event, Mode
from distill_runtime.policy.model import load_policy
from distill_runtime.share import share_path
from distill_runtime.sim.disturb import DisturbConfig, NoiseConfig
from distill_runtime.sim.loop import CommandSchedule, simulate
from distill_runtime.sim.robot import SimRobot
from distill_runtime.sim.scene import load_scene, SceneConfig, SHIPPED_SCENE

TESTS = Path(__file__).resolve().parents[1]
SHARED = Path(os.environ.get('DISTILL_RUNTIME_DATA', TESTS.parents[1] / 'shared' / 'data'))
WALK_TIME = 3.0
"""Time in [s] before the stop; seeds add up to one gait period."""
STANDBY_TIME = 8.0
"""Time in [s] that is simulated in standby, including the ramp."""
NOISE = 0.2
"""Fraction of the training noise; more than real sensors have."""
_GAIT = 0.6


@dataclass(frozen=True)
class Robot:
    """A policy and its robot."""

    policy: str
    scene: str
    """Folder of shared robots; '' for the shipped one."""
    fastest: float
    """Maximum forward command in [m]/[s] that the policy was trained on, or walks with."""
    profile: str = ''


ROBOTS = (
    Robot('quadruped_student', '', 1.5),
    Robot('playground_go1', 'go1', 1.5),
    Robot('rl_sar_go2_himloco', 'go2', 1.0),
    Robot('mjlab_anymal_c', 'anymal_c', 1.0),
    Robot('playground_g1', 'g1', 1.0),
    Robot('unitree_rl_lab_g1', 'g1', 1.0, 'unitree_g1_29dof'),
    Robot('unitree_rl_gym_g1_lstm', 'g1_12dof', 0.8),
)


@dataclass(frozen=True)
class Outcome:
    """Result of a stop."""

    fell_in: Mode | None
    """Mode in which it fell, or before a fault; None: the robot stands."""
    time: float | None
    """From the request to standby, in [s]; None: never reached."""


@cache
def _loaded(robot: Robot):
    """Return policy and scene."""
    if robot.scene:
        model = SHARED / 'policies' / robot.policy / 'policy.onnx'
        scene = SHARED / 'robots' / robot.scene / f'{robot.scene}.xml'
    else:
        model, scene = share_path() / 'models' / f'{robot.policy}.onnx', SHIPPED_SCENE
    spec = TESTS / 'policies' / f'{robot.policy}.yaml'
    policy = load_policy(model, spec if spec.exists() else None, robot.profile)
    return policy, load_scene(SceneConfig(path=str(scene)), policy.spec)


def stop(robot, command, seed, noise=NOISE, **config):
    """Simulate a walk with a stop request.

    Args:
        robot: One of ROBOTS.
        command: Velocity command, as three numbers.
        seed: Seed of the noise and of the gait phase of the request.
        noise: Fraction of the training noise.
        config: Changes of the runner's config.
    """
    policy, scene = _loaded(robot)
    options = RunnerConfig(start_in='policy', **config)
    runner = policy.runner(options, scene.joint_names)
    request_time = WALK_TIME + _GAIT * (seed * 0.618 % 1.0)
    times = {}
    modes = [Mode.POLICY]
    sim = SimRobot(scene, runner.compiled.layout)

    def on_tick(_):
        now = sim.stamp_ns / 1e9
        if runner.mode is not Mode.FAULT:  # the mode after a fall
            modes.append(runner.mode)
        if runner.mode is Mode.STANDBY:
            times.setdefault('standby', now)
        if 'request' not in times and now >= request_time:
            assert runner.request(Event.STOP)[0]
            times['request'] = now

    result = simulate(
        runner,
        sim,
        CommandSchedule(commands=(tuple(command),)),
        request_time + options.stop_timeout + STANDBY_TIME,
        DisturbConfig(noise=NoiseConfig.playground(noise), seed=seed),
        on_tick,
    )
    has_standby = 'standby' in times
    return Outcome(
        modes[-1] if result.fell or result.fault else None,
        times['standby'] - times['request'] if has_standby else None,
    )
