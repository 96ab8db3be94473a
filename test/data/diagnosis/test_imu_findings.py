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


def w_first(quats):
    """The fields x, y, z, w hold w, x, y, z; the reader gives (w, x, y, z) of the fields."""
    return quats[:, [3, 0, 1, 2]]


def with_long(share):
    def change(quats):
        quats[: round(share * len(quats))] *= 1.1
        return quats

    return change


@pytest.mark.parametrize(
    ('change', 'code', 'severity', 'text'),
    [
        (w_first, 'quaternion_order', 'error', '(w, x, y, z) in the fields x, y, z, w of /imu'),
        (lambda quats: np.tile([0.7, 0, 0.714, 0], (99, 1)), 'gravity', 'warning', 'z = +0.02'),
        (with_long(0.005), 'quaternion_norm', 'warning', 'have no unit norm'),
        (with_long(0.5), 'quaternion_norm', 'error', 'have no unit norm'),
        (lambda quats: quats * np.nan, 'orientation_missing', 'error', 'covariance[0] is -1'),
    ],
)
def test_orientation(change, code, severity, text):
    quats = change(rolled()[0])
    finding = only(orientation_findings, quats, np.zeros((len(quats), 3)))
    assert (finding.code, finding.severity) == (f'bag.{code}', severity)
    assert text in finding.message


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


def test_noise_bias_and_rest_of_a_gyro_are_no_finding():
    quats, rates = rolled()
    noise = np.random.default_rng(0).normal(0.0, 0.1, rates.shape)
    assert findings(gyro_findings, quats, rates + noise + (0.1, -0.2, 0.05)) == []
    quats, rates = rolled(size=1e-3)
    assert findings(gyro_findings, quats, 50.0 * rates) == []


def test_spans_are_about_20_ms_and_skip_gaps():
    stamp_ns = np.array([0, 10, 20, 30, 100, 110, 120], np.int64) * MS
    pairs = spans(stamp_ns)
    assert pairs.first.tolist() == [0, 1, 4]
    assert pairs.last.tolist() == [2, 3, 6]
    assert pairs.dt.tolist() == [0.02] * 3
    slow = spans(np.arange(4, dtype=np.int64) * 33 * MS)
    assert (slow.last - slow.first).tolist() == [1, 1, 1]
    assert len(spans(stamp_ns[:2]).dt) == 0


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
