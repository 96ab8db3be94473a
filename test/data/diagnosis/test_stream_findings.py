# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import replace

from distill_runtime.data.diagnosis.bag_case import make_case
from distill_runtime.data.diagnosis.stream_findings import CHECKS
import numpy as np
import pytest
from support.walks import imu_stream, joint_stream, MS, recording, rolled, spec_of, swinging

IMU = {'term': 'projected_gravity'}


def found(spec, given):
    case = make_case(spec, given)
    return {finding.code: finding for check in CHECKS for finding in check(case)}


@pytest.mark.parametrize(
    ('terms', 'given', 'expected'),
    [
        ([IMU], {'imu': imu_stream(*rolled())}, set()),
        ([IMU, {'term': 'base_linear_velocity'}], {}, {'bag.imu_missing', 'bag.odom_missing'}),
        ([], {'velocity': None}, set()),
        ([{'term': 'joint_velocity'}], {'velocity': None}, {'bag.velocity_missing'}),
    ],
)
def test_inputs_that_the_policy_reads_and_the_recording_lacks(terms, given, expected):
    if 'velocity' in given:
        given = {'joints': joint_stream(swinging(), velocity=None)}
    assert set(found(spec_of(*terms), recording(**given))) == expected


def test_joints_that_the_robot_does_not_publish_are_an_error():
    given = recording(joint_stream(swinging(), ('hip', 'knee', 'toe')))
    finding = found(spec_of(), given)['bag.joints_missing']
    assert finding.severity == 'error'
    assert "no joints ['ankle'], it has ['hip', 'knee', 'toe']" in finding.message


def test_samples_rarer_than_the_policy_steps():
    assert 'bag.rate' in found(spec_of(period=0.0045), recording())
    assert 'bag.rate' not in found(spec_of(period=0.005), recording())


@pytest.mark.parametrize(('gap_ms', 'is_gap'), [(95, False), (96, True)])
def test_gap_above_the_age_that_the_node_accepts(gap_ms, is_gap):
    joints = joint_stream(swinging())
    late = np.where(np.arange(len(joints.stamp_ns)) >= 50, gap_ms * MS, 0)
    codes = found(spec_of(), recording(replace(joints, stamp_ns=joints.stamp_ns + late)))
    assert ('bag.gaps' in codes) == is_gap


def test_stamps_that_go_back():
    joints = joint_stream(swinging())
    joints.stamp_ns[20] -= 20 * MS
    assert 'go back 1 times' in found(spec_of(), recording(joints))['bag.stamps_back'].message
