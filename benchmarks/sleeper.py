# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""The bare sleeper: the control loop's own wait on an absolute grid, and nothing else."""

from __future__ import annotations

import threading
import time

from distill_runtime.ros.deadlines import Grid, sleep_until
from distill_runtime.ros.realtime import GarbagePause, use_fifo
from distill_runtime.ros.timing import Timing


def _never() -> bool:
    return False


def run_sleeper(timing: Timing, period_ns: int, priority: int, seconds: float) -> None:
    """Note when each deadline was met, in a thread of its own.

    Args:
        timing: Receives the starts and the number of missed deadlines.
        period_ns: Period of the grid.
        priority: Of SCHED_FIFO; 0: none.
        seconds: How long.
    """

    def run() -> None:
        if priority:
            use_fifo(priority)
        with GarbagePause():
            grid = Grid(time.monotonic_ns(), period_ns, 1)
            end_ns = time.monotonic_ns() + round(seconds * 1e9)
            while grid.deadline_ns < end_ns:
                sleep_until(grid.deadline_ns, _never)
                now_ns = time.monotonic_ns()
                timing.add(now_ns, now_ns)
                timing.missed += grid.advance(now_ns)

    thread = threading.Thread(target=run, name='sleeper')
    thread.start()
    thread.join()
