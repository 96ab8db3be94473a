# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""When did the policy tick? A recording without ~/tick leaves open which JointState it was.

The rule of ticks.py takes the first one. A node that ticks by its timer, or a recorder that was
started later, may have the ticks at others; the doctor takes the choice that explains most.
"""

from __future__ import annotations

from typing import NamedTuple

from distill_runtime.core.step import Policy
from distill_runtime.spec.spec import PolicySpec
import numpy as np

from .bag_case import BagCase, Run
from .explained import explain, Explained

MAX_PHASES = 5
ENOUGH = 0.97
"""Explained share from which no other choice is tried."""


class ExplainedRun(NamedTuple):
    """A run, and what it explains; None: nothing can be said."""

    run: Run
    explained: Explained | None


def best_run(case: BagCase, spec: PolicySpec, policy: Policy) -> ExplainedRun:
    """Run a policy over a recording with the ticks that explain most.

    Args:
        case: The recording.
        spec: The contract to try.
        policy: A network whose tensors have the widths of this spec.

    Raises:
        RecordingError: If no JointState has a stamp.
    """
    best: ExplainedRun | None = None
    for first_row in _first_rows(case, spec.period):
        run = Run(spec, policy, case.recording, first_row)
        result = ExplainedRun(run, explain(case, run))
        if best is None or _total(result) > _total(best):
            best = result
        if best.explained is None or best.explained.total >= ENOUGH:
            break
    assert best is not None, 'row 0 is always tried'
    return best


def _first_rows(case: BagCase, period: float) -> range:
    """Return the rows that may be the first tick's, at most MAX_PHASES of one period."""
    if len(case.stamp_ns) < 2:
        return range(1)
    typical = max(float(np.median(np.diff(case.stamp_ns))) / 1e9, 1e-6)
    rows = max(1, min(round(period / typical), len(case.stamp_ns) - 1))
    return range(0, rows, -(-rows // MAX_PHASES))


def _total(result: ExplainedRun) -> float:
    return -np.inf if result.explained is None else result.explained.total
