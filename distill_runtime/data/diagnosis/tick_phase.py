# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Find the JointStates at which the policy ticked, in a recording without ~/tick.

Ticks by stamp start at the first JointState. A node that ticks by timer, a recorder that started
later, or missing messages put the ticks at other JointStates of the period. While messages come
evenly that phase is constant; after a gap it may be any. So each stretch between gaps gets the
phase whose targets fit the recording best. All stretches share one drive model, so that short ones
fit nothing by chance.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from distill_runtime.core.arrays import BoolArray, FloatArray, IndexArray, StampArray
from distill_runtime.core.step import Policy
from distill_runtime.data.recording.unwrap_time import SET_BACK_NS
from distill_runtime.data.ticks.by_stamp import Stretch
from distill_runtime.spec.spec import PolicySpec
import numpy as np

from .bag_case import BagCase, Run
from .drive_fit import (
    drive_model,
    DriveFit,
    DriveModel,
    fit_drive,
    settled_ticks,
    target_samples,
    TargetSamples,
)

ENOUGH = 0.97
"""R squared from which no other phase is tried."""
ENOUGH_WITH_GAPS = 0.999
"""The same for a recording with gaps, where some of the ticks may have another phase."""
MAX_PHASES = 5
_MAX_ROUNDS = 10


class FittedRun(NamedTuple):
    """A run and its drive fit; None: too little is recorded."""

    run: Run
    drive_fit: DriveFit | None


def best_run(case: BagCase, spec: PolicySpec, policy: Policy) -> FittedRun:
    """Run a policy over a recording at the ticks that fit best.

    Args:
        case: The recording.
        spec: The contract to try.
        policy: A network whose tensors have the widths of this spec.

    Raises:
        RecordingError: If no JointState has a stamp.
    """
    phases = _Phases(case.stamp_ns, spec.period)
    has_gaps = len(phases.begins) > 1
    enough = ENOUGH_WITH_GAPS if has_gaps else ENOUGH
    best = _fitted(case, spec, policy, phases.stretches(0))
    if best.drive_fit is None:
        return best
    reference = best.drive_fit.reference
    model, samples = drive_model(case, best.run, reference), []
    for offset in phases.offsets:
        result = _fitted(case, spec, policy, phases.stretches(offset)) if offset else best
        best = max(best, result, key=_score)
        if _score(best) >= enough:
            return best
        if has_gaps:
            settled = settled_ticks(result.run)
            samples.append(target_samples(case, result.run, reference, settled))
    if len(samples) > 1:
        chosen = phases.stretches(phases.best_offsets(model, samples))
        best = max(best, _fitted(case, spec, policy, chosen), key=_score)
    return best


def _fitted(
    case: BagCase, spec: PolicySpec, policy: Policy, stretches: Sequence[Stretch]
) -> FittedRun:
    run = Run(spec, policy, case.recording, stretches)
    return FittedRun(run, fit_drive(case, run))


def _score(result: FittedRun) -> float:
    return -np.inf if result.drive_fit is None else result.drive_fit.median_r_squared


class _Phases:
    """Stretches in which JointStates come evenly, and the phases to try in each.

    Attributes:
        begins: First row of each stretch, shape (num_stretches,).
        offsets: Rows from the begin of a stretch to its first tick to try, at most MAX_PHASES of
            one period.
    """

    def __init__(self, stamp_ns: StampArray, period: float) -> None:
        """Find the gaps."""
        self._num_rows = len(stamp_ns)
        self.begins: IndexArray = np.zeros(1, np.intp)
        self.offsets = range(1)
        if len(stamp_ns) < 2:
            return
        intervals = np.diff(stamp_ns)
        typical = max(float(np.median(intervals)), 1e3)
        rows = max(1, min(round(period * 1e9 / typical), len(stamp_ns) - 1))
        self.offsets = range(0, rows, -(-rows // MAX_PHASES))
        # a sample that is late by less than half the distance of two phases keeps the phase
        latest = (1.0 + 0.5 * self.offsets.step) * typical
        is_gap = (intervals > latest) | (intervals < -SET_BACK_NS)
        self.begins = np.append(0, np.flatnonzero(is_gap) + 1)

    def stretches(self, offsets: IndexArray | int) -> tuple[Stretch, ...]:
        """Return the stretches, each from its first tick on."""
        ends = np.append(self.begins[1:], self._num_rows)
        firsts = np.minimum(self.begins + offsets, ends)
        return tuple(map(Stretch, firsts.tolist(), ends.tolist()))

    def best_offsets(self, model: DriveModel, samples: Sequence[TargetSamples]) -> IndexArray:
        """Return the offset of each stretch whose targets fit best."""
        num = len(self.begins)
        labels = [np.searchsorted(self.begins, part.rows, side='right') - 1 for part in samples]
        counts = np.array([np.bincount(label, minlength=num) for label in labels])
        longest = int(counts.min(axis=0).argmax())
        weights = _best_weights(model, samples, [label == longest for label in labels])
        chosen = np.full(num, -1)
        for _ in range(_MAX_ROUNDS):
            errors = [model.errors(part, weights) for part in samples]
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
            weights = model.fit(
                [(part, chosen[labels[phase]] == phase) for phase, part in enumerate(samples)]
            )
        return np.array(self.offsets)[chosen]


def _best_weights(
    model: DriveModel, samples: Sequence[TargetSamples], masks: Sequence[BoolArray]
) -> FloatArray:
    """Return the weights of the phase that fits its masked ticks best."""
    best, least = np.zeros(0), np.inf
    for part, mask in zip(samples, masks, strict=True):
        weights = model.fit([(part, mask)])
        error = float(model.errors(part, weights)[mask].mean()) if mask.any() else np.inf
        if not best.size or error < least:
            best, least = weights, error
    return best
