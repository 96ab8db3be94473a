# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from distill_runtime.data.diagnosis.bag_case import make_case
from distill_runtime.data.diagnosis.command_findings import CHECKS
from distill_runtime.data.diagnosis.target_findings import Trial
from distill_runtime.data.diagnosis.tick_phase import best_run
from distill_runtime.spec.compile import compile_spec
import pytest
from support.driven import drive, driven_spec, ReadingPolicy, with_commands


def found(given, spec, policy):
    case = make_case(spec, given)
    run, explained = best_run(case, spec, policy)
    trial = Trial(case, policy, run, explained, None)
    return {finding.code: finding for check in CHECKS for finding in check(trial)}


@pytest.mark.parametrize('scale', [0.25 / 1.2, 0.25 * 1.2])
def test_scale_within_a_quarter_is_left_alone(scale):
    spec = driven_spec(action={'scale': scale})
    given = drive()[0]
    assert 'bag.action_scale' not in found(given, spec, ReadingPolicy(compile_spec(spec)))


def test_gains_are_not_judged_by_commands():
    spec = driven_spec(stiffness=[80.0] * 3)
    given = with_commands(*drive())
    assert found(given, spec, ReadingPolicy(compile_spec(spec))) == {}
