# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Faults that need DDS, a real clock or a process: reported, acted on, left by a reset only."""

from __future__ import annotations

from contextlib import contextmanager
import itertools
import math
from pathlib import Path
import shlex
import signal
import subprocess
import sys
import time

from distill_runtime.core.modes import Mode
import pytest
from rclpy.node import Node
from sensor_msgs.msg import JointState
from std_msgs.msg import Bool
from support.ros_harness import Robot, student, values, wait_for
from support.ros_messages import nanoseconds
from support.ros_policies import LIMITS
from support.ros_program import program

HOG = Path(__file__).resolve().parents[2] / 'benchmarks' / 'cpu_load.py'
MAX_AGE = 0.5
"""Age in [s] that inputs may have: what feeds them shares the processors with all else."""
POLICY = {'start_in': 'policy', 'max_input_age': MAX_AGE, 'position_limits': 'clip'}
PATIENT = {
    'start_in': 'policy',
    'max_input_age': 5.0,
    'checks.missed_deadlines.action': 'warn',
    'checks.inference_time.action': 'warn',
}
"""What makes no fault of a machine that is busy."""
STAMP_AT, JOINTS_AT, MODE_AT = 1, 2, 6
LATE = {'deadline.missed', 'inference.slow', 'joint_states.stale', 'imu.stale'}
"""Codes of a node that got no time."""


@contextmanager
def walking(ros, model, **options):
    """Run a node whose policy moves a robot that gives sensors again and again."""
    with student(ros, model, **{**PATIENT, **options}) as rig:
        with rig.robot.feeding():
            wait_for(lambda: rig.robot.commands.messages, 'a command of the policy')
        yield rig


def modes(robot):
    """Return the mode of each tick so far."""
    return [message.data[MODE_AT] for message in robot.ticks.messages]


def until_fault(rig, code):
    """Wait for a fault; return the first status that reports it."""
    status = wait_for(
        lambda: values(status := rig.diagnose())['mode'] == 'fault' and status, f'a fault: {code}'
    )
    assert status.level == b'\x02'
    assert status.message.startswith(code)
    assert values(status)['fault_action'] == 'damp'
    return status


def ask(robot, service, mode):
    """Call a service until it takes it, which a cause that is there keeps it from."""
    wait_for(lambda: robot.call(service)[0], f'a yes to {service}')
    wait_for(lambda: modes(robot)[-1] == mode, f'{mode.name} after {service}')


def assert_reset_is_the_way_out(robot):
    """Assert that a fault whose cause has gone stays until reset_fault, and the policy starts."""
    assert not robot.call('start')[0]
    ask(robot, 'reset_fault', Mode.STANDBY)
    ask(robot, 'start', Mode.POLICY)
    passed = [mode for mode, _ in itertools.groupby(modes(robot))]
    assert passed == [Mode.POLICY, Mode.FAULT, Mode.STANDBY, Mode.POLICY]


def assert_commands_are_within_limits(robot):
    """Assert that every command that came is finite and within the limits of its joint."""
    assert robot.commands.messages
    for message in robot.commands.messages:
        for value, (lower, upper) in zip(message.position, LIMITS['position'], strict=True):
            assert lower <= value <= upper


@pytest.mark.parametrize(
    ('code', 'fields'),
    [
        ('joint_states.position.not_finite', {'position': (math.nan, 0.0, 0.0)}),
        ('joint_states.names', {'names': ('other_0', 'other_1', 'other_2')}),
        ('imu.norm', {'quaternion': (0.0, 0.0, 0.0, 0.0)}),
        ('tilt.limit', {'quaternion': (1.0, 0.0, 0.0, 0.0)}),
        ('position.limit', {'position': (57.3, 0.0, 0.0)}),
    ],
)
def test_robot_that_gives_wrong_numbers_is_a_fault(ros, model, code, fields):
    with walking(ros, model) as rig:
        with rig.robot.feeding(**fields):
            until_fault(rig, code)
            is_reset, why = rig.robot.call('reset_fault')
            assert not is_reset
            assert 'its cause is still there' in why
        with rig.robot.feeding():
            assert_reset_is_the_way_out(rig.robot)
        assert_commands_are_within_limits(rig.robot)


def test_silence_of_the_sensors_is_a_fault_at_the_first_tick_after_their_age(ros, model):
    with walking(ros, model, max_input_age=MAX_AGE) as rig:
        until_fault(rig, 'joint_states.stale')
        ticks = [message.data for message in rig.robot.ticks.messages]
        ages = [(data[MODE_AT], (data[STAMP_AT] - data[JOINTS_AT]) / 1e9) for data in ticks]
        first = next(age for mode, age in ages if mode == Mode.FAULT)
        assert MAX_AGE < first < MAX_AGE + 1.0
        with rig.robot.feeding():
            assert_reset_is_the_way_out(rig.robot)
        assert_commands_are_within_limits(rig.robot)


def test_estop_topic_is_a_fault_until_it_is_false_and_reset(ros, model):
    with walking(ros, model) as rig, rig.robot.feeding():
        stop = rig.robot.node.create_publisher(Bool, 'estop', 10)
        wait_for(lambda: stop.get_subscription_count(), 'the subscription')
        stop.publish(Bool(data=True))
        until_fault(rig, 'estop.requested')
        assert not rig.robot.call('reset_fault')[0]
        stop.publish(Bool(data=False))
        assert_reset_is_the_way_out(rig.robot)
        assert_commands_are_within_limits(rig.robot)


