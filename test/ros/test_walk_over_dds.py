# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Real policies walk over real DDS in lock-step: the same commands as without ROS, bit for bit."""

from __future__ import annotations

import re

from distill_runtime.core.config import RunnerConfig
from distill_runtime.policy.model import load_policy
from distill_runtime.share import share_path
from distill_runtime.sim.loop import CommandSchedule, simulate
from distill_runtime.sim.robot import SimRobot
from distill_runtime.sim.scene import load_scene, SceneConfig, SHIPPED_SCENE
from support.ros_program import program

SECONDS = 3.0
DISTANCE = 0.8
"""What the policies walk in that time at least, in [m]."""


def commands_without_ros(model, robot, scene):
    policy = load_policy(model, robot=robot)
    loaded = load_scene(SceneConfig(path=str(scene)), policy.spec)
    runner = policy.runner(RunnerConfig(start_in='policy'), loaded.joint_names)
    schedule = CommandSchedule(commands=((0.5, 0.0, 0.0),))
    result = simulate(runner, SimRobot(loaded, runner.compiled.layout), schedule, SECONDS)
    assert not result.fell
    assert result.displacement[0] > DISTANCE
    return result.commands_sha256


def assert_commands_are_the_same_over_dds(model, robot, scene):
    policy = {'model': model, 'robot': robot}
    node = {'autostart': True, 'start_in': 'policy', 'trigger': 'joint_states'}
    robot_node = {
        'scene': scene, 'lockstep': True, 'real_time_factor': 0.0, 'seconds': SECONDS,
        'velocity_command': '[0.5, 0.0, 0.0]',
    }  # fmt: skip
    with (
        program(**policy, **node, trigger_timeout=0.0) as student,
        program(module='demo.sim_node', **policy, **robot_node) as simulator,
    ):
        expected = commands_without_ros(model, robot, scene)
        output = simulator.communicate(timeout=120)[0]
        student.terminate()
        output += student.communicate(timeout=20)[0]
    assert re.findall('commands sha256 ([0-9a-f]{64})', output) == [expected], output
    assert student.returncode == 0


def test_shipped_student():
    model = share_path() / 'models' / 'quadruped_student.onnx'
    assert_commands_are_the_same_over_dds(model, '', SHIPPED_SCENE)


def test_unitree_g1(shared_data):
    model = shared_data / 'policies' / 'unitree_rl_lab_g1' / 'policy.onnx'
    scene = shared_data / 'robots' / 'g1' / 'g1.xml'
    assert_commands_are_the_same_over_dds(model, 'unitree_g1_29dof', scene)
