# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Measure the time from process start to the first command, and memory, of student_node.

A plain node without a policy is the baseline.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
import statistics
import subprocess
import sys
import time

from processes import feeder, HERE, terminated, unique_namespace
import rclpy
from rclpy.node import Node
from rclpy.qos import QoSProfile
from sensor_msgs.msg import JointState
from subjects import add_arguments, first_present, Subject

_FEED_RATE = 200
_TIMEOUT = 30.0
_PAUSE = 0.7
"""Pause before each start, in [s]: it shifts the start in the driver's announcement cycle."""


def main() -> None:
    """Start both nodes several times, in turns, and print the result as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    add_arguments(parser)
    args = parser.parse_args()
    subject = first_present(args)
    num_starts, ticking = (1, 0.5) if args.quick else (9, 10.0)
    rclpy.init()
    namespace = unique_namespace('startup')
    listener = rclpy.create_node('listener', namespace=namespace)
    starts: dict[str, list[float]] = {'ours': [], 'plain': []}
    memory: dict[str, float] = {}
    with feeder(subject, namespace, _FEED_RATE, 4.0 * num_starts * _TIMEOUT):
        for number in range(num_starts):
            for name, command in (('plain', _plain_command()), ('ours', _our_command(subject))):
                time.sleep(_PAUSE)
                begin = time.monotonic()
                with terminated(_start(command, namespace)) as process:
                    _wait_for_command(listener, process)
                    starts[name].append(round(time.monotonic() - begin, 3))
                    if name == 'ours' and number == num_starts - 1:
                        time.sleep(ticking)
                        memory = _memory(process.pid)
    listener.destroy_node()
    rclpy.shutdown()
    result = {'subject': subject.name, 'ticking_s': ticking, **memory}
    for name, seconds in starts.items():
        median = round(statistics.median(seconds), 3)
        result[name] = {'first_command_s': seconds, 'median_s': median}
    print(json.dumps(result))


def _plain_command() -> list[str]:
    return [sys.executable, str(HERE / 'plain_node.py'), '--ros-args']


def _our_command(subject: Subject) -> list[str]:
    """Return the command line of a student_node that starts in the policy."""
    command = [sys.executable, '-m', 'distill_runtime.ros.student_node', '--ros-args']
    command += ['--log-level', 'fatal', '-p', 'autostart:=true']
    for name, value in subject.parameters().items():
        command += ['-p', f'{name}:={value}'] if value else []
    return command


def _start(command: list[str], namespace: str) -> subprocess.Popen[bytes]:
    """Start a node as a process."""
    return subprocess.Popen(
        [*command, '-r', f'__ns:={namespace}'], stdin=subprocess.DEVNULL, stdout=sys.stderr
    )


def _wait_for_command(listener: Node, process: subprocess.Popen[bytes]) -> None:
    """Wait for the first command."""
    commands: list[JointState] = []
    subscription = listener.create_subscription(
        JointState, 'joint_command', commands.append, QoSProfile(depth=10)
    )
    end = time.monotonic() + _TIMEOUT
    while not commands:
        rclpy.spin_once(listener, timeout_sec=0.1)
        if process.poll() is not None:
            raise RuntimeError(f'the node ended with status {process.returncode}')
        if time.monotonic() > end:
            raise RuntimeError(f'no command within {_TIMEOUT} s')
    listener.destroy_subscription(subscription)


def _memory(pid: int) -> dict[str, float]:
    """Return resident and peak memory of a process in [MB], 10^6 bytes."""
    status = dict(
        line.split(':', 1) for line in Path(f'/proc/{pid}/status').read_text().splitlines()
    )
    return {
        name: round(int(status[key].split()[0]) * 1024 / 1e6, 1)
        for name, key in (('resident_mb', 'VmRSS'), ('peak_mb', 'VmHWM'))
    }


if __name__ == '__main__':
    main()
