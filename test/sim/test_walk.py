# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Real policies walk on their robots. Bounds: 90 % of the distance with a correct spec."""

from __future__ import annotations

from pathlib import Path

from distill_runtime.core.config import RunnerConfig
from distill_runtime.core.modes import Mode
from distill_runtime.policy.model import load_policy
from distill_runtime.sim.disturb import DisturbConfig, NoiseConfig
from distill_runtime.sim.loop import CommandSchedule, simulate
from distill_runtime.sim.robot import SimRobot
from distill_runtime.sim.scene import load_scene, SceneConfig, SHIPPED_SCENE
import pytest
from support.stop_trial import ROBOTS, stop

POLICIES = Path(__file__).resolve().parents[1] / 'policies'
AHEAD = (0.5, 0.0, 0.0)


def walk(model, scene, command=AHEAD, seconds=10.0, robot='', disturb=None):
    """Simulate a policy that walks in a scene."""
    spec = POLICIES / f'{model.parent.name}.yaml'
    policy = load_policy(model, spec if spec.exists() else None, robot)
    loaded = load_scene(scene, policy.spec)
    runner = policy.runner(RunnerConfig(start_in='policy'), loaded.joint_names)
    schedule = CommandSchedule(commands=(command,))
    return simulate(runner, SimRobot(loaded, runner.compiled.layout), schedule, seconds, disturb)


@pytest.mark.parametrize(
    ('name', 'scene', 'robot', 'distance'),
    [
        ('playground_go1', 'go1', '', 4.4),
        ('playground_g1', 'g1', '', 5.0),
        ('unitree_rl_lab_g1', 'g1', 'unitree_g1_29dof', 4.0),
        ('rl_sar_go2_himloco', 'go2', '', 3.4),
        ('mjlab_anymal_c', 'anymal_c', '', 3.9),
        ('unitree_rl_gym_g1_lstm', 'g1_12dof', '', 4.0),
    ],
)
def test_policy_walks_on_the_robot_it_was_trained_for(shared_data, name, scene, robot, distance):
    model = shared_data / 'policies' / name / 'policy.onnx'
    config = SceneConfig(path=str(shared_data / 'robots' / scene / f'{scene}.xml'))
    result = walk(model, config, robot=robot)
    assert not result.fell
    assert result.fault == ''
    assert distance <= result.displacement[0] < 6.5
    assert result.mean_velocity_error < 0.25


def test_policy_walks_with_the_servos_of_its_scene(shared_data):
    model = shared_data / 'policies' / 'playground_go1' / 'policy.onnx'
    path = shared_data / 'robots' / 'go1' / 'go1.xml'
    result = walk(model, SceneConfig(path=str(path), actuators='scene'))
    assert not result.fell
    assert result.displacement[0] >= 4.4


@pytest.mark.parametrize(
    'command', [AHEAD, (1.0, 0.0, 0.0), (-0.5, 0.0, 0.0), (0.0, 0.3, 0.0), (0.0, 0.0, 0.8)]
)
def test_policy_of_the_real_quadruped_walks_in_the_shipped_scene(shared_data, command):
    model = shared_data / 'policies' / 'playground_go1' / 'policy.onnx'
    disturb = DisturbConfig(noise=NoiseConfig.playground(1.0), push_speed=0.5)
    result = walk(model, SceneConfig(path=str(SHIPPED_SCENE)), command, 20.0, disturb=disturb)
    assert not result.fell
    assert result.mean_velocity_error < 0.25


SHIPPED = ROBOTS[0]
SEEDS = range(4)


@pytest.mark.parametrize(
    'command',
    [(0.0, 0.0, 0.0), (0.5, 0.0, 0.0), (1.5, 0.0, 0.0), (0.0, 0.8, 0.0), (1.5, 0.8, 1.2)],
)
def test_shipped_policy_stands_after_a_stop(command):
    for seed in SEEDS:
        outcome = stop(SHIPPED, command, seed)
        assert outcome.fell_in is None, seed
        assert outcome.time < 4.0, seed


def test_shipped_policy_stands_after_a_stop_with_the_noise_of_its_training():
    for seed in SEEDS:
        assert stop(SHIPPED, (1.0, 0.0, 0.5), seed, noise=1.0).fell_in is None, seed


def test_walking_robot_falls_without_a_stop_phase():
    assert [stop(SHIPPED, (0.5, 0, 0), seed, stop_timeout=0.0).fell_in for seed in range(3)] == [
        Mode.STANDBY
    ] * 3


@pytest.mark.parametrize('robot', ROBOTS[1:], ids=lambda robot: robot.policy)
def test_real_policies_come_to_standby_on_their_feet(robot, shared_data):
    for speed in (0.5, robot.fastest):
        outcome = stop(robot, (speed, 0.0, 0.0), 0)
        assert outcome.time is not None
        assert outcome.fell_in in (None, Mode.STANDBY)
        if robot.policy in ('playground_go1', 'rl_sar_go2_himloco'):
            assert outcome.fell_in is None  # the other robots do not stand in standby at all
