# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import math

from distill_runtime.core.rotations import NORM_TOLERANCE, tilt, write_gravity_in_base
import numpy as np
import pytest


def rotation_base_to_world(quat):
    w, x, y, z = quat
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    return np.eye(3) + 2.0 * w * cross + 2.0 * cross @ cross


def gravity_in_base(quat):
    gravity = np.full(3, 7.0)
    assert write_gravity_in_base(np.asarray(quat, float), gravity)
    return gravity


def random_quats(count):
    quats = np.random.default_rng(0).normal(size=(count, 4))
    return quats / np.linalg.norm(quats, axis=1, keepdims=True)


def test_gravity_is_that_of_the_rotation_matrix():
    for quat in random_quats(200):
        expected = rotation_base_to_world(quat).T @ [0.0, 0.0, -1.0]
        assert gravity_in_base(quat) == pytest.approx(expected, abs=1e-14)


def test_rounded_quaternion_still_gives_a_unit_vector():
    for quat in random_quats(20):
        assert np.linalg.norm(gravity_in_base(quat * 1.005)) == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize('side', [-1, 1])
def test_norm_tolerance_binds_on_both_sides(side):
    gravity = np.zeros(3)
    inside = np.array([math.sqrt(1.0 + side * (NORM_TOLERANCE - 1e-9)), 0, 0, 0])
    outside = np.array([math.sqrt(1.0 + side * (NORM_TOLERANCE + 1e-9)), 0, 0, 0])
    assert write_gravity_in_base(inside, gravity)
    assert not write_gravity_in_base(outside, gravity)


@pytest.mark.parametrize('quat', [[0, 0, 0, 0], [np.nan, 0, 0, 1], [np.inf, 0, 0, 0]])
def test_no_rotation_leaves_gravity_as_it_was(quat):
    gravity = np.array([0.1, 0.2, 0.3])
    assert not write_gravity_in_base(np.array(quat, float), gravity)
    assert gravity.tolist() == [0.1, 0.2, 0.3]


@pytest.mark.parametrize('angle', [0.0, 0.3, 1.0, 2.5, math.pi])
def test_tilt_is_the_angle_of_a_rotation_about_x(angle):
    quat = [math.cos(angle / 2), math.sin(angle / 2), 0, 0]
    assert tilt(gravity_in_base(quat)) == pytest.approx(angle, abs=1e-7)


def test_rounding_beyond_one_is_no_domain_error():
    assert tilt(np.array([0.0, 0.0, -1.0000000001])) == 0.0
    assert tilt(np.array([0.0, 0.0, 1.0000000001])) == math.pi
