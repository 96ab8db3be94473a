# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import dataclasses

from distill_runtime.data.bags.bag import Bag
from distill_runtime.data.info.imu_stats import GRAVITY, read_imu_stats
import numpy as np
import pytest
from support.bags import imu, MS, vector, write_bag


def stats_of(path, quat=(1, 0, 0, 0), acceleration=(0, 0, GRAVITY), count=200, **options):
    """Return the statistics of an Imu that stands still."""
    messages = []
    for number in range(1, count + 1):
        said = imu(number * 10 * MS, quat, **options)
        message = dataclasses.replace(said.message, linear_acceleration=vector(*acceleration))
        messages.append(said._replace(message=message))
    with Bag(write_bag(path / 'bag', messages)) as bag:
        return read_imu_stats(bag, bag.topics[0])


def test_upright_robot_gives_no_finding(tmp_path):
    found = stats_of(tmp_path)
    assert found.gravity_z == pytest.approx(-1.0)
    assert found.acceleration == pytest.approx((0.0, 0.0, GRAVITY))
    assert (found.norm_min, found.norm_max, found.rest) == (1.0, 1.0, 1.0)
    assert found.findings == ()


def test_acceleration_of_a_tilted_robot_is_rotated_into_the_world(tmp_path):
    # pitched by 60 deg: its x points down
    half = np.pi / 6
    found = stats_of(
        tmp_path,
        (np.cos(half), 0, np.sin(half), 0),
        (-GRAVITY * np.sin(2 * half), 0, GRAVITY * np.cos(2 * half)),
    )
    assert found.acceleration == pytest.approx((0.0, 0.0, GRAVITY), abs=1e-9)
    assert found.gravity_z == pytest.approx(-0.5)
    assert [finding.code for finding in found.findings] == ['bag.gravity']


@pytest.mark.parametrize(
    ('acceleration', 'what'),
    [
        ((0, 0, 1), 'multiples of g'),
        ((0, 0, 0.1), 'subtract gravity'),
        ((0, 0, -GRAVITY), 'its sign seems wrong'),
        ((GRAVITY, 0, 0), 'from another sensor'),
    ],
)
def test_acceleration_that_is_not_gravity_is_explained(acceleration, what, tmp_path):
    (finding,) = stats_of(tmp_path, acceleration=acceleration).findings
    assert (finding.code, finding.severity) == ('bag.acceleration', 'warning')
    assert what in finding.message


def test_sensor_without_accelerometer_has_no_mean_acceleration(tmp_path):
    found = stats_of(tmp_path, acceleration=(0, 0, 0))
    assert np.isnan(found.acceleration).all()
    assert found.findings == ()


def test_sensor_without_orientation_is_an_error(tmp_path):
    found = stats_of(tmp_path, covariance=-1.0)
    assert np.isnan([found.norm_min, found.norm_max, found.gravity_z]).all()
    assert 'bag.orientation_missing' in [finding.code for finding in found.findings]


def test_only_samples_at_rest_are_used_where_there_are_some(tmp_path):
    upright = [imu(number * 10 * MS) for number in range(1, 101)]
    lying = [imu(number * 10 * MS, (0, 1, 0, 0), rate=(1, 0, 0)) for number in range(101, 201)]
    with Bag(write_bag(tmp_path / 'bag', [*upright, *lying])) as bag:
        found = read_imu_stats(bag, bag.topics[0])
    assert found.rest == pytest.approx(0.5)
    assert found.gravity_z == pytest.approx(-1.0)


def test_only_some_of_many_accelerations_are_read(tmp_path):
    assert stats_of(tmp_path, count=4100).acceleration == pytest.approx((0.0, 0.0, GRAVITY))
