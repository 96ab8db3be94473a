# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""The launch files, run by the real launch where there is one; no wheel of it exists."""

from __future__ import annotations

import os
from pathlib import Path
import signal
import subprocess
import sys
import time

import pytest

pytest.importorskip(
    'launch_ros', reason='launch_ros is not installed: it comes with ROS 2 from apt'
)

import rclpy
from sensor_msgs.msg import JointState

ROOT = Path(__file__).parents[1]
LAUNCH = """
import sys
from launch import LaunchDescription, LaunchService
from launch.actions import IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource

arguments = [argument.split(':=', 1) for argument in sys.argv[2:]]
service = LaunchService()
service.include_launch_description(LaunchDescription([
    IncludeLaunchDescription(
        PythonLaunchDescriptionSource(sys.argv[1]), launch_arguments=arguments
    )
]))
sys.exit(service.run())
"""


@pytest.fixture
def prefix(tmp_path):
    """An ament prefix whose package is this checkout."""
    marker = tmp_path / 'share/ament_index/resource_index/packages/distill_runtime'
    marker.parent.mkdir(parents=True)
    marker.touch()
    (tmp_path / 'share/distill_runtime').symlink_to(ROOT)
    executables = tmp_path / 'lib/distill_runtime'
    executables.mkdir(parents=True)
    for name in ('student_node', 'sim_node'):
        script = executables / name
        script.write_text(f'#!/bin/sh\nexec {sys.executable} -m distill_runtime.ros.{name} "$@"\n')
        script.chmod(0o755)
    return tmp_path


def start_launch(prefix, name, *arguments):
    paths = [str(prefix), os.environ.get('AMENT_PREFIX_PATH', ''), sys.prefix]
    return subprocess.Popen(
        [sys.executable, '-c', LAUNCH, str(ROOT / 'launch' / name), *arguments],
        env={
            **os.environ,
            'AMENT_PREFIX_PATH': os.pathsep.join(filter(None, paths)),
            'PYTHONPATH': os.pathsep.join([str(ROOT), os.environ.get('PYTHONPATH', '')]),
            'ROS_LOG_DIR': str(prefix / 'log'),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def test_demo_launch_walks_and_ends_on_ctrl_c(prefix):
    context = rclpy.Context()
    rclpy.init(context=context)
    node = rclpy.create_node('listener', context=context)
    executor = rclpy.executors.SingleThreadedExecutor(context=context)
    executor.add_node(node)
    commands = []
    node.create_subscription(JointState, 'joint_command', commands.append, 10)
    process = start_launch(prefix, 'demo.launch.py')
    try:
        end = time.monotonic() + 60.0
        while len(commands) < 100 and time.monotonic() < end and process.poll() is None:
            executor.spin_once(timeout_sec=0.1)
        os.killpg(process.pid, signal.SIGINT)
        output = process.communicate(timeout=20)[0]
    finally:
        process.kill()
        node.destroy_node()
        rclpy.try_shutdown(context=context)
    assert len(commands) >= 100, output
    assert 'student_node-2]: process has finished cleanly' in output
    assert 'Traceback' not in output


def test_refused_model_ends_the_launch_with_its_reason(prefix):
    process = start_launch(prefix, 'student.launch.py', 'model:=no_such.onnx')
    output = process.communicate(timeout=60)[0]
    assert 'configure is refused: model no_such.onnx cannot be read' in output
    assert 'student_node ended' in output or 'exit code 2' in output


def test_model_must_be_given(prefix):
    process = start_launch(prefix, 'student.launch.py')
    assert "'model'" in process.communicate(timeout=60)[0]
    assert process.returncode != 0
