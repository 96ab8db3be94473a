# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""A sensor that repeats itself: its messages go on, its numbers do not."""

from __future__ import annotations

import numpy as np

from .arrays import FloatArray
from .checks import Finding
from .sensors import NEVER


class FrozenSample:
    """Follows one input, and finds that new samples have long been equal bit for bit.

    An input that has never changed is not found: it may be a test bench, or a part that nobody
    moves.
    """

    def __init__(self, topic: str, part: slice, time_ns: int) -> None:
        """Begin without a sample.

        Args:
            topic: Name of the input.
            part: Where the sensor vector holds it.
            time_ns: Time without a change that is a finding.
        """
        self._topic = topic
        self._part = part
        self._probe = part.start
        self._time_ns = time_ns
        self._is_same = np.zeros(part.stop - part.start, np.bool_)
        self.reset()

    def reset(self) -> None:
        """Forget every sample."""
        self._changed_ns = NEVER
        self._changes = 0
        self._repeats = 0

    def begin(self, stamp_ns: int) -> None:
        """Count from now on."""
        self._changed_ns = stamp_ns
        self._repeats = 0

    def note(self, values: FloatArray, held: FloatArray, stamp_ns: int) -> None:
        """Compare a new sample with the one that is in use.

        Args:
            values: The sensor vector.
            held: The vector in use, of the same layout.
            stamp_ns: Time of the tick.
        """
        if values.item(self._probe) == held.item(self._probe) and self._is_equal(values, held):
            self._repeats += 1
        else:
            self._changed_ns = stamp_ns
            self._changes += 1
            self._repeats = 0

    def _is_equal(self, values: FloatArray, held: FloatArray) -> bool:
        """Whether all bits are the same."""
        part = self._part
        np.equal(values[part].view(np.int64), held[part].view(np.int64), self._is_same)
        return bool(self._is_same.all())

    def find(self, stamp_ns: int) -> tuple[Finding, ...]:
        """Return the finding of this tick, if there is one."""
        if not self._repeats or self._changes < 2:
            return ()
        elapsed_ns = stamp_ns - self._changed_ns
        if elapsed_ns <= self._time_ns:
            return ()
        return (
            Finding(
                'input_frozen',
                f'{self._topic}.frozen: {self._repeats} samples in {elapsed_ns / 1e9:.3f} s '
                'repeat the one before bit for bit: does the sensor still measure, or does its '
                'driver send the last value?',
            ),
        )
