# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""The process that keeps what a journal holds: dumps on alarm, and a recording as it grows.

Started by a node with the journal's descriptor; knows neither ROS nor the policy. It is told what
to do by lines of JSON on its input and says on its output what became of it. When the input ends
the node is gone, whatever ended it: what the journal holds then is the last evidence of it.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
import contextlib
import json
import os
from pathlib import Path
import select
import signal
import sys
import time
from typing import Any

from distill_runtime.errors import RecordingError

from .bag_writer import BagWriter
from .dump_folder import Dump, DumpFolder
from .messages import dotted, Facts, read_status
from .recording import RingBufferRecording
from .ring_buffer import Batch, RingBufferReader

AFTERMATH = 0.5
"""Time in [s] after an alarm that its dump still covers."""
_POLL = 0.05  # s
_NICE = 19

Tell = Callable[..., None]
"""Says what became of something; called with values of JSON by name."""


class BlackBox:
    """Turns what a journal holds into bags."""

    def __init__(self, journal: RingBufferReader, folder: DumpFolder | None, tell: Tell) -> None:
        """Prepare the folder, and say whether anything is wrong with it.

        Args:
            journal: What to keep.
            folder: Where dumps go; None: there are none.
            tell: Says what became of something.

        Raises:
            RecordingError: If the facts of the journal are of another kind.
        """
        self._journal = journal
        self._facts = Facts.from_json(journal.facts)
        self._folder = folder
        self._tell = tell
        self._alarm_time: float | None = None
        self._recording: RingBufferRecording | None = None
        self._goodbye = ''
        try:
            num_leftovers = folder.prepare() if folder else 0
        except RecordingError as error:
            tell(event='ready', problem=str(error), leftovers=0)
        else:
            tell(event='ready', problem='', leftovers=num_leftovers)

    def poll(self, now: float) -> None:
        """Do what is due.

        Args:
            now: Monotonic time in [s].
        """
        self._journal.beat()
        if self._recording is not None:
            self._recording.follow(now)
        if not self._is_alarmed:
            self._alarm_time = None
        elif self._alarm_time is None:
            self._alarm_time = now
        elif now - self._alarm_time >= AFTERMATH:
            self._dump('')

    def obey(self, line: str) -> None:
        """Carry out one line of the input."""
        try:
            told = json.loads(line)
            what = told['do']
        except (ValueError, TypeError, KeyError):
            self._tell(event='failed', reason=f'{line!r} is no command')
            return
        if what == 'dump':
            self._dump(told['cause'], told['number'])
        elif what == 'record':
            self._recording = RingBufferRecording(
                self._journal, self._facts, Path(told['folder']), told['first'], self._tell
            )
        elif what == 'finish':
            self._finish_recording(told['end'])
        elif what == 'goodbye':
            self._goodbye = told['cause']

    def end(self) -> None:
        """Keep what the node left: its input has ended."""
        self._finish_recording()
        if self._is_alarmed:
            self._dump('')
        elif self._journal.count and (self._goodbye or self._journal.is_active):
            self._dump(self._goodbye or 'node_died')

    @property
    def _is_alarmed(self) -> bool:
        return self._journal.alarms != self._journal.answered

    def _finish_recording(self, end: int | None = None) -> None:
        if self._recording is not None:
            self._recording.finish(end)
            self._recording = None

    def _dump(self, cause: str, number: int = -1) -> None:
        """Write a dump.

        Args:
            cause: Why; '': an alarm, the newest fault says it.
            number: Of the request.
        """
        folder, journal = self._folder, self._journal
        if folder is None:
            return
        alarms, batch = journal.alarms, journal.read()
        is_answer = not cause
        cause = cause or self._newest_fault(batch)
        times = [record.time_ns for record in batch.records]
        seconds = (times[-1] - times[0]) / 1e9 if times else 0.0
        said = {'cause': cause, 'seconds': seconds, 'too_large': journal.num_refused}
        told = {'cause': cause, 'number': number}

        if not batch.records:
            self._tell(event='failed', reason='nothing is held yet', **told)
            return

        def fill(path: Path) -> int:
            bag = BagWriter(path, self._facts)
            try:
                bag.write(batch.records, journal.beat)
                return bag.finish(said)
            except BaseException:
                bag.abort()
                raise

        size = sum(len(record.data) for record in batch.records)
        label = f'{dotted(self._facts.node)}_{cause}'
        try:
            dump, removed = folder.write(label, size, fill)
        except RecordingError as error:
            self._tell(event='failed', reason=str(error), **told)
        else:
            self._tell_dump(dump, removed, {**said, **told})
        if is_answer:  # not before: whoever goes on where this process was killed begins anew
            journal.answer(alarms)

    def _tell_dump(self, dump: Dump, removed: list[Path], said: dict[str, Any]) -> None:
        self._tell(
            event='dumped',
            path=str(dump.path),
            size=dump.size,
            removed=[path.name for path in removed],
            **said,
        )

    def _newest_fault(self, batch: Batch) -> str:
        """Return the code of the newest fault."""
        for record in reversed(batch.records):
            if record.channel == self._facts.status:
                mode, reason = read_status(record.data)
                if mode == 'fault':
                    return reason.partition(':')[0] or mode
        return 'fault'


def main(arguments: list[str] | None = None) -> int:
    """Serve one node until its input ends.

    Returns:
        0, or 2 if there is no journal.
    """
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument('descriptor', type=int, help='open file of the journal')
    parser.add_argument('--folder', help='where dumps go; none without it')
    parser.add_argument('--quota', type=int, default=0, help='size of all dumps in byte')
    args = parser.parse_args(arguments)
    _step_back()
    try:
        folder = DumpFolder(Path(args.folder), args.quota) if args.folder else None
        box = BlackBox(RingBufferReader(args.descriptor), folder, _say)
    except RecordingError as error:
        sys.stderr.write(f'black box: {error}\n')
        return 2
    _serve(box)
    return 0


def _serve(box: BlackBox) -> None:
    """Obey and poll until the input ends."""
    waiting = b''
    while True:
        if select.select([0], [], [], _POLL)[0]:
            read = os.read(0, 65536)
            if not read:
                break
            *lines, waiting = (waiting + read).split(b'\n')
            for line in lines:
                box.obey(line.decode(errors='replace'))
        box.poll(time.monotonic())
    box.end()


def _step_back() -> None:
    """Leave processors and signals to the node: its end is the end of the input."""
    with contextlib.suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    os.nice(_NICE)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)


def _say(**values: object) -> None:
    """Write one line; a node that is gone does not hear it."""
    with contextlib.suppress(OSError):
        os.write(1, (json.dumps(values) + '\n').encode())


if __name__ == '__main__':
    sys.exit(main())
