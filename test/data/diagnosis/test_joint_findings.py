# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from distill_runtime.data.diagnosis.bag_case import make_case
from distill_runtime.data.diagnosis.joint_findings import (
    correlations,
    degrees,
    far_from_default,
    follows_another,
    outside_limits,
    velocity,
)
import numpy as np
import pytest
from support.specs import DEFAULT, JOINTS
from support.walks import joint_stream, recording, spec_of, swinging, times

DEGREES = 180.0 / np.pi
LIMITS = {'limits': {'position': [[-1, 1], [-1, 2], [-2, 0.5]]}}
CHECKS = (degrees, outside_limits, far_from_default, velocity)


def found(position, spec=None, **changes):
    case = make_case(spec or spec_of(**LIMITS), recording(joint_stream(position, **changes)))
    return {finding.code: finding for check in CHECKS for finding in check(case)}


def test_correct_joints_give_no_finding():
    assert found(swinging()) == {}


def test_noisy_velocities_and_those_of_joints_that_stand_are_no_finding():
    position = swinging()
    rates = np.gradient(position, 0.005, axis=0)
    noise = np.random.default_rng(0).normal(0.0, 0.3, rates.shape)
    assert found(position, velocity=rates + noise) == {}
    position = swinging(amplitude=1e-4)
    assert found(position, velocity=np.ones_like(position)) == {}


def test_degrees_are_named():
    finding = found(swinging() * DEGREES)['bag.position_degrees']
    assert finding.severity == 'error'
    assert 'knee stands at 35.0, which in rad is 34.4 rad' in finding.message


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


def swapped(sent, names=JOINTS):
    commands = joint_stream(sent, names, '/joint_command')
    return list(follows_another(make_case(spec_of(), recording(joint_command=commands))))


def lagging(position, rows=6):
    return np.concatenate([position[rows:], position[-1:].repeat(rows, axis=0)])


def test_joints_that_track_their_commands_give_no_finding():
    assert swapped(lagging(swinging())) == []
    assert swapped(lagging(swinging())[:, ::-1], JOINTS[::-1]) == []
    sent = lagging(swinging())
    sent[:, 1] = 0.5  # it does not move
    assert swapped(sent) == []


def test_two_joints_that_track_swapped_commands_are_named():
    (finding,) = swapped(lagging(swinging())[:, [1, 0, 2]])
    assert finding.code == 'bag.joints_swapped'
    assert 'hip tracks the command of knee' in finding.message
    assert 'and vice versa; 2 of 3' in finding.message


def test_joint_with_a_lag_is_not_taken_for_the_next_one_of_the_gait():
    t = times()
    gait = np.column_stack(
        [0.2 * np.sin(2 * np.pi * 2.0 * t - leg * np.pi / 2) for leg in range(3)]
    )
    sent = lagging(gait, 20)  # 0.1 s earlier, almost a quarter of the stride
    given = recording(joint_stream(gait), joint_command=joint_stream(sent, JOINTS, '/c'))
    assert list(follows_another(make_case(spec_of(), given))) == []


def test_right_recordings_of_walks_give_no_alarm(shared_data):
    walks = sorted(shared_data.glob('policies/*/golden.npz'))
    assert len(walks) > 4
    for path in walks:
        with np.load(path) as walk:
            position = walk['q'] if 'q' in walk else walk['qpos'][:, 7:]
            target = walk['target']
        if position.shape != target.shape:
            continue
        names = tuple(f'joint_{joint}' for joint in range(position.shape[1]))
        stamp_ns = np.arange(len(target)) * 20_000_000 + 1
        streams = [
            joint_stream(values, names, topic, stamp_ns=stamp_ns, receive_ns=stamp_ns)
            for values, topic in ((position, '/joint_states'), (target, '/joint_command'))
        ]
        spec = spec_of(joints=list(names), default_position=[0.0] * len(names))
        given = recording(streams[0], joint_command=streams[1])
        assert list(follows_another(make_case(spec, given))) == [], path.parent.name


def test_correlation_of_a_constant_is_zero():
    columns = np.column_stack([np.arange(5.0), np.ones(5)])
    np.testing.assert_allclose(correlations(columns, columns), [[1, 0], [0, 0]], atol=1e-12)
