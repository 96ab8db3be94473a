# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""The process that writes the recordings of a node: start, command, monitor, restart."""

from __future__ import annotations

from collections.abc import Iterator
import contextlib
import json
import os
from pathlib import Path
import subprocess
import sys
import time
from typing import Any

from distill_runtime.data.flight_recorder.ring_buffer import RingBuffer

_MODULE = 'distill_runtime.data.flight_recorder.recorder_process'
_PAUSE = 5.0  # s between two starts
_PATIENCE = 30.0  # s of silence after which the process is taken to hang
_END = 0.2  # s; a process that is killed takes longer only if the disk holds it


class RecorderProcess:
    """Keeps one recorder process running.

    Nothing here waits for it but ``close``: it may be slow, hang or die, and the node goes on.

    Attributes:
        ring: The ring buffer.
        problem: What is wrong with it now; '' if nothing is.
    """

    def __init__(self, ring: RingBuffer, folder: Path | None, quota: int) -> None:
        """Start the process; without a folder it makes no dumps, and their quota is in [byte]."""
        self.ring = ring
        self._arguments = ['--folder', str(folder), '--quota', str(quota)] if folder else []
        self._patience = _PATIENCE
        self.problem, self._waiting, self._started = '', b'', time.monotonic()
        self._process = self._start()

    def send(self, **values: object) -> None:
        """Send a command; ``poll`` finds a process that has died or hangs."""
        if self.problem:
            return
        with contextlib.suppress(OSError):
            os.write(self._input.fileno(), (json.dumps(values) + '\n').encode())

    def received(self) -> Iterator[dict[str, Any]]:
        """Yield the events since the last call."""
        with contextlib.suppress(BlockingIOError, ValueError):  # nothing now, or closed
            while read := os.read(self._output.fileno(), 65536):
                *lines, self._waiting = (self._waiting + read).split(b'\n')
                yield from map(json.loads, lines)

    def poll(self) -> str:
        """Restart the process if it has died or hangs; return what happened, '' if nothing."""
        now = time.monotonic()
        if self.problem:
            if now - self._started < _PAUSE:
                return ''
            self.problem, self._waiting, self._started = '', b'', now
            self._process = self._start()
            return 'the process is started again'
        status = self._process.poll()
        alive_at = max(self._started, self.ring.heartbeat_ns / 1e9)
        if status is not None:
            self.problem = f'the process that writes it has ended with status {status}'
        elif now - alive_at > self._patience:
            silence = now - alive_at
            self.problem = f'the process that writes it hangs for {silence:.0f} s: disk stuck?'
        if self.problem:
            self._leave()
        return self.problem

    def close(self, patience: float) -> list[dict[str, Any]]:
        """End the input of the process, which then writes what it has to, and ends.

        Wait for it up to a time in [s], then let it go on alone; return its last events.
        """
        if self.problem:
            return []
        self._input.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(patience)
        events = list(self.received())
        self._output.close()
        return events

    def _start(self) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, '-m', _MODULE, str(self.ring.descriptor), *self._arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pass_fds=(self.ring.descriptor,),
            start_new_session=True,
            bufsize=0,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        self._input, self._output = process.stdin, process.stdout
        for pipe in (self._input, self._output):
            os.set_blocking(pipe.fileno(), False)
        return process

    def _leave(self) -> None:
        """Kill the process; one that waits for the disk ends when the disk returns."""
        self._process.kill()
        self._input.close()
        self._output.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_END)
