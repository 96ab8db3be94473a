# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import dataclasses
import math

from distill_runtime.core.arrays import locked_floats
from distill_runtime.core.limits import Feedback, LimitConfig, Limiter, MAX_MARGIN, soft_margin
from distill_runtime.spec.compile import compile_spec
from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest
from support.specs import make_spec


def joint_table(lower=(-1.0, -1.0, -1.0), upper=(1.0, 1.0, 1.0), modes=('position',) * 3):
    compiled = compile_spec(make_spec()).joints
    return dataclasses.replace(
        compiled, lower=locked_floats(lower), upper=locked_floats(upper), modes=tuple(modes)
    )


def limited(limiter, target):
    command = np.full(3, np.nan)
    limiter.limit(np.array(target, float), command)
    return command.tolist()


def test_first_command_is_limited_in_range_alone():
    assert limited(Limiter(joint_table(), LimitConfig(max_step=0.1)), [0.9, -5.0, 1.1]) == [
        0.9,
        -1.0,
        1.0,
    ]


def test_step_bound_is_inclusive():
    limiter = Limiter(joint_table(), LimitConfig(max_step=0.25))
    limited(limiter, [0.0, 0.0, 0.0])
    assert limited(limiter, [0.25, -0.25, 0.2500001]) == [0.25, -0.25, 0.25]


def test_range_overrides_the_step():
    limiter = Limiter(joint_table(), LimitConfig(max_step=0.25))
    limiter.previous[:] = 3.0
    limiter.has_previous = True
    assert limited(limiter, [3.0, 0.0, -1.0]) == [1.0, 1.0, 1.0]


def test_velocities_and_efforts_may_jump():
    limiter = Limiter(
        joint_table(modes=('position', 'velocity', 'effort')), LimitConfig(max_step=0.25)
    )
    limited(limiter, [0.0, 0.0, 0.0])
    assert limited(limiter, [1.0, 1.0, -1.0]) == [0.25, 1.0, -1.0]


def test_joint_without_limits_is_not_limited():
    limiter = Limiter(
        joint_table(lower=(-math.inf,) * 3, upper=(math.inf,) * 3), LimitConfig(max_step=0.0)
    )
    assert limited(limiter, [1e6, -1e6, 0.0]) == [1e6, -1e6, 0.0]


def test_target_is_not_written():
    target = np.array([9.0, 9.0, 9.0])
    Limiter(joint_table(), LimitConfig(max_step=0.25)).limit(target, np.zeros(3))
    assert target.tolist() == [9.0, 9.0, 9.0]


finite = st.floats(-1e6, 1e6)


@pytest.mark.fuzz
@given(
    ranges=st.lists(st.tuples(finite, st.floats(0.001, 1e6)), min_size=3, max_size=3),
    max_step=st.floats(0.001, 10.0),
    targets=st.lists(st.lists(finite, min_size=3, max_size=3), min_size=2, max_size=6),
)
def test_every_command_is_finite_in_range_and_within_a_step(ranges, max_step, targets):
    lower = np.array([low for low, _ in ranges])
    upper = lower + [width for _, width in ranges]
    limiter = Limiter(joint_table(lower, upper), LimitConfig(max_step=max_step))
    previous = None
    for target in targets:
        command = np.array(limited(limiter, target))
        assert np.all(np.isfinite(command))
        assert np.all((lower <= command) & (command <= upper))
        if previous is not None:
            assert np.all(np.abs(command - previous) <= max_step + 1e-9)
            reachable = np.clip(target, np.maximum(lower, previous - max_step), upper)
            reachable = np.minimum(reachable, np.minimum(upper, previous + max_step))
            assert command == pytest.approx(reachable, abs=1e-9)
        previous = command


GAINS = {'stiffness': [20.0, 50.0, 10.0], 'damping': [0.5, 2.0, 0.0]}


def torque_limiter(position, velocity, factor=1.0, max_step=0.0, period=0.0, **spec):
    changes = {'limits': {'effort': [10.0, 25.0, 5.0]}, **GAINS, **spec}
    joints = compile_spec(make_spec(**changes)).joints
    feedback = Feedback(np.array(position, float), np.array(velocity, float))
    config = LimitConfig(max_step=max_step, torque_limit=factor, period=period)
    return Limiter(joints, config, feedback)


