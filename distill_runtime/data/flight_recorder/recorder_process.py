# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Write the records of a ring buffer to disk in a separate process: dumps and recordings.

A node starts it with the descriptor of the ring buffer. It has neither ROS nor the policy.
Commands are lines of JSON on its input, and it reports on its output. When the input ends, the
node is gone, for whatever reason: then the records of its last seconds are dumped.
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

from distill_runtime.data.bags.chunk import one_line
from distill_runtime.errors import RecordingError
from rosbags.rosbag2 import WriterError

from .bag_writer import BagWriter
from .folders import DumpFolder, free_path
from .records import dotted, Facts, read_status
from .ring_buffer import Batch, RingBuffer

AFTERMATH = 0.5
"""Time in [s] after an alarm that its dump covers."""
_POLL = 0.05  # s
_FLUSH = 1.0  # s; what a recording that is cut off lacks at most
_NICE = 19

Report = Callable[..., None]
"""Reports an event; called with values of JSON by name."""


class BagRecorder:
    """Writes the records of a ring buffer to bags."""

    def __init__(self, ring_buffer: RingBuffer, folder: DumpFolder | None, report: Report) -> None:
        """Prepare the folder of the dumps, if there are any, and report whether it can be used.

        Raises:
            RecordingError: If the ring buffer has facts of another kind.
        """
        self._ring_buffer = ring_buffer
        self._facts = Facts.from_bytes(ring_buffer.facts)
        self._folder = folder
        self._report = report
        self._alarm_time: float | None = None
        self._recording: RingBufferRecording | None = None
        self._end_cause = problem = ''
        try:
            if folder is not None:
                folder.prepare()
        except RecordingError as error:
            problem = str(error)
        report(event='ready', problem=problem)

    def poll(self, now: float) -> None:
        """Write what is due at a monotonic time in [s]."""
        self._ring_buffer.write_heartbeat()
        if self._recording is not None:
            self._recording.follow(now)
        if not self._ring_buffer.is_alarmed:
            self._alarm_time = None
        elif self._alarm_time is None:
            self._alarm_time = now
        elif now - self._alarm_time >= AFTERMATH:
            self._dump('')

    def execute(self, command: dict[str, Any]) -> None:
        """Carry out one line of the input."""
        match command['do']:
            case 'dump':
                self._dump('request')
            case 'record':
                folder, first = Path(command['folder']), command['first']
                self._recording = RingBufferRecording(
                    self._ring_buffer, self._facts, folder, first, self._report
                )
            case 'finish':
                self._finish_recording(command['end'])
            case 'goodbye':
                self._end_cause = command['cause']

    def end(self) -> None:
        """Write what the node left: the input has ended."""
        self._finish_recording()
        if self._ring_buffer.is_alarmed:
            self._dump('')
        elif self._ring_buffer.count and (self._end_cause or self._ring_buffer.is_active):
            self._dump(self._end_cause or 'node_died')

    def _finish_recording(self, end: int | None = None) -> None:
        if self._recording is not None:
            self._recording.finish(end)
            self._recording = None

    def _dump(self, cause: str) -> None:
        """Write a dump; without a cause it is an alarm, whose cause is the newest fault."""
        folder, ring_buffer = self._folder, self._ring_buffer
        if folder is None:
            return
        alarms, batch = ring_buffer.alarms, ring_buffer.read()
        is_alarm = not cause
        cause = cause or self._newest_fault(batch)
        if not batch.records:
            self._report(event='failed', reason='nothing is held yet', cause=cause)
            return
        seconds = (batch.records[-1].time_ns - batch.records[0].time_ns) / 1e9

        def fill(path: Path) -> None:
            bag = BagWriter(path, self._facts)
            try:
                bag.write(batch.records, ring_buffer.write_heartbeat)
                too_large = ring_buffer.num_refused
                bag.finish({'cause': cause, 'seconds': seconds, 'too_large': too_large})
            except BaseException:
                bag.abort()
                raise

        size = sum(len(record.data) for record in batch.records)
        label = f'{dotted(self._facts.node)}_{cause}'
        try:
            path, removed = folder.write(label, size, fill)
        except RecordingError as error:
            self._report(event='failed', reason=str(error), cause=cause)
        else:
            names = [path.name for path in removed]
            self._report(
                event='dumped', path=str(path), removed=names, seconds=seconds, cause=cause
            )
        if is_alarm:  # not before: a process that replaces a killed one must dump it
            ring_buffer.handle_alarms(alarms)

    def _newest_fault(self, batch: Batch) -> str:
        """Return the code of the newest fault."""
        for record in reversed(batch.records):
            if record.channel == self._facts.status:
                mode, reason = read_status(record.data)
                if mode == 'fault':
                    return reason.partition(':')[0] or mode
        return 'fault'


