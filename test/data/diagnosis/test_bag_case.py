# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from distill_runtime.data.diagnosis.bag_case import make_case, Run
from distill_runtime.spec.compile import compile_spec
import numpy as np
from support.driven import drive, driven_spec, ReadingPolicy
from support.walks import joint_stream, recording, spec_of, swinging


def test_joints_come_in_policy_order_and_others_are_dropped():
    position = swinging()
    names = ('ankle', 'arm', 'hip')
    case = make_case(spec_of(), recording(joint_stream(position, names)))
    assert case.names == ('hip', 'ankle')
    np.testing.assert_array_equal(case.position, position[:, [2, 0]])
    assert case.of_policy((1.0, 2.0, 3.0)).tolist() == [1.0, 3.0]
    assert case.of_policy(np.array([[1, 2, 3], [4, 5, 6]])).tolist() == [[1, 3], [4, 6]]


def test_efforts_that_are_all_zero_count_as_not_recorded():
    position = swinging()
    case = make_case(spec_of(), recording(joint_stream(position, effort=np.zeros_like(position))))
    assert case.effort is None


def test_run_gives_the_targets_that_were_sent():
    given, targets = drive()
    spec = driven_spec()
    run = Run(spec, ReadingPolicy(compile_spec(spec)), given)
    np.testing.assert_allclose(run.playback.target, targets)
