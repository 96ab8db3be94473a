# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""The process beside a node that writes its evidence: started, told, heard, and watched over."""

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

from distill_runtime.data.flight_recorder.ring_buffer import RingBufferReader

_MODULE = 'distill_runtime.data.flight_recorder.recorder_process'
_PAUSE = 5.0  # s between two starts
_END = 0.2  # s; a process that is killed takes longer only if the disk holds it


class RecorderProcess:
    """Keeps one such process running.

    Nothing here waits for it but ``close``: it may be slow, hang or die, and the node goes on.

    Attributes:
        trouble: What is wrong with it now; '' if nothing is.
    """

    def __init__(
        self,
        descriptor: int,
        journal: RingBufferReader,
        folder: Path | None,
        quota: int,
        patience: float = 30.0,
    ) -> None:
        """Start the process.

        Args:
            descriptor: Open file of the journal.
            journal: Reads the same journal.
            folder: Where dumps go; None: there are none.
            quota: Size of all dumps in [byte].
            patience: Silence in [s] after which the process is taken to hang, and is ended.
        """
        self._descriptor = descriptor
        self._journal = journal
        self._arguments = ['--folder', str(folder), '--quota', str(quota)] if folder else []
        self._patience = patience
        self.problem = ''
        self._waiting = b''
        self._started = time.monotonic()
        self._process = self._start()

    def send(self, **values: object) -> None:
        """Tell the process something; one that has died or hangs is found by poll."""
        assert self._process.stdin is not None
        if self.problem:
            return
        with contextlib.suppress(OSError):
            os.write(self._process.stdin.fileno(), (json.dumps(values) + '\n').encode())

    def received(self) -> Iterator[dict[str, Any]]:
        """Yield what the process has said since."""
        assert self._process.stdout is not None
        with contextlib.suppress(BlockingIOError, ValueError):  # nothing now, or closed
            while read := os.read(self._process.stdout.fileno(), 65536):
                *lines, self._waiting = (self._waiting + read).split(b'\n')
                yield from map(json.loads, lines)

    def poll(self) -> str:
        """Start the process anew if it has died or hangs; return what happened, '' if nothing."""
        now = time.monotonic()
        if self.problem:
            if now - self._started < _PAUSE:
                return ''
            self.problem, self._waiting, self._started = '', b'', now
            self._process = self._start()
            return 'the process is started again'
        status = self._process.poll()
        heard = max(self._started, self._journal.beat_ns / 1e9)
        if status is not None:
            self.problem = f'the process that writes it has ended with status {status}'
        elif now - heard > self._patience:
            self.problem = f'the process that writes it hangs for {now - heard:.0f} s: disk stuck?'
        if self.problem:
            self._leave()
        return self.problem

    def close(self, patience: float) -> list[dict[str, Any]]:
        """End the input of the process, which then writes what it has to, and ends.

        Args:
            patience: How long to wait for it, in [s]; then it goes on alone.

        Returns:
            What it said last.
        """
        assert self._process.stdin is not None
        if self.problem:
            return []
        self._process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(patience)
        said = list(self.received())
        assert self._process.stdout is not None
        self._process.stdout.close()
        return said

    def _start(self) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, '-m', _MODULE, str(self._descriptor), *self._arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pass_fds=(self._descriptor,),
            start_new_session=True,
            bufsize=0,
        )
        for pipe in (process.stdin, process.stdout):
            assert pipe is not None
            os.set_blocking(pipe.fileno(), False)
        return process

    def _leave(self) -> None:
        """End the process; one that the disk holds goes when the disk lets it."""
        self._process.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_END)
