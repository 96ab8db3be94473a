# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import math

from distill_runtime.core.checks.registry import Finding
from distill_runtime.core.modes import Event, Mode
from distill_runtime.core.swap.swap import SwapState
from distill_runtime.core.velocity_command import CommandRange, DWELL, STILL_RANGE, STILL_RATE
from distill_runtime.spec.compile import compile_spec
import numpy as np
import pytest
from support.rig import COMMAND_TERM, IMU_TERM, Rig, TICK_NS, walking
from support.specs import DEFAULT, make_spec
from support.walk_rig import AT_ONCE, giving, hips, Walk

TICK = TICK_NS / 1e9
RANGE = {'lower': [-1.0, -0.5, -1.0], 'upper': [1.0, 0.5, 1.0]}
LIMIT = 500_000_000
NO_ZERO = {'command': {'lower': [0.25, 0, 0], 'upper': [1, 0, 0]}}
TRAINED = {'lower': [-0.5, -0.3, -0.2], 'upper': [1.0, 0.3, 0.2]}


def clipped(asked, **spec):
    compiled = compile_spec(make_spec(COMMAND_TERM, **spec))
    values = np.array(asked, float)
    CommandRange(compiled, values).apply()
    return values.tolist()


def seen(asked, age_ns=0, spec=NO_ZERO):
    """Return the command that a policy sees at the first step of a run."""
    rig = Rig(make_spec(COMMAND_TERM, **spec), start_in='policy')
    rig.sensors.velocity_command[:] = asked
    rig.now = 10 * LIMIT
    rig.sensors.command_stamp_ns = rig.now + TICK_NS - age_ns
    step = rig.tick(but={'command'})
    return step.observation.tolist(), step.reason.partition(':')[0]


def test_command_is_clipped_to_the_trained_range():
    assert clipped([2.0, -2.0, 0.1], command=TRAINED) == [1.0, -0.3, 0.1]
    assert clipped([-2.0, 2.0, -2.0], command=TRAINED) == [-0.5, 0.3, -0.2]


def test_command_without_a_trained_range_is_not_clipped():
    assert clipped([9.0, -9.0, 9.0]) == [9.0, -9.0, 9.0]


def test_command_to_stand_remains_where_standing_was_not_trained():
    assert clipped([0.0, 0.0, 0.0], **NO_ZERO) == [0.0, 0.0, 0.0]
    assert clipped([-0.0, 0.0, -0.0], **NO_ZERO) == [0.0, 0.0, 0.0]
    assert clipped([0.1, 0.0, 0.0], **NO_ZERO) == [0.25, 0.0, 0.0]
    assert clipped([0.0, 0.0, 0.1], **NO_ZERO) == [0.25, 0.0, 0.0]


def test_stale_command_is_zero_even_where_zero_was_not_trained():
    assert seen([0.5, 0.0, 0.0], age_ns=2 * LIMIT) == ([0.0, 0.0, 0.0], 'cmd_vel.stale')


def test_policy_sees_commands_within_its_trained_range():
    assert seen([0.5, 0.5, 0.0]) == ([0.5, 0.0, 0.0], '')
    assert seen([0.1, 0.0, 0.0]) == ([0.25, 0.0, 0.0], '')
    assert seen([0.0, 0.0, 0.0]) == ([0.0, 0.0, 0.0], '')


def commanded(command=(0.5, 0.0, 0.0), *terms, spec=None, **config):
    """Return a rig that walks with a velocity command, the first elements of its observation."""
    rig = Rig(
        make_spec(COMMAND_TERM, *terms, **{'command': RANGE, **(spec or {})}),
        start_in='policy',
        max_joint_step=0.0,
        **config,
    )
    rig.sensors.velocity_command[:] = command
    rig.tick()
    return rig


def stopping(*args, **config):
    """Return a rig at whose next tick the stop begins."""
    rig = commanded(*args, **config)
    assert rig.runner.request(Event.STOP) == (True, 'policy to stopping')
    return rig


def slowed(rig, most=200):
    """Return the command that the policy sees at each tick of a stop, until it is zero."""
    seen = []
    for _ in range(most):
        step = rig.tick()
        assert (step.mode, step.has_policy_step, step.sends) == (Mode.STOPPING, True, True)
        seen.append(step.observation[:3].tolist())
        if not any(seen[-1]):
            return np.array(seen)
    raise AssertionError(f'{seen[-1]} after {most} ticks')


def time_to_standby(rig, move=lambda tick: None, most=1000):
    """Return the time in s from the first tick of a stop to that of standby."""
    for tick in range(most):
        move(tick)
        if rig.tick().mode is Mode.STANDBY:
            return tick * TICK
    raise AssertionError(f'{rig.runner.mode.name} after {most} ticks')


def test_command_goes_to_zero_with_the_deceleration_from_the_one_in_use():
    seen = slowed(stopping(stop_deceleration=2.0))
    assert seen[0].tolist() == [0.5, 0.0, 0.0]
    assert seen[:, 0] == pytest.approx(np.maximum(0.5 - 2.0 * TICK * np.arange(len(seen)), 0.0))
    assert seen[-1].tolist() == [0.0, 0.0, 0.0]
    assert len(seen) == 14


