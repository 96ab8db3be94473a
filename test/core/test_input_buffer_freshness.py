# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from distill_runtime.core.input_buffer import Freshness
from distill_runtime.core.sensors import NEVER, Sensors
from distill_runtime.spec.compile import compile_spec
import pytest
from support.specs import make_spec

LIMIT = 100_000_000
SCAN = {'term': 'external', 'topic': '/scan', 'width': 2, 'max_age': 0.3}
ALL = ({'term': 'projected_gravity'}, {'term': 'base_linear_velocity'}, SCAN)
FIELDS = {'joint_states': 'joint', 'imu': 'imu', 'odom': 'odometry'}


def judged(stamp_ns, *terms, **stamps):
    """Return the reason at a tick, with every sample at stamp 0 but those given."""
    compiled = compile_spec(make_spec(*terms))
    freshness = Freshness(compiled, LIMIT)
    sensors = Sensors(compiled.layout)
    for field in ('joint', 'imu', 'odometry'):
        setattr(sensors, f'{field}_stamp_ns', stamps.get(field, stamp_ns))
    sensors.external_stamps_ns = [stamps.get('external', stamp_ns)] * len(sensors.externals)
    freshness.take_over(sensors)
    return freshness.check(stamp_ns), freshness.joints_are_fresh


def test_everything_of_this_tick_is_fresh():
    assert judged(5 * LIMIT, *ALL) == ('', True)


@pytest.mark.parametrize('topic', FIELDS)
@pytest.mark.parametrize('sign', [-1, 1])
def test_age_bound_is_inclusive_on_both_sides(topic, sign):
    tick = 10 * LIMIT
    edge = {FIELDS[topic]: tick - sign * LIMIT}
    beyond = {FIELDS[topic]: tick - sign * (LIMIT + 1)}
    assert judged(tick, *ALL, **edge)[0] == ''
    code = f'{topic}.stale: ' if sign > 0 else f'{topic}.ahead: '
    assert judged(tick, *ALL, **beyond)[0].startswith(code)


def test_external_has_an_age_of_its_own():
    tick = 10 * LIMIT
    assert judged(tick, *ALL, external=tick - 3 * LIMIT)[0] == ''
    assert judged(tick, *ALL, external=tick - 3 * LIMIT - 1)[0].startswith('/scan.stale: ')


def test_external_without_an_age_never_grows_stale():
    goal = {'term': 'external', 'topic': 'goal', 'width': 2}
    assert judged(10**15, goal, external=0)[0] == ''


@pytest.mark.parametrize(
    ('field', 'code'),
    [('joint', 'joint_states'), ('imu', 'imu'), ('odometry', 'odom'), ('external', '/scan')],
)
def test_input_without_a_sample_is_missing(field, code):
    reason, _ = judged(LIMIT, *ALL, **{field: NEVER})
    assert reason == f'{code}.missing: no sample yet, is its publisher running?'


def test_sample_at_time_zero_counts_as_never_only_before_it():
    assert judged(0, *ALL, joint=NEVER)[0].startswith('joint_states.missing')
    assert judged(0, *ALL, joint=0)[0] == ''


def test_inputs_that_nobody_needs_are_not_asked_for():
    assert judged(10**12, imu=NEVER, odometry=NEVER) == ('', True)


def test_stale_reason_says_age_limit_and_what_to_check():
    reason, _ = judged(10**9, *ALL, imu=10**9 - 213_000_000)
    assert reason == (
        'imu.stale: newest sample is 0.213 s old, expected within 0.100 s: '
        'is the driver running, are the clocks synchronised?'
    )


def test_joints_stay_fresh_where_another_input_is_not():
    assert judged(10**9, *ALL, imu=NEVER)[1]
    assert not judged(10**9, *ALL, joint=NEVER)[1]


def test_reset_forgets_every_sample():
    compiled = compile_spec(make_spec())
    freshness = Freshness(compiled, LIMIT)
    sensors = Sensors(compiled.layout)
    sensors.joint_stamp_ns = 0
    freshness.take_over(sensors)
    assert freshness.check(0) == ''
    freshness.reset()
    assert freshness.check(0).startswith('joint_states.missing')


def test_problems_are_those_of_every_input_and_check_gives_the_first():
    compiled = compile_spec(make_spec(*ALL))
    freshness, sensors = Freshness(compiled, LIMIT), Sensors(compiled.layout)
    tick = 10 * LIMIT
    sensors.joint_stamp_ns, sensors.imu_stamp_ns = tick - 2 * LIMIT, tick
    sensors.odometry_stamp_ns, sensors.external_stamps_ns = tick + 2 * LIMIT, [NEVER]
    freshness.take_over(sensors)
    first = freshness.check(tick)
    problems = freshness.problems()
    assert problems[0] == first
    assert [problem.partition(': ')[0] for problem in problems] == [
        'joint_states.stale', 'odom.ahead', '/scan.missing'
    ]  # fmt: skip


def test_external_without_an_age_is_no_problem_once_it_came():
    compiled = compile_spec(make_spec({'term': 'external', 'topic': 'goal', 'width': 2}))
    freshness, sensors = Freshness(compiled, LIMIT), Sensors(compiled.layout)
    sensors.joint_stamp_ns, sensors.external_stamps_ns = 10**15, [0]
    freshness.take_over(sensors)
    assert (freshness.check(10**15), freshness.problems()) == ('', [])
