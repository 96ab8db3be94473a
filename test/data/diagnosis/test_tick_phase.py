# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import replace

from distill_runtime.data.diagnosis.bag_case import make_case
from distill_runtime.data.diagnosis.inspection import inspect
from distill_runtime.data.diagnosis.tick_phase import best_run
from distill_runtime.spec.compile import compile_spec
import numpy as np
import pytest
from support.driven import drive, driven_spec, ReadingPolicy, ROWS_PER_TICK, TERMS, with_commands
from support.recordings import load_pair, PAIRS

GAPS = {
    'one': [(400, 51)],
    'another_phase': [(402, 51)],
    'early': [(90, 51)],
    'late': [(702, 50)],
    'several': [(301, 51), (500, 53), (610, 30)],
    'long_stand': [(350, 203)],
    'single_messages': [(203, 1), (256, 1), (404, 1), (531, 1), (640, 1)],
}
"""First row that is missing and how many: 51 are 0.256 s."""


def cut(given, rows):
    return without(given, [(0, rows)])


def without(given, gaps):
    """Take rows out of a recording."""
    joints = given.joints
    names = ('stamp_ns', 'receive_ns', 'position', 'velocity', 'effort')
    arrays = {name: getattr(joints, name) for name in names}
    gone = np.concatenate([np.arange(begin, begin + number) for begin, number in gaps])
    left = {
        name: None if values is None else np.delete(values, gone, axis=0)
        for name, values in arrays.items()
    }
    return replace(given, joints=replace(joints, **left))


def best(given, spec=None):
    spec = spec or driven_spec()
    return best_run(make_case(spec, given), spec, ReadingPolicy(compile_spec(spec)))


def right_ticks(given, run):
    """Return which ticks are at the JointState that the policy saw when it was recorded."""
    since_ns = given.joints.stamp_ns[run.ticks.joints] - drive()[0].joints.stamp_ns[0]
    return since_ns % (ROWS_PER_TICK * 5_000_000) == 0


@pytest.mark.parametrize(('missing', 'first_row'), [(0, 0), (1, 3), (3, 1)])
def test_ticks_are_found_in_a_recording_that_starts_late(missing, first_row):
    spec, given = driven_spec(), cut(drive()[0], missing)
    policy = ReadingPolicy(compile_spec(spec))
    run, drive_fit = best_run(make_case(spec, given), spec, policy)
    assert run.stretches[0].begin == first_row
    assert drive_fit.median_r_squared > 0.97


def test_recording_without_a_fit_keeps_the_first_row():
    spec, given = driven_spec(), drive(ticks=20)[0]
    run, drive_fit = best_run(make_case(spec, given), spec, ReadingPolicy(compile_spec(spec)))
    assert (run.stretches[0].begin, drive_fit) == (0, None)


@pytest.mark.parametrize('gaps', GAPS.values(), ids=GAPS)
def test_ticks_are_found_in_each_stretch_between_gaps(gaps):
    given = without(drive()[0], gaps)
    run, drive_fit = best(given)
    assert drive_fit.median_r_squared > 0.999
    settled = np.concatenate(
        [np.arange(s.begin + 30 * ROWS_PER_TICK, s.end) for s in run.stretches]
    )
    counts = np.isin(run.ticks.joints, settled)
    assert right_ticks(given, run)[counts].all()


def test_phase_may_change_in_a_pause_of_the_robot():
    joints = drive()[0].joints
    later = joints.stamp_ns + np.where(np.arange(len(joints.stamp_ns)) < 402, 0, 256_000_000)
    given = without(replace(drive()[0], joints=replace(joints, stamp_ns=later)), [(402, 1)])
    assert best(given)[1].median_r_squared > 0.999


@pytest.mark.parametrize('has_commands', [False, True])
@pytest.mark.parametrize('gaps', GAPS.values(), ids=GAPS)
def test_right_contract_gives_no_alarm_over_gaps_and_a_wrong_one_is_found(gaps, has_commands):
    given, targets = drive()
    given = without(with_commands(given, targets) if has_commands else given, gaps)
    found = []
    for spec in (driven_spec(), driven_spec(terms=TERMS[::-1])):
        result = inspect(spec, ReadingPolicy(compile_spec(spec)), given)
        codes = {finding.code for finding in result.findings if finding.severity != 'info'}
        found.append(codes - {'bag.gaps'})
    assert found == [set(), {'bag.targets_unexplained', 'bag.contract_differs'}]


@pytest.mark.parametrize('bag', PAIRS)
@pytest.mark.parametrize('begin', [1.5, 2.001, 2.507])
def test_real_recording_with_a_gap_fits_as_without(bag, begin, shared_data):
    pair = load_pair(bag, shared_data)
    stamp_ns = pair.recording.joints.stamp_ns
    first, last = np.searchsorted(stamp_ns, stamp_ns[0] + np.array([begin, begin + 0.256]) * 1e9)
    result = inspect(
        pair.policy.spec,
        pair.policy.session,
        without(pair.recording, [(first, last - first)]),
    )
    assert result.drive_fit.median_r_squared > 0.99
    assert {finding.code for finding in result.findings} == {'bag.gaps'}