@pytest.mark.parametrize('command', [(0.3, -0.4, 0.2), (0.1, 0.05, -0.9), (-0.9, 0.1, 0.3)])
def test_no_part_slows_faster_and_the_direction_stays(command):
    seen = slowed(stopping(command, stop_deceleration=1.0))
    changes = np.abs(np.diff(seen, axis=0)) / TICK
    assert np.hypot(changes[:, 0], changes[:, 1]).max() <= 1.0 + 1e-5
    assert changes[:, 2].max() <= 1.0 + 1e-5
    share = seen[:-1] / np.array(command)
    np.testing.assert_allclose(share, share[:, :1] * np.ones(3), rtol=1e-5)
    assert len(seen) - 1 == math.ceil(max(math.hypot(*command[:2]), abs(command[2])) / TICK)


def test_zero_deceleration_is_at_once():
    assert slowed(stopping(stop_deceleration=0.0)).tolist() == [[0.0, 0.0, 0.0]]


def test_slows_from_the_command_after_clipping():
    assert slowed(stopping((7.0, 0.0, 0.0)))[0].tolist() == [1.0, 0.0, 0.0]


def test_slows_from_zero_where_the_command_is_out_of_date():
    rig = commanded(cmd_vel_timeout=0.1)
    for _ in range(10):
        rig.tick(but={'command'})
    rig.runner.request(Event.STOP)
    assert rig.tick(but={'command'}).observation.tolist() == [0.0, 0.0, 0.0]


def test_new_commands_change_nothing():
    rig = stopping()
    rig.tick()
    rig.sensors.velocity_command[:] = [1.0, 0.0, 1.0]
    assert slowed(rig)[:2, 0] == pytest.approx([0.48, 0.46])


def test_standby_begins_from_the_last_command_once_the_robot_stands():
    rig = stopping(output=0.2, ramp_time=1.0)
    assert time_to_standby(rig) == pytest.approx(0.5 + DWELL)
    assert rig.tick().command == pytest.approx(np.array(DEFAULT) + 0.1, abs=0.01)
    rig.tick(10**9)
    assert rig.runner.last_command.tolist() == list(DEFAULT)


@pytest.mark.parametrize(('size', 'stands'), [(0.4, True), (0.6, False)])
def test_robot_stands_when_every_joint_keeps_to_a_small_range(size, stands):
    rig = stopping(stop_timeout=3.0)

    def sway(tick):
        rig.place([DEFAULT[0], DEFAULT[1] + size * STILL_RANGE * math.sin(tick), DEFAULT[2]])

    assert time_to_standby(rig, sway) == pytest.approx(1.0 if stands else 3.0)


def test_slow_drift_is_standing_and_a_late_motion_restarts_the_dwell():
    rig = stopping()
    assert time_to_standby(rig, lambda tick: rig.place([0.001 * tick] * 3)) == pytest.approx(1.0)
    rig = stopping()
    late = round(0.8 / TICK)
    moved = time_to_standby(rig, lambda tick: rig.place([0.5 * (tick >= late) + 1e-6 * tick] * 3))
    assert moved == pytest.approx(0.8 + DWELL)


@pytest.mark.parametrize(('rate', 'time'), [(0.9 * STILL_RATE, 1.0), (1.1 * STILL_RATE, 2.0)])
def test_base_that_turns_does_not_stand(rate, time):
    rig = stopping((0.5, 0.0, 0.0), IMU_TERM, stop_timeout=2.0)

    def turn(tick):
        rig.sensors.angular_velocity[:] = [0.0, rate * (-1) ** tick, 0.0]

    assert time_to_standby(rig, turn) == pytest.approx(time)


def test_timeout_counts_from_the_stop_also_while_it_slows():
    rig = stopping((1.0, 0.0, 0.0), stop_deceleration=0.1, stop_timeout=0.6)
    assert time_to_standby(rig) == pytest.approx(0.6)


@pytest.mark.parametrize(
    ('terms', 'config'), [((COMMAND_TERM,), {'stop_timeout': 0.0}), ((IMU_TERM,), {})]
)
def test_without_time_or_a_command_to_slow_a_stop_is_standby(terms, config):
    rig = walking(make_spec(*terms), **config)
    assert rig.runner.request(Event.STOP) == (True, 'policy to standby')
    step = rig.tick()
    assert (step.mode, step.has_policy_step) == (Mode.STANDBY, False)


def test_second_stop_changes_nothing():
    once, twice = stopping(), stopping()
    for _ in range(10):
        once.tick(), twice.tick()
    assert twice.runner.request(Event.STOP) == (True, 'stopping to stopping')
    assert slowed(once).tolist() == slowed(twice).tolist()
    assert time_to_standby(once) == time_to_standby(twice)


def test_start_and_stop_in_one_tick_do_not_begin_the_stop_again():
    rig = stopping()
    rig.tick()
    for event in (Event.START, Event.STOP):
        assert rig.runner.request(event)[0]
    assert slowed(rig)[0].tolist() == pytest.approx([0.48, 0.0, 0.0])