def bounded(limiter, target):
    command = np.full(3, np.nan)
    limiter.limit(np.array(target, float), command, has_feedback=True)
    return command.tolist()


def test_torque_factor_is_a_share_of_the_limit():
    assert bounded(torque_limiter([0] * 3, [0] * 3, 0.5), [9, 9, 9]) == [0.25, 0.25, 0.25]
    assert bounded(torque_limiter([0] * 3, [0] * 3, 0.0), [9, 9, 9]) == [9.0, 9.0, 9.0]


def test_saturating_drive_keeps_its_torque_until_the_next_command():
    limits = {'effort': [10.0, 25.0, 5.0], 'velocity': [20.0, 5.0, None]}
    full = torque_limiter([0] * 3, [0] * 3, period=0.02, limits=limits)
    # 0.5 rad, and what the joint may move in 0.02 s at 20, 5 and, not known, 100 rad/s
    assert bounded(full, [9, -9, 9]) == pytest.approx([0.5 + 0.4, -0.5 - 0.1, 0.5 + 2.0])
    half = torque_limiter([0] * 3, [0] * 3, 0.5, period=0.02, limits=limits)
    assert bounded(half, [9, -9, 9]) == [0.25, -0.25, 0.25]


def test_without_fresh_feedback_no_torque_is_known():
    assert limited(torque_limiter([0] * 3, [0] * 3), [9.0, -9.0, 9.0]) == [9.0, -9.0, 9.0]


@pytest.mark.parametrize(
    'spec',
    [{'stiffness': None, 'damping': None}, {'limits': {}}, {'mode': 'velocity'}],
)
def test_joint_without_gains_or_effort_limit_is_not_bounded(spec):
    assert bounded(torque_limiter([0] * 3, [0] * 3, **spec), [9, -9, 9]) == [9.0, -9.0, 9.0]


def test_one_joint_is_bounded_beside_free_ones():
    spec = {
        'mode': ['position', 'velocity', 'position'],
        'limits': {'effort': [10.0, 25.0, None]},
    }
    limiter = torque_limiter([0] * 3, [7.0] * 3, **spec)
    assert bounded(limiter, [9.0, 9.0, 9.0]) == pytest.approx([0.5 + 0.5 * 7.0 / 20.0, 9.0, 9.0])


def test_step_overrides_the_torque_and_the_range_both():
    limits = {'effort': [10.0, 25.0, 5.0], 'position': [[-0.2, 0.3], [-1, 1], [-1, 1]]}
    limiter = torque_limiter([5.0, 5.0, 0.0], [0] * 3, max_step=0.25, limits=limits)
    limiter.previous[:] = 0.125
    limiter.has_previous = True
    # torque alone: 4.5, 4.5 and 0.5
    assert bounded(limiter, [0.0, 0.0, 0.375]) == [0.3, 0.375, 0.375]


def test_torque_bound_follows_the_feedback():
    position = np.zeros(3)
    joints = compile_spec(make_spec(limits={'effort': [10.0] * 3}, **GAINS)).joints
    feedback = Feedback(position, np.zeros(3))
    limiter = Limiter(joints, LimitConfig(torque_limit=1.0), feedback)
    assert bounded(limiter, [9.0, 9.0, 9.0]) == [0.5, 0.2, 1.0]
    position[:] = 1.0
    assert bounded(limiter, [9.0, 9.0, 9.0]) == [1.5, 1.2, 2.0]


def test_velocity_spike_moves_the_target_no_further_than_the_measured_position():
    # in one message velocities are in deg/s, or a driver has a glitch
    limiter = torque_limiter([0.25, -0.25, 0.0], [1e9, -1e9, 1e9], limits={'effort': [10.0] * 3})
    assert bounded(limiter, [-9.0, 9.0, 9.0]) == [0.25, -0.25, 1.0]


