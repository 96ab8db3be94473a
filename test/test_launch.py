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

from distill_runtime.data.bags.bag import Bag
from distill_runtime.policy.model import load_policy
from distill_runtime.ros import ros2_bag
import rclpy
from rclpy.qos import DurabilityPolicy, QoSProfile
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import JointState
from std_msgs.msg import Int64MultiArray, String
from support import ros2_stand_in
from support.bags import imu, joint_state, MS, twist, write_bag
from support.logged_run import run_node, write_log
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
    for module in ('student_node', 'relabel_node', 'demo.sim_node'):
        script = executables / module.rpartition('.')[2]
        program = f'{sys.executable} -m distill_runtime.ros.{module}'
        script.write_text(f'#!/bin/sh\nexec {program} "$@"\n')
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


def ended(process, status=1):
    """Return what a launch printed that ends by itself with a status and leaves nothing."""
    output = process.communicate(timeout=60)[0]
    assert process.returncode == status, output
    assert processes_of(process, 'distill_runtime') == []
    return output


def processes_of(launch, module):
    """Return the processes of a launch that run a module."""
    words = ['ps', '-o', 'pid=,args=', '-g', str(launch.pid)]  # of its session
    lines = subprocess.run(words, capture_output=True, text=True).stdout.splitlines()
    return [int(line.split()[0]) for line in lines if f' -m {module}' in line]


def recordings(folder, number, process):
    """Return what is recorded in a folder, once there are so many."""
    end = time.monotonic() + 60.0
    paths = []
    while len(paths) < number and time.monotonic() < end and process.poll() is None:
        time.sleep(0.05)
        paths = sorted(folder.iterdir()) if folder.is_dir() else []
    assert len(paths) == number
    return paths


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
    assert 'student_node-1]: process has finished cleanly' in output
    assert 'Traceback' not in output
    assert 'Caught exception' not in output
    assert process.returncode == 0


def test_demo_moves_node_and_robot_into_a_namespace_under_other_topic_names(prefix, listener):
    commands = listener.hear(JointState, '/left/legs/command')
    process = start_launch(
        prefix, 'demo.launch.py', 'namespace:=left', 'joint_command:=legs/command',
        'joint_states:=/legs', 'command_type:=effort', 'velocity:=[0, 0.0, 0]',
    )  # fmt: skip
    both = {('student_node', '/left'), ('sim_node', '/left')}

    def walks():
        nodes = set(listener.node.get_node_names_and_namespaces())
        return nodes >= both and any(list(command.effort) for command in commands)

    listener.wait(process, walks)
    has_walked = walks()
    names = {name for name, _ in listener.node.get_topic_names_and_types()}
    output = end_launch(process)
    assert has_walked, output
    assert names >= {'/left/cmd_vel', '/left/imu', '/left/odom', '/legs'}
    assert not names & {'/cmd_vel', '/imu', '/odom', '/joint_states', '/joint_command'}


def urdf_of(model):
    """Return a URDF text of the joints of a policy, over several lines."""
    joints = load_policy(model).spec.joints
    limit = '<limit lower="-3" upper="3" effort="50" velocity="50"/>'
    lines = (f'  <joint name="{joint}" type="revolute">{limit}</joint>' for joint in joints)
    return '\n'.join(['<?xml version="1.0"?>', '<robot name="dog">', *lines, '</robot>\n'])


@pytest.mark.parametrize('is_topic', [False, True])
def test_demo_gives_both_nodes_the_robot_description(prefix, listener, is_topic):
    text = urdf_of(ROOT / 'models' / 'quadruped_student.onnx')
    latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    publisher = listener.node.create_publisher(String, '/left/robot_description', latched)
    publisher.publish(String(data=text))
    commands = listener.hear(JointState, '/left/joint_command')
    process = start_launch(
        prefix, 'demo.launch.py', 'namespace:=left',
        f'robot_description:={"robot_description" if is_topic else text}',
    )  # fmt: skip
    listener.wait(process, lambda: len(commands) >= 20)
    output = end_launch(process)
    assert len(commands) >= 20, output
    waiting = 'waiting for the URDF on /left/robot_description'
    assert output.count(waiting) == (2 if is_topic else 0)