def test_start_during_a_stop_continues_with_history_and_command():
    rig = stopping((0.5, 0.0, 0.0), {'term': 'last_action'}, output=lambda run: 0.1 * run)
    for _ in range(10):
        rig.tick()
    resets, runs = rig.policy.num_resets, rig.policy.num_runs
    rig.place([9.0] * 3)  # from standby a start would be refused
    assert rig.runner.request(Event.START) == (True, 'stopping to policy')
    step = rig.tick()
    assert (step.mode, rig.policy.num_resets) == (Mode.POLICY, resets)
    assert step.observation == pytest.approx([0.5, 0, 0, *[0.1 * (runs - 1)] * 3])


def test_next_stop_begins_from_the_start():
    rig = stopping()
    slowed(rig)
    rig.ask(Event.START)
    rig.sensors.velocity_command[:] = [0.2, 0.0, 0.0]
    rig.tick()
    rig.runner.request(Event.STOP)
    assert slowed(rig)[0].tolist() == pytest.approx([0.2, 0.0, 0.0])
    assert time_to_standby(rig) == pytest.approx(DWELL - TICK)


def test_estop_during_a_stop_faults_at_once_and_its_reset_leads_to_standby():
    rig = stopping()
    rig.tick()
    step = rig.ask(Event.ESTOP)
    assert (step.mode, step.has_policy_step) == (Mode.FAULT, False)
    assert rig.ask(Event.RESET_FAULT).mode is Mode.STANDBY


@pytest.mark.parametrize('what', ['input', 'action', 'tilt', 'outside'])
def test_fault_during_a_stop_is_a_fault(what):
    rig = stopping((0.5, 0.0, 0.0), IMU_TERM)
    rig.tick()
    if what == 'action':
        rig.policy.output = math.nan
    elif what == 'tilt':
        rig.sensors.quat_base_to_world[:] = [0.0, 1.0, 0.0, 0.0]
    elif what == 'outside':
        rig.runner.caller_findings = (Finding('estop', 'estop.topic: true'),)
    late = {'joint'} if what == 'input' else ()
    for _ in range(10):  # a check may want to see it for longer than a tick
        step = rig.tick(TICK_NS, but=late)
    assert (step.mode, step.reason) == (Mode.FAULT, rig.runner.fault)


def test_stop_before_the_first_sample_begins_with_it():
    rig = Rig(make_spec(COMMAND_TERM), start_in='policy')
    rig.sensors.velocity_command[:] = [0.5, 0.0, 0.0]
    assert not rig.tick(but={'joint'}).sends
    rig.runner.request(Event.STOP)
    assert slowed(rig)[0].tolist() == [0.5, 0.0, 0.0]


def test_command_with_a_least_speed_ends_at_zero():
    # the trained range excludes 0: down to its least speed, then to stand
    rig = commanded((1.0, 0.0, 0.0), spec={'command': {'lower': [0.25, 0, 0], 'upper': [1, 0, 0]}})
    rig.runner.request(Event.STOP)
    seen = slowed(rig)
    assert seen[:-1, 0].min() == 0.25
    assert seen[-1].tolist() == [0.0, 0.0, 0.0]


def walk_that_stops(**options):
    """Return a walk in which a stop has begun; its sensors never stand still."""
    walk = Walk(make=giving(0.0), **options)
    walk.ticks(3)
    assert walk.ask(Event.STOP).mode is Mode.STOPPING
    return walk


def test_swap_during_a_stop_is_blended():
    walk = walk_that_stops()
    swap = walk.offer(walk.instance(make=giving(1.0)), blend_time=0.1)
    moved = hips(walk, 6)
    assert (swap.state, walk.runner.mode) == (SwapState.ACTING, Mode.STOPPING)
    assert moved == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.5, 0.5])


def test_policy_that_fails_on_probation_during_a_stop_is_rolled_back():
    walk = walk_that_stops()
    swap = walk.offer(
        walk.instance(make=giving(lambda run: math.nan if run > 3 else 0.0)), **AT_ONCE
    )
    walk.ticks(8)
    assert (swap.state, walk.runner.mode) == (SwapState.ROLLED_BACK, Mode.STOPPING)


def test_swap_that_still_waits_when_the_robot_stands_is_cancelled():
    walk = walk_that_stops(stop_timeout=0.2)
    swap = walk.offer(shadow_time=1.0)
    walk.ticks(5)
    assert swap.state is SwapState.WAITING
    walk.ticks(10)
    assert (swap.state, walk.runner.mode) == (SwapState.REFUSED, Mode.STANDBY)
    assert swap.reason.startswith('swap.cancelled')


def test_control_ticks_between_policy_steps_are_part_of_the_stop():
    rig = commanded(ticks_per_step=4)
    rig.runner.request(Event.STOP)
    modes = [rig.tick(TICK_NS // 4).mode for _ in range(240)]
    assert modes.count(Mode.STOPPING) * TICK / 4 == pytest.approx(0.5 + DWELL)


def test_runner_reset_ends_a_stop():
    rig = stopping()
    rig.tick()
    rig.runner.reset()
    assert rig.tick().mode is Mode.POLICY
