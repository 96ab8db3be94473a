# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Timer baseline: wait for deadlines with the control loop's ``sleep_until`` and do nothing else.

Arguments: period in [ns], SCHED_FIFO priority (0: none), seconds. Prints the wake-up time for each
deadline in [ns], and the number of missed ones, as JSON.
"""

from __future__ import annotations

import json
import sys
import time

from distill_runtime.ros.loop.realtime import GarbagePause, use_fifo
from distill_runtime.ros.loop.timing import Grid, sleep_until, Timing


def _never() -> bool:
    return False


def main() -> None:
    """Wait for the deadlines and record the wake-ups as the control loop does."""
    period_ns, priority, seconds = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    timing = Timing(period_ns, size=round(2e9 * seconds / period_ns) + 1000)
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
    starts = timing._starts[: timing.ticks].tolist()
    print(json.dumps({'starts_ns': starts, 'missed': timing.missed}))


if __name__ == '__main__':
    main()
