# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from distill_runtime.core.fault_action import Ramp
import numpy as np
import pytest


def pose_at(ramp, stamp_ns):
    pose = np.zeros(2)
    ramp.write(stamp_ns, pose)
    return pose.tolist()


def make_ramp(duration_ns=1000, begin_ns=0):
    ramp = Ramp(np.array([1.0, -1.0]), duration_ns)
    ramp.begin(np.array([0.0, 1.0]), begin_ns)
    return ramp


@pytest.mark.parametrize(
    ('elapsed_ns', 'share'), [(0, 0.0), (250, 0.15625), (500, 0.5), (750, 0.84375), (1000, 1.0)]
)
def test_share_of_the_way_is_a_smooth_step(elapsed_ns, share):
    assert pose_at(make_ramp(begin_ns=50), 50 + elapsed_ns) == [share, 1.0 - 2.0 * share]


def test_both_ends_are_at_rest():
    start, end = pose_at(make_ramp(10**9), 10**6), pose_at(make_ramp(10**9), 10**9 - 10**6)
    assert start[0] < 1e-5
    assert end[0] > 1.0 - 1e-5


def test_goal_is_held_exactly_ever_after():
    assert pose_at(make_ramp(), 10**12) == [1.0, -1.0]


def test_clock_before_the_start_gives_the_start():
    assert pose_at(make_ramp(begin_ns=500), 100) == [0.0, 1.0]


def test_zero_duration_is_at_the_goal_at_once():
    for stamp_ns in (0, -1, 10**9):  # whatever the clock does
        assert pose_at(make_ramp(duration_ns=0), stamp_ns) == [1.0, -1.0]


def test_begin_copies_the_pose():
    pose = np.array([0.0, 0.0])
    ramp = Ramp(np.array([1.0, 1.0]), 1000)
    ramp.begin(pose, 0)
    pose[:] = 9.0
    assert pose_at(ramp, 0) == [0.0, 0.0]
