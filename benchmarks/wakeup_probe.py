# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Wake-up probe of one processor: record when a thread at high priority wakes late.

Arguments: processor, SCHED_FIFO priority (0: none). Wakes a thousand times a second until standard
input ends, then writes the late wake-ups as pairs of int64: [ns] since 1970, lateness in [ns].
"""

from __future__ import annotations

from array import array
import gc
import sys
import threading
import time

from distill_runtime.ros.loop.realtime import use_cpus, use_fifo

PERIOD_NS = 1_000_000
LATE_NS = 250_000
"""Wake-ups later than this are recorded."""


def main() -> None:
    """Record late wake-ups until standard input ends."""
    use_cpus((int(sys.argv[1]),))
    priority = int(sys.argv[2])
    if priority:
        use_fifo(priority)
    is_over = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), is_over.set()), daemon=True).start()
    gc.disable()
    late = array('q')
    deadline_ns = time.monotonic_ns()
    while not is_over.is_set():
        deadline_ns += PERIOD_NS
        time.sleep(max(0, deadline_ns - time.monotonic_ns()) / 1e9)
        lateness_ns = time.monotonic_ns() - deadline_ns
        if lateness_ns > LATE_NS:
            late.extend((time.time_ns(), lateness_ns))
            deadline_ns += lateness_ns // PERIOD_NS * PERIOD_NS
    sys.stdout.buffer.write(late.tobytes())


if __name__ == '__main__':
    main()
