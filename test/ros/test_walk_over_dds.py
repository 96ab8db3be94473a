# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Real policies walk over real DDS in lock-step: the same commands as without ROS, bit for bit."""

from __future__ import annotations

import re
import subprocess
import sys

from distill_runtime.core.config import RunnerConfig
from distill_runtime.policy.model import load_policy
from distill_runtime.share import share_path
from distill_runtime.sim.loop import CommandSchedule, simulate
from distill_runtime.sim.robot import SimRobot
from distill_runtime.sim.scene import load_scene, SceneConfig, SHIPPED_SCENE

SECONDS = 4.0


def start(module, **parameters):
    words = [f'{name}:={value}' for name, value in parameters.items() if value != '']
    arguments = [part for word in words for part in ('-p', word)]
    return subprocess.Popen(
        [sys.executable, '-m', f'distill_runtime.ros.{module}', '--ros-args', *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def commands_over_dds(model, robot, scene):
    """Return the hash that sim_node gives of the commands of student_node."""
    policy = {'model': model, 'robot': robot}
    student = start(
        'student_node',
        **policy,
        autostart='true',
        start_in='policy',
        trigger='joint_states',
        trigger_timeout=0.0,
    )
    simulator = start(
        'demo.sim_node',
        **policy,
        scene=scene,
        lockstep='true',
        real_time_factor=0.0,
        seconds=SECONDS,
        velocity_command='[0.5, 0.0, 0.0]',
    )
    try:
        output = simulator.communicate(timeout=120)[0]
    finally:
        student.terminate()
        said = student.communicate(timeout=20)[0]
        simulator.kill()
    found = re.search('commands sha256 ([0-9a-f]{64})', output)
    assert found, output + said
    assert student.returncode == 0
    return found.group(1)


def commands_without_ros(model, robot, scene):
    policy = load_policy(model, robot=robot)
    loaded = load_scene(SceneConfig(path=str(scene)), policy.spec)
    runner = policy.runner(RunnerConfig(start_in='policy'), loaded.joint_names)
    schedule = CommandSchedule(commands=((0.5, 0.0, 0.0),))
    result = simulate(runner, SimRobot(loaded, runner.compiled.layout), schedule, SECONDS)
    assert not result.fell
    assert result.displacement[0] > 1.2
    return result.commands_sha256


def test_shipped_student():
    setting = share_path() / 'models' / 'quadruped_student.onnx', '', SHIPPED_SCENE
    assert commands_over_dds(*setting) == commands_without_ros(*setting)


def test_unitree_g1(shared_data):
    model = shared_data / 'policies' / 'unitree_rl_lab_g1' / 'policy.onnx'
    setting = model, 'unitree_g1_29dof', shared_data / 'robots' / 'g1' / 'g1.xml'
    assert commands_over_dds(*setting) == commands_without_ros(*setting)
