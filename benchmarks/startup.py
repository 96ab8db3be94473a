# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""A student_node process: time to its first command, and its memory while it ticks."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
import contextlib
import json
from pathlib import Path
import statistics
import subprocess
import sys
import time

from processes import feeder, unique_namespace
import rclpy
from rclpy.node import Node
from rclpy.qos import QoSProfile
from sensor_msgs.msg import JointState
from subjects import add_arguments, first_present, Subject

_FEED_RATE = 200
_TIMEOUT = 30.0


def main() -> None:
    """Start the node some times and print the result as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_arguments(parser)
    args = parser.parse_args()
    subject = first_present(args)
    num_starts, ticking = (1, 0.5) if args.quick else (5, 10.0)
    rclpy.init()
    seconds, memory = [], {}
    for number in range(num_starts):
        namespace = unique_namespace(f'start_{number}')
        listener = rclpy.create_node('listener', namespace=namespace)
        is_last = number == num_starts - 1
        with contextlib.ExitStack() as stack:
            stack.enter_context(feeder(subject, namespace, _FEED_RATE, 2 * _TIMEOUT + ticking))
            begin = time.monotonic()
            process = stack.enter_context(_started(subject, namespace))
            _wait_for_command(listener, process)
            seconds.append(time.monotonic() - begin)
            if is_last:
                time.sleep(ticking)
                memory = _memory(process.pid)
        listener.destroy_node()
    rclpy.shutdown()
    result = {
        'subject': subject.name,
        'first_command_s': [round(value, 3) for value in seconds],
        'first_command_median_s': round(statistics.median(seconds), 3),
        'ticking_s': ticking,
        **memory,
    }
    print(json.dumps(result))


@contextlib.contextmanager
def _started(subject: Subject, namespace: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run student_node as a process of its own, walking from its first tick on."""
    command = [sys.executable, '-m', 'distill_runtime.ros.student_node', '--ros-args']
    command += ['--log-level', 'error', '-r', f'__ns:={namespace}', '-p', 'autostart:=true']
    for name, value in subject.parameters().items():
        command += ['-p', f'{name}:={value}'] if value else []
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=sys.stderr)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(timeout=10.0)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_for_command(listener: Node, process: subprocess.Popen[bytes]) -> None:
    """Return when the first command has come."""
    commands: list[JointState] = []
    subscription = listener.create_subscription(
        JointState, 'joint_command', commands.append, QoSProfile(depth=10)
    )
    end = time.monotonic() + _TIMEOUT
    while not commands:
        rclpy.spin_once(listener, timeout_sec=0.1)
        if process.poll() is not None:
            raise RuntimeError(f'student_node ended with status {process.returncode}')
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