class RingBufferRecording:
    """Writes a ring buffer to one bag; counts and reports records that were overwritten before."""

    def __init__(
        self, ring_buffer: RingBuffer, facts: Facts, folder: Path, first: int, report: Report
    ) -> None:
        """Open a bag in a folder, named by time and node; a problem ends the recording."""
        self._ring_buffer = ring_buffer
        self._path = free_path(folder, dotted(facts.node))
        self._next = first
        self._report = report
        self._lost = 0
        self._flushed = 0.0
        self._bag: BagWriter | None = None
        try:
            self._bag = BagWriter(self._path, facts)
        except (OSError, WriterError) as error:
            self._fail(error)
        else:
            report(event='recording', path=str(self._path))

    def follow(self, now: float, end: int | None = None) -> None:
        """Write the new records up to one, at a monotonic time in [s]."""
        bag = self._bag
        if bag is None:
            return
        batch = self._ring_buffer.read(self._next, end)
        self._next = batch.following
        if batch.lost:
            self._lost += batch.lost
            self._report(event='lost', lost=self._lost, path=str(self._path))
        try:
            bag.write(batch.records)
            if now - self._flushed >= _FLUSH:
                self._flushed = now
                bag.flush()
        except OSError as error:
            self._fail(error)

    def finish(self, end: int | None = None) -> None:
        """Write the rest, up to a record, and complete the bag."""
        self.follow(self._flushed, end)
        bag = self._bag
        if bag is None:
            return
        counts = {'lost': self._lost, 'too_large': self._ring_buffer.num_refused}
        try:
            bag.finish(counts)
        except OSError as error:
            self._fail(error)
            return
        self._bag = None
        counts['messages'] = bag.num_messages
        self._report(event='recorded', path=str(self._path), **counts)

    def _fail(self, error: Exception) -> None:
        """End the recording, and report why; what is on disk stays."""
        if self._bag is not None:
            self._bag.abort()
            self._bag = None
        reason = f'record_to: {self._path} cannot be written: {one_line(error)}'
        self._report(event='recording_failed', reason=reason)


def main(arguments: list[str] | None = None) -> int:
    """Serve one node until its input ends.

    Returns:
        0, or 2 if the descriptor is no ring buffer.
    """
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument('descriptor', type=int, help='open file of the ring buffer')
    parser.add_argument('--folder', help='where dumps go; without it there are none')
    parser.add_argument('--quota', type=int, default=0, help='size of all dumps in byte')
    args = parser.parse_args(arguments)
    _lower_priority()
    try:
        folder = DumpFolder(Path(args.folder), args.quota) if args.folder else None
        recorder = BagRecorder(RingBuffer(args.descriptor), folder, _report)
    except RecordingError as error:
        sys.stderr.write(f'flight recorder: {error}\n')
        return 2
    _serve(recorder)
    return 0


def _serve(recorder: BagRecorder) -> None:
    """Carry out commands and poll until the input ends."""
    waiting = b''
    while True:
        if select.select([0], [], [], _POLL)[0]:
            read = os.read(0, 65536)
            if not read:
                break
            *lines, waiting = (waiting + read).split(b'\n')
            for line in lines:
                recorder.execute(json.loads(line))
        recorder.poll(time.monotonic())
    recorder.end()


def _lower_priority() -> None:
    """Leave processors and signals to the node; the end of the input ends this process."""
    with contextlib.suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    os.nice(_NICE)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)


def _report(**values: object) -> None:
    """Write one line; ignore that the node is gone."""
    with contextlib.suppress(OSError):
        os.write(1, (json.dumps(values) + '\n').encode())


if __name__ == '__main__':
    sys.exit(main())
