# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Many swaps in a row while a simulated robot walks over DDS, and the same run without them.

From test/: python -m support.swap_marathon --swaps 1000 [--rate 200] [--json F]
"""

from __future__ import annotations

import argparse
from collections import Counter
import contextlib
import json
import os
from pathlib import Path
import random
import subprocess
import sys
import tempfile
import time

from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import Twist
from nav_msgs.msg import Odometry
import numpy as np
from rcl_interfaces.msg import Parameter, ParameterValue
from rcl_interfaces.srv import SetParametersAtomically
import rclpy
from rclpy.executors import SingleThreadedExecutor
from sensor_msgs.msg import JointState
from std_msgs.msg import Int64MultiArray

from .bad_models import write_bad_models
from .student_variants import write_student_variant

GOOD = {
    'copy': {},
    'long_history': {'length': 8, 'major': 'frame', 'order': 'newest_first'},
    'other_order': {'turned': True, 'scales': {'joint_velocity': 0.25}, 'action_scale': 2.0},
    'wide': {'width': 512},
    'recurrent': {'is_recurrent': True},
    'recurrent_wide': {'is_recurrent': True, 'turned': True, 'width': 64, 'action_scale': 0.5},
}
STEP_LIMIT = 1.0
_FALLEN_HEIGHT = 0.15


class Walk:
    """A simulated robot and student_node as processes, and the node that commands them."""

    def __init__(self, model, rate, priority, log):
        self.processes = [
            _start('demo.sim_node', log, max(0, priority - 5), model=model),
            _start(
                'student_node', log, 0, model=model, autostart='true', start_in='policy',
                control_rate=str(float(rate)), realtime_priority=str(priority), blackbox_dir="''",
                max_joint_step=str(STEP_LIMIT),
            ),
        ]  # fmt: skip
        rclpy.init()
        self.node = rclpy.create_node('marathon')
        self.executor = SingleThreadedExecutor()
        self.executor.add_node(self.node)
        self.values = {}
        self.least_height = np.inf
        self.largest_step = 0.0
        self._last = None
        self.publisher = self.node.create_publisher(Twist, 'cmd_vel', 10)
        self.client = self.node.create_client(
            SetParametersAtomically, '/student_node/set_parameters_atomically'
        )
        self.node.create_subscription(Odometry, 'odom', self._on_odometry, 10)
        self.node.create_subscription(JointState, 'joint_command', self._on_command, 1000)
        self.node.create_subscription(DiagnosticArray, '/diagnostics', self._on_diagnostics, 10)
        self.node.create_subscription(Int64MultiArray, '/student_node/tick', self._on_tick, 1000)
        self.lateness = []
        self._twist = Twist()
        self.node.create_timer(0.1, lambda: self.publisher.publish(self._twist))

    def begin(self):
        """Wait until the policy runs, and command it."""
        self.spin(20.0, lambda: self.values.get('mode') == 'policy')
        assert self.values.get('mode') == 'policy', f'no walk: {self.values}'
        self._twist.linear.x, self._twist.angular.z = 0.5, 0.3
        self.spin(2.0)

    def spin(self, seconds, is_over=lambda: False):
        """Serve topics for a time, or until something is over."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and not is_over():
            assert all(process.poll() is None for process in self.processes), 'a node has ended'
            self.executor.spin_once(timeout_sec=0.01)

    def set_model(self, path):
        """Set model; return whether it was taken, the reason, and the time it took in s."""
        value = ParameterValue(type=4, string_value=str(path))
        request = SetParametersAtomically.Request(
            parameters=[Parameter(name='model', value=value)]
        )
        start = time.monotonic()
        future = self.client.call_async(request)
        self.spin(60.0, future.done)
        result = future.result().result
        return result.successful, result.reason, time.monotonic() - start

    def memory(self):
        """Return the resident memory of student_node in MB."""
        status = Path(f'/proc/{self.processes[1].pid}/statm').read_text().split()
        return int(status[1]) * os.sysconf('SC_PAGESIZE') / 1e6

    def figures(self):
        """Return what was seen so far."""
        self.values.clear()
        self.spin(3.0, lambda: 'ticks' in self.values)
        return {
            'ticks': int(self.values['ticks']),
            'missed_deadlines': int(self.values['missed_deadlines']),
            'latency_p99_us': int(self.values['latency_p99_us']),
            'jitter_p99_us': int(self.values['jitter_p99_us']),
            'mode': self.values['mode'],
            'least_height': round(float(self.least_height), 3),
            'largest_step': round(float(self.largest_step), 4),
            'memory_mb': round(self.memory(), 1),
        }

    def close(self):
        """End both nodes."""
        rclpy.shutdown()
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            process.wait(10.0)

    def _on_odometry(self, message):
        if self._twist.linear.x:
            self.least_height = min(self.least_height, message.pose.pose.position.z)

    def _on_command(self, message):
        command = np.array(message.position)
        if self._last is not None and self._twist.linear.x:
            self.largest_step = max(self.largest_step, float(np.abs(command - self._last).max()))
        self._last = command

    def _on_tick(self, message):
        self.lateness.append(message.data[8] / 1e6)

    def _on_diagnostics(self, message):
        for status in message.status:
            if status.name.endswith('student_node: control'):
                self.values = {entry.key: entry.value for entry in status.values}


