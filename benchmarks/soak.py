# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Run the demo for half an hour: student_node at 200 Hz, random pushes and velocity commands.

A late wake-up of a probe on the same processor must explain every missed deadline, and memory must
stay flat. benchmarks/README.md explains the tables.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
import os
import subprocess
import sys
import tempfile
import time
from typing import Any

from distill_runtime.cli.demo_output.processes import node_processes
from distill_runtime.cli.terminal.output import write_json
from distill_runtime.errors import ConfigError, DistillError
from distill_runtime.policy.model import load_policy
from distill_runtime.ros.demo.monitor import monitor, Velocity
from distill_runtime.ros.loop.realtime import use_fifo
from distill_runtime.share import share_path
from machine import machine_facts, stolen_seconds
import numpy as np
from processes import isolated_environment
from soak_report import print_soak, soak_report, Walk
from soak_watch import SoakLog, WakeupProbes
from student import PRIORITY, private_context
from timing import fifo_refusal

MODEL = share_path() / 'models' / 'quadruped_student.onnx'
NOISE, PUSHES = 1.0, 0.5
SHARE = 0.6
"""Fraction of the command range that the policy was trained on."""
INTERVAL = 3.0
"""Duration of a command, in [s]."""
STAND_EVERY = 5
"""Every n-th command is to stand still."""
ROBOT_PRIORITY = 10
"""SCHED_FIFO priority of the simulated robot and the monitor, which stand for other computers."""


def main() -> int:
    """Soak the node; return the exit status."""
    parser = argparse.ArgumentParser(
        prog='soak.py',
        description=__doc__,
        epilog='exit status: 0 all goals met, 1 one is missed, 2 it could not be run',
        allow_abbrev=False,
    )
    parser.add_argument('--seconds', type=float, default=1800.0, help='default: 1800')
    parser.add_argument('--rate', type=float, default=200.0, help='control_rate (default: 200)')
    parser.add_argument('--seed', type=int, default=0, help='of noise, pushes and commands')
    parser.add_argument(
        '--dumps', metavar='DIR', help='folder of the black box, kept (default: a temporary one)'
    )
    parser.add_argument('--json', metavar='F', help='write the report to a file; -: print it')
    args = parser.parse_args()
    try:
        if not args.seconds >= 2.0:
            raise ConfigError(f'--seconds is {args.seconds}, expected at least 2')
        report = _soak(args)
        if args.json:
            write_json(args.json, report)
    except DistillError as error:
        sys.stderr.write(f'soak: {error}\n')
        return 2
    if args.json != '-':
        print_soak(report)
    return 0 if all(goal['met'] for goal in report['goals']) else 1


def _soak(args: argparse.Namespace) -> dict[str, Any]:
    os.environ.update(isolated_environment())
    refusal = fifo_refusal()
    priority = 0 if refusal else PRIORITY
    facts = {
        'machine': machine_facts(),
        'rate_hz': args.rate,
        'scheduling': f'SCHED_FIFO {priority}' if priority else 'SCHED_OTHER',
        'fifo_skipped': refusal,
    }
    stolen = stolen_seconds()
    # above the control thread, which must not preempt a probe
    probes = WakeupProbes(priority and priority + 1)
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,
        probes.recording(),
        node_processes({'student_node': _student(args, priority, folder)}) as (student,),
    ):
        if priority:
            use_fifo(ROBOT_PRIORITY)  # inherited by what is started from here on
        log = SoakLog(student.pid)
        with private_context() as context, log.listening(context):
            walks = list(_walks(args, student, log))
    report = soak_report(log.ticks, probes.late, log.samples, walks, round(1e9 / args.rate))
    return {**facts, 'stolen_s': round(stolen_seconds() - stolen, 2), **report}


def _walks(
    args: argparse.Namespace, student: subprocess.Popen[bytes], log: SoakLog
) -> Iterator[Walk]:
    """Walk for the whole time; start another walk after a fall or a fault."""
    rng = np.random.default_rng(args.seed)
    remaining = args.seconds
    while remaining > 0.0:
        with node_processes({'sim_node': _robot(int(rng.integers(2**31)))}) as (robot,):
            result = monitor(remaining, (robot, student), log, _tour(remaining, rng))
            yield Walk(time.time_ns(), result)
        remaining -= max(result.seconds, 1.0)  # ends even if no walk can start


def _robot(seed: int) -> dict[str, str]:
    """Return the parameters of the simulated robot."""
    return {
        'model': str(MODEL),
        'noise': str(NOISE),
        'push_speed': str(PUSHES),
        'seed': str(seed),
    }


def _student(args: argparse.Namespace, priority: int, folder: str) -> dict[str, str]:
    """Return the parameters of the node."""
    return {
        'model': str(MODEL),
        'autostart': 'true',
        'control_rate': str(args.rate),
        'ramp_time': '0.5',
        'realtime_priority': str(priority),
        'max_input_age': '0.5',  # the simulated robot shares the processors with the node
        'blackbox_dir': args.dumps or folder,
    }


def _tour(seconds: float, rng: np.random.Generator) -> list[tuple[float, Velocity]]:
    """Return random commands, each with the fraction of the time at which it ends."""
    commands = load_policy(MODEL).spec.command
    count = max(1, round(seconds / INTERVAL))
    tour: list[tuple[float, Velocity]] = []
    for number in range(1, count + 1):
        vx, vy, yaw = (SHARE * rng.uniform(commands.lower, commands.upper)).tolist()
        command = (0.0, 0.0, 0.0) if number % STAND_EVERY == 0 else (vx, vy, yaw)
        tour.append((number / count, command))
    return tour


if __name__ == '__main__':
    sys.exit(main())
