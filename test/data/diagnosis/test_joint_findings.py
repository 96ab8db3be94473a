# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from distill_runtime.data.diagnosis.bag_case import make_case
from distill_runtime.data.diagnosis.joint_findings import (
    degrees,
    far_from_default,
    outside_limits,
    velocity,
)
import numpy as np
import pytest
from support.specs import DEFAULT
from support.walks import joint_stream, recording, spec_of, swinging

DEGREES = 180.0 / np.pi
LIMITS = {'limits': {'position': [[-1, 1], [-1, 2], [-2, 0.5]]}}
CHECKS = (degrees, outside_limits, far_from_default, velocity)


def found(position, spec=None, **changes):
    case = make_case(spec or spec_of(**LIMITS), recording(joint_stream(position, **changes)))
    return {finding.code: finding for check in CHECKS for finding in check(case)}


def test_sound_joints_give_no_finding():
    assert found(swinging()) == {}


def test_degrees_are_named():
    finding = found(swinging() * DEGREES)['bag.position_degrees']
    assert finding.severity == 'error'
    assert 'knee stands at 35.0, which as rad is 34.4 rad' in finding.message


def test_position_outside_its_limits_counts_beyond_the_slack():
    position = swinging()
    position[7, 1] = 2.04
    assert 'bag.outside_limits' not in found(position)
    position[7, 1] = 2.06
    assert 'knee was at ' in found(position)['bag.outside_limits'].message


@pytest.mark.parametrize(('shift', 'is_far'), [(0.9, False), (1.1, True)])
def test_pose_far_from_the_default(shift, is_far):
    position = swinging(default=(DEFAULT[0], DEFAULT[1], DEFAULT[2] - shift))
    assert ('bag.default_far' in found(position, spec_of())) == is_far


@pytest.mark.parametrize(
    ('text', 'change'),
    [
        ('deg/s', lambda velocity: velocity * DEGREES),
        ('the opposite sign', lambda velocity: velocity * (1, -1, 1)),
    ],
)
def test_velocity_in_another_unit_or_sign_is_named(text, change):
    position = swinging()
    rates = np.gradient(position, 0.005, axis=0)
    finding = found(position, velocity=change(rates))['bag.velocity']
    assert finding.severity == 'error'
    assert f'it looks like {text}' in finding.message


def test_velocity_of_another_joint_is_named():
    position = swinging()
    rates = np.gradient(position, 0.005, axis=0)[:, [1, 0, 2]]
    message = found(position, velocity=rates)['bag.velocity'].message
    assert 'velocity of hip does not follow' in message
    assert 'that of knee fits best' in message


def test_noisy_velocity_is_no_finding():
    position = swinging()
    rates = np.gradient(position, 0.005, axis=0)
    noise = np.random.default_rng(0).normal(0.0, 0.3, rates.shape)
    assert found(position, velocity=rates + noise) == {}


def test_joints_that_rest_say_nothing_of_velocities():
    position = swinging(amplitude=1e-4)
    assert found(position, velocity=np.ones_like(position)) == {}
