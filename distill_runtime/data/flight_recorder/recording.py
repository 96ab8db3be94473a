# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Write a ring buffer to one bag continuously, from a record on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from rosbags.rosbag2 import WriterError

from .bag_writer import BagWriter
from .folders import free_path
from .messages import dotted, Facts
from .ring_buffer import RingBufferReader

_FLUSH = 1.0  # s; what a bag that is cut off lacks at most


class RingBufferRecording:
    """Writes new records; counts and reports those that were overwritten before."""

    def __init__(
        self,
        ring_buffer: RingBufferReader,
        facts: Facts,
        folder: Path,
        first: int,
        report: Callable[..., None],
    ) -> None:
        """Open a bag; a problem is reported and ends the recording.

        Args:
            ring_buffer: Source of the records.
            facts: Of the ring buffer.
            folder: Where to make the bag, named by time and node.
            first: Number of the first record.
            report: Reports events, as values of JSON by name.
        """
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
        """Write the new records.

        Args:
            now: Monotonic time in [s].
            end: Number of the first record not to write; None: write all.
        """
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
        """Write the rest and complete the bag.

        Args:
            end: Number of the first record not to write; None: write all.
        """
        self.follow(self._flushed, end)
        bag = self._bag
        if bag is None:
            return
        counts = {'lost': self._lost, 'too_large': self._ring_buffer.num_refused}
        try:
            size = bag.finish(counts)
        except OSError as error:
            self._fail(error)
            return
        self._bag = None
        self._report(
            event='recorded', path=str(self._path), size=size, messages=bag.num_messages, **counts
        )

    def _fail(self, error: Exception) -> None:
        """End the recording, and report why; what is on disk stays."""
        if self._bag is not None:
            self._bag.abort()
            self._bag = None
        reason = ' '.join(str(error).split()) or type(error).__name__
        self._report(
            event='recording_failed',
            reason=f'record_to: {self._path} cannot be written: {reason}',
        )
