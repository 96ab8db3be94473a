# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Measure tick timing: the control loop of a real node and a timer baseline, in turns."""

from __future__ import annotations

import argparse
import json
import os
import threading
import time
from typing import Any, NamedTuple

from distill_runtime.core.modes import Mode
from distill_runtime.errors import ConfigError
from distill_runtime.ros.loop.realtime import use_fifo
from distill_runtime.ros.loop.timing import Timing
from distill_runtime.ros.student_node import StudentNode
from figures import figures, Times
from machine import stolen_seconds
import numpy as np
from processes import cpu_loads, feeder, output_of, unique_namespace
from rclpy.lifecycle import TransitionCallbackReturn
from student import loop_of, PRIORITY, private_context, spinning, student_node
from subjects import add_arguments, first_present, Subject

RATES = (50, 200, 500)
GOAL_RATE = 200
_START_TIMEOUT = 10.0
_SETTLING = 3
"""Periods discarded at the start of a turn."""


class Starts(NamedTuple):
    """Tick starts of one turn."""

    starts_ns: Times
    missed: int


class Turns(NamedTuple):
    """Number and length of the turns of each loop in one condition."""

    count: int
    seconds: float


def main() -> None:
    """Measure every condition and print the result as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    add_arguments(parser)
    args = parser.parse_args()
    subject = first_present(args)
    refusal = fifo_refusal()
    priorities = (0,) if refusal else (0, PRIORITY)
    rates = (GOAL_RATE,) if args.quick else RATES
    cells = [cell for rate in rates for cell in _measure(subject, rate, priorities, args.quick)]
    print(json.dumps({'subject': subject.name, 'fifo_skipped': refusal, 'cells': cells}))


def fifo_refusal() -> str | None:
    """Return why SCHED_FIFO is not permitted here, or None if it is."""
    refusals: list[str] = []

    def attempt() -> None:
        try:
            use_fifo(PRIORITY)
        except ConfigError as error:
            refusals.append(str(error))

    thread = threading.Thread(target=attempt)
    thread.start()
    thread.join()
    return refusals[0] if refusals else None


def _turns(rate: int, priority: int, num_loads: int, is_quick: bool) -> Turns:
    if is_quick:
        return Turns(1, max(0.1, 15.0 / rate))
    has_goal = rate == GOAL_RATE and priority and num_loads
    return Turns(6, 5.0) if has_goal else Turns(3, 4.0)


def _measure(
    subject: Subject, rate: int, priorities: tuple[int, ...], is_quick: bool
) -> list[dict[str, object]]:
    """Measure one rate in every condition: each scheduling policy, idle and under CPU load."""
    namespace = unique_namespace(f'timing_{rate}')
    cells = []
    with private_context() as context, feeder(subject, namespace, rate, 600.0):
        for priority in priorities:
            parameters = {
                **subject.parameters(),
                'control_rate': float(rate),
                'realtime_priority': priority,
                # the feed has no priority and is late under load; the policy must keep running
                'max_input_age': 5.0,
            }
            with student_node(context, namespace, parameters) as node, spinning(node):
                for num_loads in (0, len(os.sched_getaffinity(0))):
                    turns = _turns(rate, priority, num_loads, is_quick)
                    with cpu_loads(num_loads, 4.0 * turns.count * turns.seconds + 60.0):
                        cell = _measure_cell(node, rate, priority, turns)
                    cells.append({'rate_hz': rate, 'fifo': priority, 'hogs': num_loads, **cell})
    return cells


def _measure_cell(node: StudentNode, rate: int, priority: int, turns: Turns) -> dict[str, Any]:
    """Run node and timer baseline in turns."""
    period_ns = 1_000_000_000 // rate
    ours, bare = [], []
    stolen = stolen_seconds()
    for _ in range(turns.count):
        ours.append(_run_node(node, turns.seconds))
        bare.append(_run_timer_baseline(period_ns, priority, turns.seconds))
    cell = {'ours': _report(ours, period_ns), 'bare': _report(bare, period_ns)}
    floor = max(cell['bare']['p999_us'], 1e-3)
    return {
        **cell,
        'p999_to_bare': round(cell['ours']['p999_us'] / floor, 3),
        'stolen_s': round(stolen_seconds() - stolen, 2),
    }


def _run_timer_baseline(period_ns: int, priority: int, seconds: float) -> Starts:
    """Run the timer baseline in a separate process."""
    result = json.loads(output_of('timer_baseline.py', period_ns, priority, seconds))
    return Starts(np.array(result['starts_ns']), result['missed'])


def _run_node(node: StudentNode, seconds: float) -> Starts:
    """Activate the node, and record its ticks once its policy runs."""
    if node.trigger_activate() != TransitionCallbackReturn.SUCCESS:
        raise RuntimeError(f'student_node refused: {node.refusal}')
    loop = loop_of(node)
    end = time.monotonic() + _START_TIMEOUT
    while loop.step is None or loop.step.mode is not Mode.POLICY or loop.step.reason:
        if time.monotonic() > end:
            raise RuntimeError(f'the policy does not start: {loop.step and loop.step.reason}')
        time.sleep(0.02)
    period_ns = loop._context.runner.control_period_ns
    # large enough for all ticks of this turn
    timing = Timing(period_ns, size=round(2e9 * seconds / period_ns) + 1000)
    loop.timing = timing
    time.sleep(seconds)
    step = loop.step
    node.trigger_deactivate()
    if step.mode is not Mode.POLICY:
        raise RuntimeError(f'the policy ended: {step.reason}')
    return Starts(timing._starts[: timing.ticks], timing.missed)


def _report(turns: list[Starts], period_ns: int) -> dict[str, float]:
    """Return period errors over all turns."""
    periods = [np.diff(turn.starts_ns[_SETTLING:]) for turn in turns]
    errors = np.abs(np.concatenate(periods) - period_ns)
    return {
        'periods': len(errors),
        **figures(errors, 50, 99, 99.9),
        'max_us': round(float(errors.max()) / 1e3, 3),
        'missed': sum(turn.missed for turn in turns),
    }


if __name__ == '__main__':
    main()