def test_demo_leaves_cmd_vel_to_others_and_follows_the_clock(prefix, listener):
    commands = listener.hear(JointState, 'joint_command')
    clock = listener.hear(Clock, '/clock')
    process = start_launch(prefix, 'demo.launch.py', 'velocity:=[]', 'use_sim_time:=true')
    listener.wait(process, lambda: len(commands) >= 20 and clock)
    publishers = listener.node.count_publishers('cmd_vel')
    output = end_launch(process)
    assert len(commands) >= 20, output
    assert publishers == 0
    # the robot's time begins at 1 s, and the node's is the same
    assert commands[-1].header.stamp.sec < 1000
    assert clock[-1].clock.sec < 1000


def test_demo_ends_with_its_robot(prefix, listener):
    commands = listener.hear(JointState, 'joint_command')
    process = start_launch(prefix, 'demo.launch.py')
    listener.wait(process, lambda: commands)
    (robot,) = processes_of(process, 'distill_runtime.ros.demo.sim_node')
    os.kill(robot, signal.SIGKILL)
    output = ended(process)
    assert 'sim_node-2 was ended by SIGKILL: its last lines above say why' in output
    assert 'student_node-1]: process has finished cleanly' in output


def test_demo_without_mujoco_says_how_to_get_it(prefix, tmp_path):
    (tmp_path / 'mujoco.py').write_text("raise ImportError('absent', name='mujoco')\n")
    process = start_launch(prefix, 'demo.launch.py', more={'PYTHONPATH': str(tmp_path)})
    output = ended(process)
    assert 'mujoco is not installed, install it with: pip install "distill_runtime[sim]"' in output
    assert 'Traceback' not in output


@pytest.mark.parametrize(
    ('name', 'argument', 'reason'),
    [
        ('demo.launch.py', 'velocity:=fast', 'velocity is fast, expected [vx, vy, yaw rate]'),
        ('demo.launch.py', 'velocity:=[0.3]', 'velocity_command is [0.3], expected vx, vy and'),
        ('demo.launch.py', 'record:=maybe', 'Argument "record" provided value "maybe"'),
        ('student.launch.py', 'shadow:=maybe', 'Argument "shadow" provided value "maybe"'),
        ('student.launch.py', 'command_type:=pwm', 'Argument "command_type" provided value "pwm"'),
        ('student.launch.py', 'control_rate:=[50, 0.0]', 'inconsistent'),
        ('student.launch.py', 'control_rate:=fast', "control_rate is 'fast', expected float"),
        ('student.launch.py', 'control_rate:=75', 'control_rate is 75.0 Hz, expected a whole'),
        ('student.launch.py', 'realtime_priority:=100', 'realtime_priority out of range'),
        ('student.launch.py', 'robot_description:=no.urdf', 'no.urdf cannot be read'),
    ],
)
def test_argument_that_cannot_be_ends_the_launch_with_its_reason(
    prefix, tmp_path, name, argument, reason
):
    model = [f'model:={write_policy(tmp_path)}'] if name == 'student.launch.py' else []
    process = start_launch(prefix, name, *model, argument)
    output = ended(process)
    assert reason in output


def test_refused_model_ends_the_launch_with_its_reason(prefix):
    process = start_launch(prefix, 'student.launch.py', 'model:=no_such.onnx')
    output = ended(process)
    assert 'configure is refused: model no_such.onnx cannot be read' in output
    assert 'student_node-1 ended with exit status 2: its last lines above say why' in output


def test_model_must_be_given(prefix):
    process = start_launch(prefix, 'student.launch.py')
    assert "'model'" in process.communicate(timeout=60)[0]
    assert process.returncode != 0