def _start(module, log, priority, **parameters):
    settings = [f'{name}:={value}' for name, value in parameters.items()]
    words = [word for setting in settings for word in ('-p', setting)]
    return subprocess.Popen(
        [sys.executable, '-m', f'distill_runtime.ros.{module}', '--ros-args',
         '--log-level', 'warn', *words],
        stdout=log, stderr=log, preexec_fn=lambda: priority and _rise(priority),
    )  # fmt: skip


def _rise(priority):
    """Give a robot the processor time that a real one has by nature."""
    os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(priority))


def march(walk, good, bad, swaps, pause, seed=0):
    """Swap again and again; return the figures of it."""
    rng = random.Random(seed)
    answers, times, refusals, wrong = Counter(), [], {}, []
    lateness = {}
    memory = []
    for number in range(swaps):
        is_bad = bad and number % 4 == 3
        name, path = rng.choice(list((bad if is_bad else good).items()))
        walk.lateness.clear()
        is_taken, reason, seconds = walk.set_model(path)
        answers['refused' if is_bad else 'swapped'] += 1
        if is_taken is is_bad:
            wrong.append((name, reason))
        if is_bad:
            refusals[name] = reason
        else:
            times.append(seconds)
        walk.spin(pause)
        lateness[name] = max(lateness.get(name, 0.0), *walk.lateness, 0.0)
        memory.append(walk.memory())
        if walk.least_height < _FALLEN_HEIGHT:
            wrong.append((name, 'the robot fell'))
            break
    tenth = len(memory) // 10
    return {
        **answers,
        'wrong_answers': wrong,
        'answer_ms_median': round(1e3 * float(np.median(times)), 1),
        'answer_ms_max': round(1e3 * max(times), 1),
        'memory_mb_after_a_tenth': round(memory[tenth], 1),
        'memory_mb_at_the_end': round(memory[-1], 1),
        'largest_lateness_ms': {name: round(value, 2) for name, value in lateness.items()},
        'refusals': refusals,
    }


def main():
    """Run the marathon; return 0 if all answers were right and nothing fell."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument('--swaps', type=int, default=1000)
    parser.add_argument('--rate', type=float, default=50.0, help='control rate in Hz')
    parser.add_argument('--pause', type=float, default=0.1, help='s of walking between swaps')
    parser.add_argument('--priority', type=int, default=0, help='SCHED_FIFO of the control thread')
    parser.add_argument('--json')
    args = parser.parse_args()
    os.environ['ROS_AUTOMATIC_DISCOVERY_RANGE'] = 'LOCALHOST'
    os.environ.setdefault('ROS_DOMAIN_ID', str(1 + os.getpid() % 100))
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        log = stack.enter_context((folder / 'log').open('w+'))
        good = {
            name: write_student_variant(folder / f'{name}.onnx', **kind)
            for name, kind in GOOD.items()
        }
        bad = write_bad_models(folder / 'bad')
        report = {}
        for kind in ('with_swaps', 'without_swaps'):
            walk = Walk(good['copy'], args.rate, args.priority, log)
            start = time.monotonic()
            try:
                walk.begin()
                if kind == 'with_swaps':
                    report['swaps'] = march(walk, good, bad, args.swaps, args.pause)
                    seconds = time.monotonic() - start
                else:
                    walk.spin(seconds)
                report[kind] = {'seconds': round(time.monotonic() - start), **walk.figures()}
            finally:
                walk.close()
                log.flush()
                text = (folder / 'log').read_text()
        print(text[-3000:], file=sys.stderr)
    print(json.dumps(report, indent=2))
    if args.json:
        Path(args.json).write_text(json.dumps(report, indent=2))
    return 1 if report['swaps']['wrong_answers'] else 0


if __name__ == '__main__':
    sys.exit(main())
