# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import replace

from distill_runtime.data.doctor.bag_case import make_case
from distill_runtime.data.doctor.phases import best_run
from distill_runtime.spec.compile import compile_spec
import pytest
from support.driven import drive, driven_spec, ReadingPolicy


def cut(given, rows):
    joints = given.joints
    return replace(
        given,
        joints=replace(
            joints,
            stamp_ns=joints.stamp_ns[rows:],
            receive_ns=joints.receive_ns[rows:],
            position=joints.position[rows:],
            velocity=joints.velocity[rows:],
            effort=joints.effort[rows:],
        ),
    )


@pytest.mark.parametrize(('missing', 'first_row'), [(0, 0), (1, 3), (3, 1)])
def test_ticks_are_found_in_a_recording_that_starts_late(missing, first_row):
    spec, given = driven_spec(), cut(drive()[0], missing)
    policy = ReadingPolicy(compile_spec(spec))
    run, explained = best_run(make_case(spec, given), spec, policy)
    assert run.first_row == first_row
    assert explained.total > 0.97


def test_recording_that_says_nothing_keeps_the_first_row():
    spec, given = driven_spec(), drive(ticks=20)[0]
    run, explained = best_run(make_case(spec, given), spec, ReadingPolicy(compile_spec(spec)))
    assert (run.first_row, explained) == (0, None)
