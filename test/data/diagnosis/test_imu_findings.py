# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from distill_runtime.data.diagnosis.bag_case import make_case
from distill_runtime.data.diagnosis.differentiate import body_rates, mean_over, spans
from distill_runtime.data.diagnosis.imu_findings import (
    gravity_z,
    gyro_findings,
    imu_findings,
    orientation_findings,
)
import numpy as np
import pytest
from support.walks import imu_stream, MS, recording, rolled, spec_of, stamps, times

DEGREES = 180.0 / np.pi


def findings(check, quats, rates):
    return list(check(imu_stream(quats, rates)))


def only(check, quats, rates):
    (finding,) = findings(check, quats, rates)
    return finding


def test_correct_imu_gives_no_finding():
    quats, rates = rolled()
    assert findings(orientation_findings, quats, rates) == []
    assert findings(gyro_findings, quats, rates) == []


@pytest.mark.parametrize('reads_imu', [False, True])
def test_imu_is_checked_only_if_the_policy_reads_it(reads_imu):
    quats, rates = rolled()
    spec = spec_of({'term': 'projected_gravity'}) if reads_imu else spec_of()
    case = make_case(spec, recording(imu=imu_stream(2.0 * quats, rates)))
    codes = [finding.code for finding in imu_findings(case)]
    assert codes == (['bag.quaternion_norm'] if reads_imu else [])


def test_gravity_z_of_known_orientations():
    half = np.sqrt(0.5)
    quats = np.array([[1, 0, 0, 0], [0, 1, 0, 0], [half, half, 0, 0], [half, 0, 0, half]])
    np.testing.assert_allclose(gravity_z(quats), [-1, 1, 0, -1], atol=1e-12)


def test_w_first_in_the_fields_of_the_message_is_named():
    quats, rates = rolled()
    # fields x, y, z, w hold w, x, y, z; the reader gives (w, x, y, z) of the fields
    finding = only(orientation_findings, quats[:, [3, 0, 1, 2]], rates)
    assert (finding.code, finding.severity) == ('bag.quaternion_order', 'error')
    assert '(w, x, y, z) in the fields x, y, z, w of /imu' in finding.message


def test_robot_on_its_back_legs_is_a_warning():
    quats = np.tile([np.sqrt(0.5), 0, np.sqrt(0.5), 0], (100, 1))
    finding = only(orientation_findings, quats, np.zeros((100, 3)))
    assert (finding.code, finding.severity) == ('bag.gravity', 'warning')


@pytest.mark.parametrize(('share', 'severity'), [(0.005, 'warning'), (0.5, 'error')])
def test_quaternions_without_unit_norm(share, severity):
    quats, rates = rolled()
    quats[: round(share * len(quats))] *= 1.1
    finding = only(orientation_findings, quats, rates)
    assert (finding.code, finding.severity) == ('bag.quaternion_norm', severity)


def test_driver_without_orientation():
    quats, rates = rolled()
    assert (
        only(orientation_findings, np.full_like(quats, np.nan), rates).code
        == 'bag.orientation_missing'
    )


@pytest.mark.parametrize(
    ('text', 'change'),
    [
        ('in deg/s', lambda rates: rates * DEGREES),
        ('with the opposite sign', lambda rates: -rates),
        ('with x and y swapped', lambda rates: rates[:, [1, 0, 2]]),
        ('rotated by 180 deg about x', lambda rates: rates * (1, -1, -1)),
        # measured x is the true y, measured y the true -x
        ('rotated by 90 deg about z', lambda rates: rates[:, [1, 0, 2]] * (1, -1, 1)),
    ],
)
def test_gyro_that_does_not_fit_the_orientation_is_named(text, change):
    quats, rates = rolled()
    finding = only(gyro_findings, quats, change(rates))
    assert (finding.code, finding.severity) == ('bag.gyro', 'error')
    assert f'as if it were {text} ' in finding.message


def test_gyro_that_fits_in_no_way_is_a_warning():
    quats, _ = rolled()
    noise = np.random.default_rng(0).normal(size=(len(quats), 3))
    finding = only(gyro_findings, quats, noise)
    assert finding.severity == 'warning'
    assert 'as if' not in finding.message


def test_bias_and_noise_of_a_gyro_are_no_finding():
    quats, rates = rolled()
    noise = np.random.default_rng(0).normal(0.0, 0.1, rates.shape)
    assert findings(gyro_findings, quats, rates + noise + (0.1, -0.2, 0.05)) == []


def test_robot_that_hardly_turns_gives_no_finding():
    quats, rates = rolled(size=1e-3)
    assert findings(gyro_findings, quats, 50.0 * rates) == []


def test_spans_are_about_20_ms_and_skip_gaps():
    stamp_ns = np.array([0, 10, 20, 30, 100, 110, 120], np.int64) * MS
    pairs = spans(stamp_ns)
    assert pairs.first.tolist() == [0, 1, 4]
    assert pairs.last.tolist() == [2, 3, 6]
    assert pairs.dt.tolist() == [0.02] * 3


def test_samples_slower_than_the_span_are_taken_one_by_one():
    pairs = spans(np.arange(4, dtype=np.int64) * 33 * MS)
    assert (pairs.last - pairs.first).tolist() == [1, 1, 1]


def test_too_few_samples_give_none():
    assert len(spans(np.array([1, 2], np.int64)).dt) == 0


def test_body_rates_are_those_that_made_the_orientation():
    quats, expected = rolled()
    pairs = spans(stamps(times()))
    got = body_rates(quats, pairs)
    np.testing.assert_allclose(got, mean_over(expected, pairs), atol=5e-3)


def test_sign_of_a_quaternion_does_not_matter():
    quats, _ = rolled()
    pairs = spans(stamps(times()))
    flipped = quats * np.where(np.arange(len(quats)) % 3 == 0, -1.0, 1.0)[:, None]
    np.testing.assert_allclose(body_rates(flipped, pairs), body_rates(quats, pairs))
