# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Which JointStates gave the ticks, stretch by stretch.

A recording without ~/tick leaves open which JointState of a period it was. As long as messages
come evenly it is always the same one; after a gap it is any of them. So each stretch between gaps
has a phase, the one in which the targets fit what was recorded of it best. All stretches share one
drive law, so that short ones fit nothing by chance.
"""

from __future__ import annotations

from collections.abc import Sequence

from distill_runtime.core.arrays import FloatArray, IndexArray
from distill_runtime.data.bags.chunk import BoolArray, StampArray
from distill_runtime.data.recording.unwrap_time import SET_BACK_NS
from distill_runtime.data.ticks.by_stamp import Stretch
import numpy as np

from .law import Compared, Law

MAX_PHASES = 5
_MAX_ROUNDS = 10


class Stretches:
    """The parts of a recording in which JointStates come evenly, and the phases to try.

    Attributes:
        begins: First row of each, shape (num_stretches,).
        offsets: Rows from the begin of a stretch to its first tick that are tried, at most
            MAX_PHASES of one period.
    """

    def __init__(self, stamp_ns: StampArray, period: float) -> None:
        """Find the gaps.

        Args:
            stamp_ns: Of the JointStates.
            period: Of the policy, in [s].
        """
        self._num_rows = len(stamp_ns)
        self.begins: IndexArray = np.zeros(1, np.intp)
        self.offsets = range(1)
        if len(stamp_ns) < 2:
            return
        intervals = np.diff(stamp_ns)
        typical = max(float(np.median(intervals)), 1e3)
        rows = max(1, min(round(period * 1e9 / typical), len(stamp_ns) - 1))
        self.offsets = range(0, rows, -(-rows // MAX_PHASES))
        # what is late by less than half of the distance of two phases keeps the phase
        latest = (1.0 + 0.5 * self.offsets.step) * typical
        is_gap = (intervals > latest) | (intervals < -SET_BACK_NS)
        self.begins = np.append(0, np.flatnonzero(is_gap) + 1)

    def from_offsets(self, offsets: IndexArray | int) -> tuple[Stretch, ...]:
        """Return the stretches, each from its first tick on.

        Args:
            offsets: Rows from the begin of each, or of all.
        """
        ends = np.append(self.begins[1:], self._num_rows)
        firsts = np.minimum(self.begins + offsets, ends)
        return tuple(map(Stretch, firsts.tolist(), ends.tolist()))

    def best_offsets(self, law: Law, runs: Sequence[Compared]) -> IndexArray:
        """Return the offset of each stretch with which the targets fit best.

        Args:
            law: Turns targets into what was recorded.
            runs: The ticks of the policy with all stretches at the same offset, one for each.
        """
        num = len(self.begins)
        labels = [np.searchsorted(self.begins, run.rows, side='right') - 1 for run in runs]
        counts = np.array([np.bincount(label, minlength=num) for label in labels])
        longest = int(counts.min(axis=0).argmax())
        weights = _best_weights(law, runs, [label == longest for label in labels])
        chosen = np.full(num, -1)
        for _ in range(_MAX_ROUNDS):
            errors = [law.errors(run, weights) for run in runs]
            sums = np.array(
                [
                    np.bincount(label, error, num)
                    for label, error in zip(labels, errors, strict=True)
                ]
            )
            means = np.where(counts > 0, sums / np.maximum(counts, 1), np.inf)
            before, chosen = chosen, means.argmin(axis=0)
            if np.array_equal(before, chosen):
                break
            weights = law.fit(
                [(run, chosen[labels[place]] == place) for place, run in enumerate(runs)]
            )
        return np.array(self.offsets)[chosen]


def _best_weights(law: Law, runs: Sequence[Compared], which: Sequence[BoolArray]) -> FloatArray:
    """Return the weights of the one run that fits some of its ticks best."""
    best, least = np.zeros(0), np.inf
    for run, chosen in zip(runs, which, strict=True):
        weights = law.fit([(run, chosen)])
        error = float(law.errors(run, weights)[chosen].mean()) if chosen.any() else np.inf
        if not best.size or error < least:
            best, least = weights, error
    return best
