# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from distill_runtime.spec.findings.joint_order import (
    in_other_order,
    mirror_pairs,
    mirrored,
    orders,
)
from distill_runtime.spec.mapping import read_dataclass
from distill_runtime.spec.robots import load_profile, profile_names
from distill_runtime.spec.spec import PolicySpec
import pytest
from support.specs import make_spec, spec_mapping

BY_LEG = ('FL_hip', 'FL_calf', 'FR_hip', 'FR_calf')
BY_TYPE = ('FL_hip', 'FR_hip', 'FL_calf', 'FR_calf')


def test_joints_by_leg_may_be_by_type_and_the_other_way_round():
    assert list(orders(BY_LEG)) == [('ordered type by type', BY_TYPE)]
    assert list(orders(BY_TYPE)) == [('ordered leg by leg', BY_LEG)]


def test_order_of_the_robot_comes_first_and_only_once():
    motors = ('FR_hip', 'FR_calf', 'FL_hip', 'FL_calf', 'gripper')
    assert next(iter(orders(BY_LEG, motors))) == ('in the order of the robot', motors[:4])
    assert [text for text, _ in orders(BY_LEG, BY_TYPE)] == ['in the order of the robot']


def test_names_without_sides_have_no_other_order():
    assert list(orders(('hip', 'knee', 'left_arm'))) == []
    assert list(orders(('left_hip', 'left_knee', 'right_hip'))) == []


def test_values_stay_with_their_names_in_another_order():
    spec = make_spec(action={'scale': [1.0, 2.0, 3.0]}, stiffness=[4, 5, 6], damping=[1, 2, 3])
    other = in_other_order(spec, ('ankle', 'hip', 'knee'))
    assert other.joints == ('ankle', 'hip', 'knee')
    assert other.default_position == (-0.5, 0.1, 0.6)
    assert other.outputs.action.scale == (3.0, 1.0, 2.0)
    assert other.stiffness == (6, 4, 5)
    assert in_other_order(other, spec.joints) == spec


def test_mirrored_exchanges_names_and_leaves_values():
    mapping = spec_mapping(joints=['left_hip', 'waist', 'right_hip'])
    spec = read_dataclass(PolicySpec, mapping, '')
    other = mirrored(spec)
    assert other.joints == ('right_hip', 'waist', 'left_hip')
    assert other.default_position == spec.default_position
    assert mirrored(make_spec()) is None


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
