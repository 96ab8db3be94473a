# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""A journal followed into one bag, from a record on, as long as it grows."""

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
    """Writes what comes; what was overwritten before it could be read is counted and told."""

    def __init__(
        self,
        journal: RingBufferReader,
        facts: Facts,
        folder: Path,
        first: int,
        tell: Callable[..., None],
    ) -> None:
        """Open a bag; a problem is told and ends the recording.

        Args:
            journal: What to follow.
            facts: Of the journal.
            folder: Gets the bag, named by time and node.
            first: Number of the first record.
            tell: Says what became of it, by values of JSON.
        """
        self._journal = journal
        self._path = free_path(folder, dotted(facts.node))
        self._following = first
        self._tell = tell
        self._lost = 0
        self._flushed = 0.0
        self._bag: BagWriter | None = None
        try:
            self._bag = BagWriter(self._path, facts)
        except (OSError, WriterError) as error:
            self._fail(error)
        else:
            tell(event='recording', path=str(self._path))

    def follow(self, now: float, end: int | None = None) -> None:
        """Write what has come since.

        Args:
            now: Monotonic time in [s].
            end: Number of the first record that is none of it; None: all are.
        """
        bag = self._bag
        if bag is None:
            return
        batch = self._journal.read(self._following, end)
        self._following = batch.following
        if batch.lost:
            self._lost += batch.lost
            self._tell(event='lost', lost=self._lost, path=str(self._path))
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
            end: Number of the first record that is none of it; None: all are.
        """
        self.follow(self._flushed, end)
        bag = self._bag
        if bag is None:
            return
        said = {'lost': self._lost, 'too_large': self._journal.num_refused}
        try:
            size = bag.finish(said)
        except OSError as error:
            self._fail(error)
            return
        self._bag = None
        self._tell(
            event='recorded', path=str(self._path), size=size, messages=bag.num_messages, **said
        )

    def _fail(self, error: Exception) -> None:
        """Give up, and say why; what the disk already has stays."""
        if self._bag is not None:
            self._bag.abort()
            self._bag = None
        reason = ' '.join(str(error).split()) or type(error).__name__
        self._tell(
            event='recording_failed',
            reason=f'record_to: {self._path} cannot be written: {reason}',
        )