@pytest.mark.fuzz
@given(
    position=st.lists(st.floats(-3, 3), min_size=3, max_size=3),
    velocity=st.lists(st.floats(-30, 30) | st.sampled_from([1e9, -1e9]), min_size=3, max_size=3),
    target=st.lists(st.floats(-100, 100), min_size=3, max_size=3),
    stiffness=st.lists(st.floats(0.1, 500), min_size=3, max_size=3),
    damping=st.lists(st.floats(0, 20), min_size=3, max_size=3),
    effort=st.lists(st.floats(0.1, 300), min_size=3, max_size=3),
    factor=st.floats(0.1, 2.0),
)
def test_command_is_the_nearest_within_the_torque_between_measured_position_and_target(
    position, velocity, target, stiffness, damping, effort, factor
):
    limiter = torque_limiter(
        position,
        velocity,
        factor,
        limits={'effort': effort},
        stiffness=stiffness,
        damping=damping,
    )
    command = bounded(limiter, target)
    for joint in range(3):
        near, far = sorted([position[joint], target[joint]])
        assert near <= command[joint] <= far
        kp, kd, bound = stiffness[joint], damping[joint], factor * effort[joint]
        damped = -kd * velocity[joint]
        wanted = kp * (target[joint] - position[joint]) + damped
        low, high = sorted([wanted, damped])  # the spring acts toward the target or not at all
        nearest = min(max(wanted, -bound, low), max(bound, low), high)
        given_torque = kp * (command[joint] - position[joint]) + damped
        assert given_torque == pytest.approx(nearest, rel=1e-9, abs=1e-6)


RANGES = {'position': [[-1.0, 1.0], [-0.25, 3.0], [-1.0, 1.0]]}
"""Margins of 5 %, and of MAX_MARGIN: 0.1, 0.1, 0.1 rad."""


def soft_limiter(position, kind='soft', factor=0.0, max_step=0.0, **spec):
    joints = compile_spec(make_spec(**{'limits': RANGES, **GAINS, **spec})).joints
    config = LimitConfig(max_step=max_step, torque_limit=factor, position_limits=kind)
    return Limiter(joints, config, Feedback(np.array(position), np.zeros(3)))


def test_target_beyond_the_range_stays_while_the_joint_is_well_inside():
    target = [1.4, -0.9, -1.1]
    assert bounded(soft_limiter([0.9, -0.15, -0.9]), target) == target
    assert bounded(soft_limiter([0.9, -0.15, -0.9], 'clip'), target) == [1.0, -0.25, -1.0]
    assert bounded(soft_limiter([0.9, -0.15, -0.9], 'off'), target) == target


def test_part_beyond_the_limit_is_scaled_with_the_room_that_is_left_of_the_margin():
    # 0.05 of 0.1 rad, 0.025 of 0.1 rad, none
    limiter = soft_limiter([0.95, -0.225, -1.0])
    assert bounded(limiter, [1.4, -0.65, -1.5]) == pytest.approx([1.2, -0.35, -1.0])


def test_joint_beyond_its_limit_gets_no_torque_outward_and_any_inward():
    limiter = soft_limiter([1.0625, -0.3125, 1.0625])
    assert bounded(limiter, [2.0, -0.75, 1.03125]) == [1.0625, -0.3125, 1.03125]
    assert bounded(limiter, [0.5, 1.0, -0.5]) == [0.5, 1.0, -0.5]


def test_implausible_position_moves_no_target_out_of_its_range():
    # joint states in degrees: the torque limit bounds the target toward -90 rad
    limits = {**RANGES, 'effort': [10.0, 25.0, 5.0]}
    limiter = soft_limiter([-90.0, 90.0, -90.0], factor=1.0, limits=limits)
    assert bounded(limiter, [0.5, 0.5, 0.5]) == [-1.0 - MAX_MARGIN, 3.0 + MAX_MARGIN, -1.1]


@pytest.mark.parametrize('position', [-2.0, -1.0, -0.95, 0.0, 0.99, 1.0, 1.5])
def test_soft_limits_never_change_a_target_within_the_range(position):
    limiter = soft_limiter([position] * 3)
    assert bounded(limiter, [1.0, 3.0, -1.0]) == [1.0, 3.0, -1.0]
    assert bounded(limiter, [-1.0, -0.25, 0.3]) == [-1.0, -0.25, 0.3]


def test_margin_is_a_share_of_the_range_and_bounded():
    position = [[-0.2, 0.2], [-3.0, 3.0], [-math.inf, 1.0]]
    joints = joint_table(*zip(*position, strict=True))
    assert soft_margin(joints).tolist() == pytest.approx([0.02, MAX_MARGIN, MAX_MARGIN])


