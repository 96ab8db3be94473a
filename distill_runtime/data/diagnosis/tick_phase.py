# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""When did the policy tick? A recording without ~/tick leaves open which JointState it was.

The rule of ticks.py takes the first one. A node that ticks by its timer, a recorder that was
started later, or messages that are missing may put the ticks at others; the doctor takes the
choice that explains most, for each stretch between gaps.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from distill_runtime.core.step import Policy
from distill_runtime.data.ticks.by_stamp import Stretch
from distill_runtime.spec.spec import PolicySpec
import numpy as np

from .bag_case import BagCase, Run
from .drive_fit import compare, DriveFit, explain, law_of, settled_ticks
from .stretches import Stretches

ENOUGH = 0.97
"""DriveFit share from which no other choice is tried."""
ENOUGH_OF_ALL = 0.999
"""The same where a part of the ticks may be at other JointStates than the rest."""


class FittedRun(NamedTuple):
    """A run, and what it explains; None: nothing can be said."""

    run: Run
    explained: DriveFit | None


def best_run(case: BagCase, spec: PolicySpec, policy: Policy) -> FittedRun:
    """Run a policy over a recording with the ticks that explain most.

    Args:
        case: The recording.
        spec: The contract to try.
        policy: A network whose tensors have the widths of this spec.

    Raises:
        RecordingError: If no JointState has a stamp.
    """
    stretches = Stretches(case.stamp_ns, spec.period)
    has_gaps = len(stretches.begins) > 1
    enough = ENOUGH_OF_ALL if has_gaps else ENOUGH
    best = _run(case, spec, policy, stretches.from_offsets(0))
    if best.explained is None:
        return best
    reference = best.explained.reference
    law, compared = law_of(case, best.run, reference), []
    for offset in stretches.offsets:
        result = _run(case, spec, policy, stretches.from_offsets(offset)) if offset else best
        best = max(best, result, key=_total)
        if _total(best) >= enough:
            return best
        if has_gaps:
            compared.append(compare(case, result.run, reference, settled_ticks(result.run)))
    if len(compared) > 1:
        chosen = stretches.best_offsets(law, compared)
        best = max(best, _run(case, spec, policy, stretches.from_offsets(chosen)), key=_total)
    return best


def _run(
    case: BagCase, spec: PolicySpec, policy: Policy, stretches: Sequence[Stretch]
) -> FittedRun:
    run = Run(spec, policy, case.recording, stretches)
    return FittedRun(run, explain(case, run))


def _total(result: FittedRun) -> float:
    return -np.inf if result.explained is None else result.explained.total