def test_recording_holds_what_an_exact_replay_needs(prefix, stand_in, tmp_path):
    external = {'term': 'external', 'topic': '/height_scan', 'width': 3}
    model = write_policy(tmp_path, JOINT_TERM, external)
    process = start_launch(
        prefix, 'student.launch.py', f'model:={model}', 'record:=true',
        f'record_to:={tmp_path / "runs"}', 'namespace:=left', 'imu:=/imu/data', more=stand_in,
    )  # fmt: skip
    (told,) = recordings(tmp_path / 'runs', 1, process)
    output = end_launch(process)
    assert 'Caught exception' not in output
    assert told.name.endswith('Z_left.student_node')
    assert json.loads(told.read_text()) == {
        'storage': 'mcap',
        'topics': [
            '/left/joint_states',
            '/imu/data',
            *(f'/left/{name}' for name in ('cmd_vel', 'odom', 'estop', 'joint_command')),
            *(f'/left/student_node/{name}' for name in ('tick', 'model', 'observation', 'action')),
            '/diagnostics',
            '/height_scan',
        ],
    }


def test_second_run_gets_another_recording(prefix, stand_in, tmp_path):
    model, runs = write_policy(tmp_path), tmp_path / 'runs'
    for number in (1, 2):
        process = start_launch(
            prefix, 'student.launch.py', f'model:={model}', 'record:=true', f'record_to:={runs}',
            more=stand_in,
        )  # fmt: skip
        recordings(runs, number, process)
        end_launch(process)


def test_launch_ends_with_its_recorder(prefix, stand_in, tmp_path):
    process = start_launch(
        prefix, 'student.launch.py', f'model:={write_policy(tmp_path)}', 'record:=true',
        f'record_to:={tmp_path / "runs"}', more=stand_in,
    )  # fmt: skip
    recordings(tmp_path / 'runs', 1, process)
    (recorder,) = processes_of(process, 'support.ros2_stand_in')
    os.kill(recorder, signal.SIGTERM)  # it ends with 0, as ros2 bag does
    output = ended(process)
    assert 'recorder-2 ended with exit status 0: the run would not be recorded' in output


def test_run_that_cannot_be_recorded_does_not_begin(prefix, stand_in, tmp_path):
    (tmp_path / 'file').write_text('')
    for more in (None, stand_in):
        process = start_launch(
            prefix, 'demo.launch.py', 'record:=true', f'record_to:={tmp_path / "file"}', more=more
        )
        output = ended(process)
        assert f'record_to {tmp_path}/file: File exists: make room or let this user' in output
        assert 'process started' not in output


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
    output = ended(process)
    assert 'configure is refused: model no_such.onnx cannot be read' in output
    assert 'student_node refused its configuration: its last lines above say why' in output
    assert 'process has finished cleanly' in output


@pytest.mark.skipif(ros2_bag.is_there(), reason='there is a ros2 bag here')
def test_replay_without_ros2_bag_says_what_to_do(prefix):
    process = start_launch(prefix, 'replay.launch.py', 'bag:=walk', 'model:=walk.onnx')
    output = process.communicate(timeout=60)[0]
    assert 'no ros2 bag here' in output
    assert 'distill-runtime replay BAG MODEL' in output
    assert process.returncode != 0


def test_relabel_labels_recordings_and_ends(prefix, tmp_path):
    model = write_policy(tmp_path, action={'scale': 0.05})
    log = run_node(load_policy(model), 50)
    for name in ('walk', 'run'):
        write_log(tmp_path / name, log)
    process = start_launch(
        prefix, 'relabel.launch.py', f'bags:={tmp_path}/walk {tmp_path}/run', f'student:={model}',
        f'teachers:=one={model}', f'output:={tmp_path}/labels', 'thin:=2', 'half:=true',
    )  # fmt: skip
    output = process.communicate(timeout=60)[0]
    assert 'run: 50 ticks, 50 labels' in output
    assert process.returncode == 0, output
    assert len(list((tmp_path / 'labels').glob('part-*.parquet'))) == 2


def test_relabel_that_fails_ends_the_launch_with_status_1(prefix, tmp_path):
    process = start_launch(
        prefix, 'relabel.launch.py', 'bags:=walk', 'student:=no_such.onnx', 'teachers:=t.onnx',
        f'output:={tmp_path}/labels',
    )  # fmt: skip
    output = process.communicate(timeout=60)[0]
    assert 'no_such.onnx cannot be read' in output
    assert process.returncode == 1
