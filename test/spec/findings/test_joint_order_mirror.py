# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from distill_runtime.spec.findings.joint_order import mirror_pairs
from distill_runtime.spec.robots import load_profile, profile_names
import pytest


@pytest.mark.parametrize(
    ('left', 'right'),
    [
        ('left_knee_joint', 'right_knee_joint'),
        ('FL_calf_joint', 'FR_calf_joint'),
        ('RL_calf_joint', 'RR_calf_joint'),
        ('LF_KFE', 'RF_KFE'),
        ('Left_Hip_Yaw', 'Right_Hip_Yaw'),
        ('LeftHip', 'RightHip'),
        ('front_left_hip_x', 'front_right_hip_x'),
        ('knee_l', 'knee_r'),
    ],
)
def test_twins_are_found_by_name_in_any_order(left, right):
    assert mirror_pairs((left, 'waist_yaw', right)) == [(left, right)]
    assert mirror_pairs((right, left)) == [(left, right)]


def test_name_without_a_twin_has_no_pair():
    assert mirror_pairs(('left_hip', 'right_knee', 'wheel', 'cleft_1')) == []


@pytest.mark.parametrize('robot', profile_names())
def test_every_joint_of_a_known_robot_except_median_joints_has_a_counterpart(robot):
    joints = load_profile(robot).joints
    paired = {name for pair in mirror_pairs(joints) for name in pair}
    middle = [name for name in joints if name not in paired]
    assert all(
        'waist' in name.lower() or 'head' in name.lower() or 'torso' in name for name in middle
    )
