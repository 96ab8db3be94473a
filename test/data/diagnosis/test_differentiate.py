# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from distill_runtime.data.diagnosis.differentiate import body_rates, mean_over, rates, spans
import numpy as np
from support.walks import DT, MS, rolled, stamps, times


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


def test_rates_and_means_of_a_ramp():
    t = times(0.2)
    pairs = spans(stamps(t))
    ramp = 3.0 * t[:, None]
    np.testing.assert_allclose(rates(ramp, pairs), 3.0)
    np.testing.assert_allclose(mean_over(ramp, pairs)[0], 3.0 * 2 * DT)


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


def test_robot_that_does_not_turn_has_no_rate():
    quats = np.tile([0.6, 0.0, 0.8, 0.0], (50, 1))
    assert not body_rates(quats, spans(stamps(times(0.25)))).any()
