# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""The launch files, run by the real launch where there is one; no wheel of it exists."""

from __future__ import annotations

import json
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

from distill_runtime.data.bags import Bag
from distill_runtime.ros import ros2_bag
import rclpy
from sensor_msgs.msg import JointState
from std_msgs.msg import Int64MultiArray
from support import ros2_stand_in
from support.bags import imu, joint_state, MS, twist, write_bag
from support.ros_policies import JOINT_TERM, write_policy
from support.specs import DEFAULT, JOINTS

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


def start_launch(prefix, name, *arguments, more=None):
    """Start a launch file.

    Args:
        prefix: See there.
        name: Of the file.
        arguments: Its arguments.
        more: Folders to put in front of variables of the environment.
    """
    paths = [str(prefix), os.environ.get('AMENT_PREFIX_PATH', ''), sys.prefix]
    more = {'PYTHONPATH': str(ROOT), 'PATH': '', **(more or {})}
    return subprocess.Popen(
        [sys.executable, '-c', LAUNCH, str(ROOT / 'launch' / name), *arguments],
        env={
            **os.environ,
            'AMENT_PREFIX_PATH': os.pathsep.join(filter(None, paths)),
            **{
                name: os.pathsep.join(filter(None, [folders, str(ROOT), os.environ.get(name, '')]))
                for name, folders in more.items()
            },
            'ROS_LOG_DIR': str(prefix / 'log'),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


class Listener:
    """Hears topics while a launch runs."""

    def __init__(self):
        self._context = rclpy.Context()
        rclpy.init(context=self._context)
        self.node = rclpy.create_node('listener', context=self._context)
        self._executor = rclpy.executors.SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self.node)

    def hear(self, message_type, topic):
        messages = []
        self.node.create_subscription(message_type, topic, messages.append, 100)
        return messages

    def wait(self, process, condition):
        """Spin until a condition holds, or the launch has ended."""
        end = time.monotonic() + 60.0
        while not condition() and time.monotonic() < end and process.poll() is None:
            self._executor.spin_once(timeout_sec=0.1)

    def close(self):
        self.node.destroy_node()
        rclpy.try_shutdown(context=self._context)


@pytest.fixture
def listener():
    found = Listener()
    yield found
    found.close()


@pytest.fixture
def stand_in(tmp_path):
    folder = tmp_path / 'ros2'
    folder.mkdir()
    return ros2_stand_in.install(folder)


def end_launch(process):
    """End a launch as Ctrl-C does; return what it printed."""
    try:
        os.killpg(process.pid, signal.SIGINT)
        return process.communicate(timeout=20)[0]
    finally:
        process.kill()


def test_demo_launch_walks_and_ends_on_ctrl_c(prefix, listener):
    commands = listener.hear(JointState, 'joint_command')
    process = start_launch(prefix, 'demo.launch.py')
    listener.wait(process, lambda: len(commands) >= 100)
    output = end_launch(process)
    assert len(commands) >= 100, output
    assert 'student_node-2]: process has finished cleanly' in output
    assert 'Traceback' not in output
    assert 'Caught exception' not in output


def test_refused_model_ends_the_launch_with_its_reason(prefix):
    process = start_launch(prefix, 'student.launch.py', 'model:=no_such.onnx')
    output = process.communicate(timeout=60)[0]
    assert 'configure is refused: model no_such.onnx cannot be read' in output
    assert 'student_node ended' in output or 'exit code 2' in output


def test_model_must_be_given(prefix):
    process = start_launch(prefix, 'student.launch.py')
    assert "'model'" in process.communicate(timeout=60)[0]
    assert process.returncode != 0


def test_recording_holds_what_an_exact_replay_needs(prefix, stand_in, tmp_path):
    external = {'term': 'external', 'topic': '/height_scan', 'width': 3}
    model = write_policy(tmp_path, JOINT_TERM, external)
    told = tmp_path / 'bag'
    process = start_launch(
        prefix, 'student.launch.py', f'model:={model}', 'record:=true', f'record_to:={told}',
        'namespace:=left', more=stand_in,
    )  # fmt: skip
    end = time.monotonic() + 60.0
    while not told.exists() and time.monotonic() < end and process.poll() is None:
        time.sleep(0.05)
    output = end_launch(process)
    assert told.exists(), output
    assert json.loads(told.read_text()) == {
        'storage': 'mcap',
        'topics': [
            *(f'/left/{name}' for name in ('joint_states', 'imu', 'cmd_vel', 'odom', 'estop')),
            '/left/joint_command',
            *(f'/left/student_node/{name}' for name in ('tick', 'model', 'observation', 'action')),
            '/diagnostics',
            '/height_scan',
        ],
    }


@pytest.mark.skipif(ros2_bag.is_there(), reason='there is a ros2 bag here')
def test_node_records_by_itself_where_there_is_no_ros2_bag(prefix, listener, tmp_path):
    commands = listener.hear(JointState, 'joint_command')
    process = start_launch(
        prefix, 'demo.launch.py', 'record:=true', f'record_to:={tmp_path / "runs"}'
    )
    listener.wait(process, lambda: len(commands) >= 20)
    output = end_launch(process)
    assert 'student_node records by itself' in output
    (bag,) = (tmp_path / 'runs').iterdir()
    with Bag(bag) as found:
        topics = {topic.name for topic in found.topics}
    assert topics >= {'/joint_states', '/joint_command', '/student_node/tick'}


def write_walk(path):
    """Write a recording of a robot that stands; somebody else's commands are in it, too."""
    said = []
    for number in range(400):
        now_ns = 1_700_000_000_000 * MS + 20 * MS * number
        said.append(joint_state(now_ns, JOINTS, DEFAULT, [0.0] * 3, topic='/robot/joints'))
        said.append(imu(now_ns))
        said.append(joint_state(now_ns, JOINTS, DEFAULT, topic='/joint_command'))
    return write_bag(path, [*said, twist(now_ns, (0, 0, 0))])


def test_recording_is_played_to_a_node_that_the_robot_does_not_notice(
    prefix, stand_in, listener, tmp_path
):
    model, bag = write_policy(tmp_path), write_walk(tmp_path / 'walk')
    ticks = listener.hear(Int64MultiArray, '/replay/student_node/tick')
    process = start_launch(
        prefix, 'replay.launch.py', f'bag:={bag}', f'model:={model}',
        'joint_states:=/robot/joints', more=stand_in,
    )  # fmt: skip
    seen = set()

    def has_ticked():
        seen.update(name for name, _ in listener.node.get_topic_names_and_types())
        return len(ticks) >= 60

    listener.wait(process, has_ticked)
    output = process.communicate(timeout=30)[0]
    assert 'was required: shutting down launched system' in output, output
    assert 'Caught exception' not in output
    assert process.returncode == 0
    assert len(ticks) >= 60, output
    fields = [part.label for part in ticks[0].layout.dim]
    assert {tick.data[fields.index('mode')] for tick in ticks[-20:]} == {2}
    assert {name for name in seen if not name.startswith('/replay/')} <= {
        '/parameter_events', '/rosout'
    }  # fmt: skip


def test_replay_of_a_refused_model_ends_with_its_reason(prefix, stand_in, tmp_path):
    process = start_launch(
        prefix, 'replay.launch.py', f'bag:={tmp_path}', 'model:=no_such.onnx', more=stand_in
    )
    output = process.communicate(timeout=60)[0]
    assert 'configure is refused: model no_such.onnx cannot be read' in output
    assert 'process has finished cleanly' in output
    assert 'Caught exception' not in output


@pytest.mark.skipif(ros2_bag.is_there(), reason='there is a ros2 bag here')
def test_replay_without_ros2_bag_says_what_to_do(prefix):
    process = start_launch(prefix, 'replay.launch.py', 'bag:=walk', 'model:=walk.onnx')
    output = process.communicate(timeout=60)[0]
    assert 'no ros2 bag here' in output
    assert 'distill-runtime replay BAG MODEL' in output
    assert process.returncode != 0