@pytest.mark.parametrize('spec', [{'stiffness': None, 'damping': None}, {'mode': 'velocity'}])
def test_joint_without_known_gains_is_clipped(spec):
    limits = {**RANGES, 'velocity': [1.0] * 3}
    limiter = soft_limiter([0.0, 0.0, 0.0], limits=limits, **spec)
    lower = -0.25 if 'mode' not in spec else -1.0
    assert bounded(limiter, [1.4, -1.4, -1.4]) == [1.0, lower, -1.0]


@pytest.mark.parametrize('kind', ['soft', 'clip'])
def test_range_clips_where_no_joint_is_measured(kind):
    limiter = soft_limiter([0.0, 0.0, 0.0], kind)
    assert limited(limiter, [1.4, -1.4, -1.4]) == [1.0, -0.25, -1.0]


def test_target_that_no_torque_limit_bounds_is_beyond_by_the_width_of_the_range_at_most():
    assert bounded(soft_limiter([0.0] * 3), [1e9, -1e9, -1e9]) == [3.0, -3.5, -3.0]
    limits = {**RANGES, 'effort': [100.0, None, 100.0]}
    limiter = soft_limiter([0.0] * 3, factor=1.0, limits=limits)
    assert bounded(limiter, [1e9, -1e9, -1e9]) == [5.0, -3.5, -10.0]


def test_soft_limit_overrides_the_step():
    limiter = soft_limiter([0.0, 0.0, 0.0], max_step=0.25)
    limiter.follow(np.array([1.5, 1.5, -1.25]))
    assert bounded(limiter, [1.5, 1.5, -2.0]) == [1.5, 1.5, -1.5]
    limiter = soft_limiter([1.0, 0.0, -0.95], max_step=0.25)
    limiter.follow(np.array([1.5, 1.5, -1.25]))
    assert bounded(limiter, [1.5, 1.5, -2.0]) == pytest.approx([1.0, 1.5, -1.25])


def test_limiter_reports_whether_a_limit_was_active():
    limiter = soft_limiter([0.0, 0.0, 0.0], max_step=0.5)
    for target, is_inactive in (
        ([0.5, 0.5, 0.5], True),
        ([1.25, 0.5, 0.5], False),  # sent as it is, and beyond the range
        ([0.5, 0.5, 0.5], False),  # the step binds
        ([0.5, 0.5, 0.5], True),
    ):
        bounded(limiter, target)
        assert limiter.is_inactive is is_inactive
        limiter.follow(np.array([1.25, 0.5, 0.5])) if target[0] > 1.0 else None


@pytest.mark.fuzz
@given(
    position=st.lists(st.floats(-3, 3), min_size=3, max_size=3),
    target=st.lists(st.floats(-20, 20), min_size=3, max_size=3),
    ranges=st.lists(st.tuples(st.floats(-2, 2), st.floats(0.001, 4)), min_size=3, max_size=3),
    factor=st.sampled_from([0.0, 0.5, 1.0]),
)
def test_soft_command_lies_between_measured_position_or_limit_and_target(
    position, target, ranges, factor
):
    limits = {
        'position': [[low, low + width] for low, width in ranges],
        'effort': [10.0, 25.0, 5.0],
    }
    default = [low + width / 2 for low, width in ranges]
    limiter = soft_limiter(position, factor=factor, limits=limits, default_position=default)
    command = bounded(limiter, target)
    for joint, (low, width) in enumerate(ranges):
        near, far = sorted([position[joint], target[joint]])
        lowest, highest = low - MAX_MARGIN, low + width + MAX_MARGIN
        if position[joint] <= low:
            near, far = max(near, lowest), max(far, lowest)
        if position[joint] >= low + width:
            near, far = min(near, highest), min(far, highest)
        assert near - 1e-12 <= command[joint] <= far + 1e-12
        outward = max(command[joint] - (low + width), low - command[joint], 0.0)
        beyond = max(position[joint] - (low + width), low - position[joint])
        if MAX_MARGIN >= beyond >= 0.0 and outward:
            # at its limit or further out a joint is not driven on, away from the range
            side = 1.0 if position[joint] > low + width / 2 else -1.0
            assert side * (command[joint] - position[joint]) <= 1e-12
