# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import replace

from distill_runtime.data.diagnosis.bag_case import make_case, Run
from distill_runtime.data.diagnosis.drive_fit import fit_drive, steps_since_start
from distill_runtime.spec.compile import compile_spec
import numpy as np
import pytest
from support.driven import drive, driven_spec, ReadingPolicy, STIFFNESS, TERMS, with_commands


def fit(given, spec=None, **options):
    spec = spec or driven_spec()
    run = Run(spec, ReadingPolicy(compile_spec(spec)), given)
    return fit_drive(make_case(spec, given), run, **options)


def test_right_contract_fits_the_efforts_and_finds_the_gains():
    result = fit(drive()[0])
    assert result.reference == 'efforts'
    assert result.median_r_squared > 0.99
    np.testing.assert_allclose(result.scale, 1.0, atol=0.1)
    np.testing.assert_allclose(result.stiffness, STIFFNESS, rtol=0.15)
    np.testing.assert_allclose(result.shift, 0.0, atol=0.02)


def test_right_contract_fits_commands_to_the_last_digit():
    result = fit(with_commands(*drive()))
    assert result.reference == 'commands'
    np.testing.assert_allclose(result.r_squared, 1.0, atol=1e-9)
    np.testing.assert_allclose(result.scale, 1.0)
    np.testing.assert_allclose(result.shift, 0.0, atol=1e-9)
    assert np.isnan(result.stiffness).all()


@pytest.mark.parametrize('has_commands', [False, True])
def test_wrong_contract_fits_poorly(has_commands):
    given, targets = drive()
    if has_commands:
        given = with_commands(given, targets)
    assert fit(given, driven_spec(terms=TERMS[::-1])).median_r_squared < 0.6


def test_there_is_no_fit_without_commands_and_efforts():
    given = drive()[0]
    assert fit(replace(given, joints=replace(given.joints, effort=None))) is None
    none = np.zeros_like(given.joints.position)
    assert fit(replace(given, joints=replace(given.joints, effort=none))) is None


def test_there_is_no_fit_of_a_short_recording():
    assert fit(drive(ticks=60)[0]) is None
    assert fit(drive(ticks=80)[0]) is not None


def test_commands_for_a_part_of_the_recording_are_not_used():
    given = with_commands(*drive())
    few = given.joint_command
    few = replace(
        few,
        stamp_ns=few.stamp_ns[:40],
        receive_ns=few.receive_ns[:40],
        position=few.position[:40],
    )
    assert fit(replace(given, joint_command=few)) is None


def test_first_ticks_can_be_scored_alone():
    given, targets = drive()
    targets[:4] += 1.0
    sent = with_commands(given, targets)
    assert fit(sent).median_r_squared > 0.99
    assert fit(sent, first=4).median_r_squared < 0.0


def test_steps_since_start_count_from_each_start():
    valid = np.array([0, 1, 1, 0, 1, 1, 1], bool)
    assert steps_since_start(valid).tolist() == [-1, 0, 1, -1, 0, 1, 2]
    assert steps_since_start(valid[1:3]).tolist() == [0, 1]