def test_second_publisher_of_commands_is_a_fault_that_names_it(ros, model):
    with walking(ros, model) as rig, rig.robot.feeding():
        with ros.node(Node, 'other', namespace=rig.node.get_namespace()) as other:
            publisher = other.create_publisher(JointState, 'joint_command', 10)
            status = until_fault(rig, 'joint_command.contested')
            assert f'{rig.node.get_namespace()}/other publishes commands too' in status.message
            other.destroy_publisher(publisher)
        assert_reset_is_the_way_out(rig.robot)


def test_folder_that_cannot_be_written_does_not_stop_the_robot(ros, model, tmp_path):
    (tmp_path / 'file').write_text('')
    folder = str(tmp_path / 'file' / 'dumps')
    with walking(ros, model, blackbox_dir=folder) as rig, rig.robot.feeding():
        wait_for(lambda: folder in values(rig.diagnose())['blackbox'], 'the problem')
        is_dumped, why = rig.robot.call('dump')
        assert not is_dumped
        assert folder in why
        before = len(rig.robot.commands.messages)
        wait_for(lambda: len(rig.robot.commands.messages) > before, 'a command')
        assert values(rig.diagnose())['mode'] == 'policy'


@contextmanager
def walking_program(ros, model, within=(), **options):
    """Run the node as a program, started by a command; yield its process and its robot."""
    options = {
        'checks.input_frozen.action': 'ignore',
        'torque_limit': 0.0,
        'blackbox_dir': "''",
        **options,
    }
    with (
        ros.node(Node, 'robot') as node,
        program(within=within, model=model, autostart=True, **options) as process,
    ):
        robot = Robot(node, 'student_node')
        with robot.feeding():
            wait_for(lambda: robot.commands.messages, 'a command of the policy')
            yield process, robot


def small_disk(folder):
    """Return what gives a command a disk of 16 KB at a folder; skip where that is not allowed."""
    command = ('unshare', '--map-root-user', '--mount', 'sh', '-c')
    mount = f'mount -t tmpfs -o size=16k none {shlex.quote(str(folder))}'
    if subprocess.run([*command, mount], capture_output=True, check=False).returncode != 0:
        pytest.skip('no user may mount a disk here')
    return (*command, f'{mount} && exec "$@"', 'sh')


def published(robot, key):
    """Return a value of each status of the control loop so far."""
    return [
        values(status)[key]
        for message in robot.diagnostics.messages
        for status in message.status
        if status.name == '/student_node: control'
    ]


def late_codes(robot):
    """Return the codes of a node that got no time, as far as it has published them."""
    return LATE & {reason.partition(':')[0] for reason in published(robot, 'reason')}


def test_full_disk_does_not_stop_the_robot_and_is_reported(ros, model, tmp_path):
    disk = small_disk(tmp_path)
    with walking_program(ros, model, disk, blackbox_dir=tmp_path, **PATIENT) as (_, robot):
        wait_for(lambda: len(robot.ticks.messages) > 75, 'more than the disk holds')
        begin = len(robot.ticks.messages)
        is_dumped, why = robot.call('dump')
        assert not is_dumped
        assert 'No space left on device: make room' in why
        wait_for(lambda: 'No space left' in ' '.join(published(robot, 'blackbox')), 'the reason')
        assert published(robot, 'mode')[-1] == 'policy'
        numbers = [message.data[0] for message in robot.ticks.messages[begin:]]
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
        assert robot.call('estop')[0]
        wait_for(lambda: modes(robot)[-1] == Mode.FAULT, 'the fault')
        assert_reset_is_the_way_out(robot)
        assert_commands_are_within_limits(robot)


def test_stopped_process_finds_its_missed_deadlines_when_it_goes_on(ros, model):
    with walking_program(ros, model, **POLICY) as (process, robot):
        process.send_signal(signal.SIGSTOP)
        time.sleep(0.6)
        process.send_signal(signal.SIGCONT)
        wait_for(lambda: Mode.FAULT in modes(robot), 'a fault')
        wait_for(lambda: late_codes(robot), 'a reason')
        stamps = [nanoseconds(message) for message in robot.commands.messages]
        assert max(b - a for a, b in itertools.pairwise(stamps)) > 0.4e9
        assert_reset_is_the_way_out(robot)
        assert_commands_are_within_limits(robot)


def test_load_on_all_processors_is_tolerated_or_reported(ros, model):
    with walking_program(ros, model, **POLICY) as (_, robot):
        hogs = [subprocess.Popen([sys.executable, str(HOG), '2.0']) for _ in range(4)]
        try:
            for hog in hogs:
                hog.wait(30)
        finally:
            for hog in hogs:
                hog.kill()
        assert_commands_are_within_limits(robot)
        if Mode.FAULT in modes(robot):
            wait_for(lambda: late_codes(robot), 'a reason')
        else:
            before = len(robot.commands.messages)
            wait_for(lambda: len(robot.commands.messages) > before, 'a command')
