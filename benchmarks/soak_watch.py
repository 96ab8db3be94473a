# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Record ticks and memory of student_node, and late wake-ups of the machine, during a soak."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
import contextlib
import os
from pathlib import Path
import subprocess
import sys
import time
from typing import NamedTuple

from distill_runtime.core.modes import Mode
from distill_runtime.ros.demo.monitor import DemoResult
from distill_runtime.wire.tick_fields import TICK_FIELDS
import numpy as np
from processes import HERE
import rclpy
from rclpy.qos import QoSProfile
from soak_misses import Rows
from std_msgs.msg import Int64MultiArray
from student import spinning

_TICK, _STAMP, _MODE, _LATENESS = map(
    TICK_FIELDS.index, ('tick', 'stamp_ns', 'mode', 'lateness_ns')
)
_SAMPLE_EVERY = 1.0
_REPORT_EVERY = 60.0


class Sample(NamedTuple):
    """State of the node at one time."""

    seconds: float
    """Since the policy started."""
    resident_bytes: int
    ticks: int
    missed: int
    """Missed deadlines, as counted by the node."""


class WakeupProbes:
    """One wake-up probe per processor.

    Attributes:
        late: Time and lateness of each late wake-up, in [ns], per processor; set by ``recording``.
    """

    def __init__(self, priority: int) -> None:
        """Set the SCHED_FIFO priority of the probes; 0: none."""
        self._priority = priority
        self.late: list[Rows] = []

    @contextlib.contextmanager
    def recording(self) -> Iterator[None]:
        """Run the probes until the end of the block."""
        processes = [
            subprocess.Popen(
                [sys.executable, str(HERE / 'wakeup_probe.py'), str(cpu), str(self._priority)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                start_new_session=True,
            )
            for cpu in sorted(os.sched_getaffinity(0))
        ]
        try:
            yield
        finally:
            outputs = [process.communicate()[0] for process in processes]
        self.late = [np.frombuffer(output, np.int64).reshape(-1, 2) for output in outputs]


class SoakLog:
    """Logs every tick of the policy, and memory once a second; serves as the demo's panel.

    Attributes:
        samples: State of the node once a second, while its policy runs.
    """

    def __init__(self, pid: int) -> None:
        """Log the node with this process id."""
        self._pid = pid
        self._ticks: list[tuple[int, int, int]] = []
        self._begin = 0.0
        self._next_report = _REPORT_EVERY
        self.samples: list[Sample] = []

    @property
    def ticks(self) -> Rows:
        """Number, stamp and lateness in [ns] of each tick, shape (num_ticks, 3)."""
        return np.array(self._ticks, np.int64).reshape(-1, 3)

    @contextlib.contextmanager
    def listening(self, context: rclpy.Context) -> Iterator[None]:
        """Subscribe to ``~/tick`` until the end of the block."""
        node = rclpy.create_node('soak', context=context)
        node.create_subscription(
            Int64MultiArray, '/student_node/tick', self._on_tick, QoSProfile(depth=1000)
        )
        try:
            with spinning(node):
                yield
        finally:
            node.destroy_node()

    def show(
        self, result: DemoResult, command: Sequence[float], velocity: Sequence[float]
    ) -> None:
        """Take a sample once a second; print it once a minute."""
        if result.mode != 'policy':
            return
        now = time.monotonic()
        if not self.samples:
            self._begin = now
        seconds = now - self._begin
        if self.samples and seconds < self.samples[-1].seconds + _SAMPLE_EVERY:
            return
        resident = resident_bytes(self._pid)
        self.samples.append(Sample(seconds, resident, result.ticks, result.missed))
        if seconds >= self._next_report:
            self._next_report += _REPORT_EVERY
            sys.stderr.write(
                f'{seconds / 60:4.0f} min  resident {resident / 1e6:.2f} MB  '
                f'{result.rate:.2f} Hz  latency {result.latency_p99_us:.0f} us p99  '
                f'missed {result.missed} of {result.ticks}\n'
            )

    def _on_tick(self, message: Int64MultiArray) -> None:
        data = message.data
        if self._ticks or data[_MODE] == Mode.POLICY:
            self._ticks.append((data[_TICK], data[_STAMP], data[_LATENESS]))


def resident_bytes(pid: int) -> int:
    """Return the resident memory of a process."""
    pages = int(Path(f'/proc/{pid}/statm').read_text().split()[1])
    return pages * os.sysconf('SC_PAGE_SIZE')
