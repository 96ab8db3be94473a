# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""The witness of one processor: when was a thread kept from it that nothing of ours holds up?

Arguments: processor, SCHED_FIFO priority (0: none). It wakes a thousand times a second until its
input ends. Then it writes when it woke late, pairs of int64: [ns] since 1970, [ns] late.
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
"""What is noted."""


def main() -> None:
    """Wake, and note when that was late."""
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
