# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""student_node as a program: arguments, signals, exit status, last command."""

from __future__ import annotations

import select
import signal
import subprocess
import sys
import threading
import time

from distill_runtime.ros.process import serve
import pytest
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from support.ros_harness import PATIENCE, Robot, wait_for
from support.ros_program import program

POSE = (0.3, 0.2, -0.1)


def end(process, signals):
    """Send signals; return the output and how long the end took."""
    start = time.monotonic()
    for number in signals:
        process.send_signal(number)
    output = process.communicate(timeout=PATIENCE)[0]
    return output, time.monotonic() - start


INT, TERM = signal.SIGINT, signal.SIGTERM


@pytest.mark.parametrize(
    ('signals', 'command_type', 'field', 'last'),
    [
        ((INT,), 'joint_state', 'position', POSE),
        ((TERM,), 'effort', 'effort', (0.0, 0.0, 0.0)),
        ((INT, INT, TERM), 'joint_state', 'position', POSE),
    ],
)
def test_signal_ends_the_program_with_the_fault_action(
    ros, model, signals, command_type, field, last
):
    options = {'command_type': command_type, 'ramp_time': 0.0, 'max_input_age': 5.0}
    with (
        ros.node(Node, 'robot') as node,
        program(model=model, autostart=True, **options) as process,
    ):
        robot = Robot(node, 'student_node')
        with robot.feeding(position=POSE):
            wait_for(lambda: len(robot.commands.messages) > 10, 'a command')
            assert list(getattr(robot.commands.messages[-1], field)) != list(last)
            output, seconds = end(process, signals)
            assert process.returncode == 0, output
            assert 'Traceback' not in output
            assert seconds < 3.0
        wait_for(lambda: list(getattr(robot.commands.messages[-1], field)) == list(last))


def test_program_that_is_not_configured_ends_whatever_signals_come_until_the_very_end(ros):
    with ros.node(Node, 'robot') as node, program() as process:
        wait_for(lambda: node.count_publishers('/diagnostics'))
        process.send_signal(TERM)
        while process.poll() is None:
            process.send_signal(INT)
            time.sleep(0.001)
        assert (process.returncode, process.stdout.read()) == (0, '')


def test_error_in_a_callback_is_logged_and_ends_no_service(ros, capfd):
    def fail():
        calls.append(len(calls))
        if len(calls) < 3:
            raise ZeroDivisionError('by chance')

    calls = []
    executor = SingleThreadedExecutor(context=ros.context)
    node = Node('failing', context=ros.context)
    executor.add_node(node)
    node.create_timer(0.01, fail)
    thread = threading.Thread(target=serve, args=(executor,))
    thread.start()
    wait_for(lambda: len(calls) > 4)
    executor.shutdown()
    thread.join()
    node.destroy_node()
    assert capfd.readouterr().err.count('ZeroDivisionError: by chance\n') == 4


@pytest.mark.parametrize(
    ('arguments', 'parameters', 'text'),
    [
        (['--bogus'], {}, "student_node: UnknownROSArgsError: ['--bogus']"),
        (['-p', 'model'], {}, "Couldn't parse parameter override rule: '-p model'"),
        ([], {'model': 5}, "InvalidParameterTypeException: Trying to set parameter 'model'"),
        (
            [],
            {'decimation': 0},
            'decimation out of range. Min: 1, Max: 1000000, value: 0',
        ),
        (
            [],
            {'autostart': True, 'trigger': 'bell'},
            "configure is refused: trigger is 'bell', expected one of ['timer', ",
        ),
        ([], {'autostart': True, 'model': 'bad.onnx'}, 'configure is refused: model bad.onnx '),
    ],
)
def test_wrong_argument_ends_the_program_with_2_and_one_message(arguments, parameters, text):
    with program(*arguments, **parameters) as process:
        output = process.communicate(timeout=PATIENCE)[0]
    assert process.returncode == 2, output
    assert 'Traceback' not in output
    (line,) = [line for line in output.splitlines() if 'student_node' in line]
    assert text in line


WAITER = """
from distill_runtime.ros import process
process._POLL = 1e-9
process.note_signals()
print('ready', flush=True)
while True:
    process.wait_for_signal()
    process._seen.clear()
    print('seen', flush=True)
"""


def test_signal_in_the_midst_of_a_wait_is_seen():
    """An Event whose lock the main thread just held hung the program about once in 2000."""
    process = subprocess.Popen([sys.executable, '-c', WAITER], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout.readline() == 'ready\n'
        for _ in range(10_000):
            process.send_signal(INT)
            readable, _, _ = select.select([process.stdout], [], [], PATIENCE)
            assert readable
            process.stdout.readline()
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
