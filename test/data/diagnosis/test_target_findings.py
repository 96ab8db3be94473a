# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from types import SimpleNamespace

from distill_runtime.data.diagnosis.bag_case import make_case
from distill_runtime.data.diagnosis.target_findings import (
    action_mapping,
    invalid_ticks,
    PolicyCase,
)
from distill_runtime.data.diagnosis.tick_phase import best_run
from distill_runtime.data.replay.step_loop import InvalidTicks
from distill_runtime.spec.compile import compile_spec
import numpy as np
import pytest
from support.driven import drive, driven_spec, ReadingPolicy, with_commands


def case_of(is_valid, **reasons):
    playback = SimpleNamespace(is_valid=np.array(is_valid), reasons=reasons)
    return PolicyCase(None, None, SimpleNamespace(playback=playback), None, None)


@pytest.mark.parametrize(('size', 'severity'), [(40, 'warning'), (80, 'info')])
def test_ticks_that_lack_an_input_are_counted_by_reason(size, severity):
    stale = InvalidTicks(count=1, first_tick=0, text='imu.stale: last sample 0.2 s ago')
    missing = InvalidTicks(count=2, first_tick=1, text='cmd_vel.missing: no sample yet')
    given = case_of([False] * 3 + [True] * (size - 3), imu=stale, cmd_vel=missing)
    (finding,) = invalid_ticks(given)
    assert finding.message == f'3 of {size} ticks lack an input: imu (1), cmd_vel (2)'
    assert finding.severity == severity


def test_ticks_that_are_all_valid_are_no_finding():
    assert list(invalid_ticks(case_of([True] * 3))) == []


def found(recording, spec):
    policy = ReadingPolicy(compile_spec(spec))
    case = make_case(spec, recording)
    run, drive_fit = best_run(case, spec, policy)
    return list(action_mapping(PolicyCase(case, policy, run, drive_fit, None)))


@pytest.mark.parametrize('scale', [0.25 / 1.2, 0.25 * 1.2])
def test_scale_within_a_quarter_is_no_finding(scale):
    codes = {finding.code for finding in found(drive()[0], driven_spec(action={'scale': scale}))}
    assert 'bag.action_scale' not in codes


def test_commands_give_no_finding_about_gains():
    assert found(with_commands(*drive()), driven_spec(stiffness=[80.0] * 3)) == []
