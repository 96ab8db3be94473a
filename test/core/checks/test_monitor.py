# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Each check in a runner: below its threshold, above it, debounced, latched and reset."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
import math
from typing import NamedTuple

from distill_runtime.core.checks.monitor import pose_problem, tilt_problem
from distill_runtime.core.checks.registry import CHECKS, checks_without, Finding
from distill_runtime.core.config import RunnerConfig
from distill_runtime.core.modes import Event, FAULT_ACTIONS, Mode
from distill_runtime.core.sensors import InputProblem
from distill_runtime.errors import ConfigError
from distill_runtime.spec.compile import compile_spec
import numpy as np
import pytest
from support.rig import IMU_TERM, Rig, TICK_NS, walking
from support.specs import DEFAULT, make_spec

SPEC = make_spec(
    IMU_TERM,
    {'term': 'base_angular_velocity', 'trained_range': [-1.0, 1.0]},
    limits={'position': [[-2.0, 2.0]] * 3, 'velocity': [10.0] * 3},
)
DEBOUNCE = 0.1
DEBOUNCE_TICKS = 5
VALID, ALMOST, BEYOND = range(3)
UNSTOPPABLE = ('input_age', 'estop', 'action_value')


class Case(NamedTuple):
    """How to trigger a check."""

    check: str
    code: str
    show: Callable[[Rig, int], None]
    """Sets sensors and network for the next tick: valid, just below the threshold, or above it."""
    of_policy: bool = False
    """Found one tick after the policy step, and only while the policy runs."""


def age(rig, level):
    rig.sensors.imu_stamp_ns = rig.now - (0, 100_000_000, 100_000_007)[level]


def norm(rig, level):
    rig.sensors.quat_base_to_world[0] = math.sqrt((1.0, 1.019, 1.021)[level])


def freeze(rig, level):
    if level is BEYOND:
        rig.sensors.angular_velocity[:] = 0.5
    elif level is ALMOST:
        rig.sensors.angular_velocity[:] = 0.5 + 2.3e-16 * (rig.now // TICK_NS % 7)


def tilt(rig, level):
    half = (0.0, 0.495, 0.505)[level] / 2.0
    rig.sensors.quat_base_to_world[:] = [math.cos(half), 0.0, math.sin(half), 0.0]


def position(rig, level):
    rig.place([*DEFAULT[:2], (-0.5, -2.09, -2.11)[level]])


def velocity(rig, level):
    rig.sensors.joint_velocity[1] = (0.0, 19.9, 20.1)[level]


def spin(rig, level):
    rig.sensors.joint_velocity[1] = (0.0, 49.9, 50.1)[level]


def untrained(rig, level):
    rig.sensors.angular_velocity[2] = (0.0, -1.19, -1.21)[level]


def saturate(rig, level):
    rig.policy.output = ([0, 0, 0], [9, 0, 0], [9, 0, -9])[level]


def jump(rig, level):
    size = (0.0, 2.98, 3.02)[level]
    rig.policy.output = lambda run: size * (run % 2)


def from_caller(code):
    """Return a show function for a finding of the caller."""

    def show(rig, level):
        check = code.partition('.')[0]
        rig.runner.caller_findings = (Finding(check, f'{code}: text'),) if level is BEYOND else ()

    return show


CASES = (
    Case('input_age', 'imu.stale', age),
    Case('input_sample', 'imu.norm', norm),
    Case('input_frozen', 'imu.frozen', freeze),
    Case('tilt', 'tilt.limit', tilt),
    Case('joint_position', 'position.limit', position),
    Case('joint_velocity', 'velocity.limit', velocity),
    Case('implausible_velocity', 'velocity.implausible', spin),
    Case('observation_range', 'observation.range', untrained, of_policy=True),
    Case('action_saturation', 'action.saturated', saturate, of_policy=True),
    Case('target_step', 'target.step', jump, of_policy=True),
    Case('estop', 'estop.topic', from_caller('estop.topic')),
    Case('missed_deadlines', 'missed_deadlines.row', from_caller('missed_deadlines.row')),
    Case('inference_time', 'inference_time.slow', from_caller('inference_time.slow')),
    Case('command_conflict', 'command_conflict.other', from_caller('command_conflict.other')),
)
MOMENTARY = {'clock', 'action_value'}
every_case = pytest.mark.parametrize('case', CASES, ids=lambda case: case.check)


def make_rig(case, debounce=DEBOUNCE, action='', fault_action='hold'):
    """Return a walking rig with one check enabled."""
    others = checks_without(*(CHECKS.keys() - {case.check, *UNSTOPPABLE}))
    limits = {'input_frozen': 0.0}
    check = replace(CHECKS[case.check].default, debounce=debounce, action=action)
    check = replace(check, limit=limits.get(case.check, check.limit))
    rig = Rig(
        SPEC,
        start_in='policy',
        tilt_limit=0.5,
        max_input_age=0.1 if case.check == 'input_age' else 10.0,
        fault_action=fault_action,
        escalation_time=0.0,
        checks={**others, case.check: check},
    )
    for _ in range(3):
        tick(rig, case, VALID)
    return rig


def tick(rig, case, level):
    """Tick once at a level."""
    rig.now += TICK_NS
    rig.stamp(rig.now)
    rig.sensors.angular_velocity[0] = 1e-3 * (rig.now // TICK_NS % 7)
    case.show(rig, level)
    return rig.runner.step(rig.sensors, rig.now)


def found(rig, case):
    """Tick until the first finding; return that step."""
    for _ in range(3):
        step = tick(rig, case, BEYOND)
        if step.reason:
            break
    return step


def test_every_check_is_tested():
    assert {case.check for case in CASES} | MOMENTARY == CHECKS.keys()


@every_case
def test_value_below_the_threshold_gives_no_reason(case):
    rig = make_rig(case, debounce=0.0)
    for _ in range(20):
        step = tick(rig, case, ALMOST)
        assert (step.mode, step.reason) == (Mode.POLICY, '')


@every_case
def test_finding_is_a_warning_until_it_outlasts_the_debounce(case):
    rig = make_rig(case)
    step = found(rig, case)
    for _ in range(DEBOUNCE_TICKS):
        assert (step.mode, rig.runner.fault) == (Mode.POLICY, '')
        assert step.reason.startswith(f'{case.code}: ')
        step = tick(rig, case, BEYOND)
    assert step.mode is Mode.FAULT
    assert step.reason.startswith(f'{case.code}: ')
    assert rig.runner.fault == step.reason


@every_case
def test_intermittent_finding_is_no_fault(case):
    rig = make_rig(case)
    for _ in range(5):
        assert found(rig, case).reason.startswith(f'{case.code}: ')
        for _ in range(DEBOUNCE_TICKS - 3):
            tick(rig, case, BEYOND)
        for _ in range(3):
            step = tick(rig, case, VALID)
        assert (step.mode, step.reason) == (Mode.POLICY, '')


@every_case
@pytest.mark.parametrize('action', ['', *FAULT_ACTIONS])
def test_fault_takes_the_action_of_its_check(case, action):
    rig = make_rig(case, debounce=0.0, action=action, fault_action='default_pose')
    step = found(rig, case)
    assert step.mode is Mode.FAULT
    assert rig.runner.fault_action == (action or 'default_pose')
    assert step.sends == (action != 'stop')


@every_case
@pytest.mark.parametrize('action', ['warn', 'ignore'])
def test_check_can_warn_only_or_be_ignored(case, action):
    if case.check in UNSTOPPABLE:
        with pytest.raises(ConfigError, match=f'checks.{case.check}.action is {action!r}'):
            make_rig(case, action=action)
        return
    rig = make_rig(case, debounce=0.0, action=action)
    step = found(rig, case)
    is_reported = action == 'warn' or case.check == 'input_sample'  # a rejected sample always is
    for _ in range(20):
        assert step.mode is Mode.POLICY
        assert step.reason.startswith(f'{case.code}: ') == is_reported
        step = tick(rig, case, BEYOND)


@every_case
def test_fault_is_latched_and_its_reset_is_taken_when_the_cause_is_gone(case):
    rig = make_rig(case, debounce=0.0)
    fault = found(rig, case).reason
    if not case.of_policy:
        is_taken, why = rig.runner.request(Event.RESET_FAULT)
        assert (is_taken, 'its cause is still there: ' in why) == (False, True)
    for _ in range(10):
        step = tick(rig, case, VALID)
        assert (step.mode, step.reason) == (Mode.FAULT, fault)
    assert rig.runner.request(Event.RESET_FAULT) == (True, 'fault to standby')
    step = tick(rig, case, VALID)
    assert (step.mode, step.reason, rig.runner.fault) == (Mode.STANDBY, '', '')


def test_findings_before_a_restart_do_not_count():
    case = next(case for case in CASES if case.check == 'observation_range')
    rig = make_rig(case, debounce=0.0)
    assert found(rig, case).mode is Mode.FAULT
    for event, mode in ((Event.RESET_FAULT, Mode.STANDBY), (Event.START, Mode.POLICY)):
        tick(rig, case, VALID)
        assert rig.runner.request(event)[0]
        step = tick(rig, case, VALID)
        assert (step.mode, step.reason) == (mode, '')


def test_clock_that_jumps_back_is_a_fault_that_can_be_reset_at_the_next_tick():
    rig = Rig(SPEC, start_in='policy', checks=checks_without('input_frozen'), fault_action='hold')
    rig.tick()
    step = rig.tick(-1)
    assert (step.mode, rig.runner.fault_action) == (Mode.FAULT, 'hold')
    assert step.reason.startswith('clock.backwards: tick is 0.000 s before the last one')
    assert not rig.runner.request(Event.RESET_FAULT)[0]
    rig.tick()
    assert rig.ask(Event.RESET_FAULT).mode is Mode.STANDBY


def test_output_that_is_not_finite_is_a_fault_within_its_tick():
    action = {'action_value': replace(CHECKS['action_value'].default, action='stop')}
    checks = {**checks_without('input_frozen'), **action}
    rig = Rig(SPEC, start_in='policy', output=math.nan, checks=checks)
    step = rig.tick()
    assert (step.mode, step.sends, rig.runner.fault_action) == (Mode.FAULT, False, 'stop')
    assert step.reason.startswith('action.not_finite: ')


def pose(offset, joint=0):
    """Return the default pose with one joint moved."""
    position = np.array(DEFAULT)
    position[joint] += offset
    return position


def pose_reason(position, mode='position', **options):
    joints = compile_spec(make_spec(mode=mode)).joints
    return pose_problem(joints, position, RunnerConfig(**options))


def gravity(angle):
    return np.array([0.0, -math.sin(angle), -math.cos(angle)])


@pytest.mark.parametrize('sign', [-1.0, 1.0])
def test_pose_limit_binds_on_both_sides(sign):
    assert pose_reason(pose(sign * 0.2499), start_pose_limit=0.25) == ''
    assert pose_reason(pose(sign * 0.2501), start_pose_limit=0.25) != ''


def test_joint_that_is_furthest_off_is_named_with_what_to_check():
    position = pose(0.75, joint=1)
    position[2] -= 0.6
    assert pose_reason(position) == (
        'knee is at 1.350 rad, 0.750 rad from its default 0.600 rad, expected within 0.500 rad: '
        'is standby done, do the motors follow?'
    )


def test_zero_pose_limit_starts_from_anywhere():
    assert pose_reason(pose(99.0), start_pose_limit=0.0) == ''


def test_wheels_may_stand_anywhere():
    modes = ['position', 'velocity', 'effort']
    assert pose_reason(np.array([DEFAULT[0], 99.0, -99.0]), modes) == ''
    assert pose_reason(np.array([99.0, 0.0, 0.0]), modes).startswith('hip is at 99.000 rad')


def test_start_has_a_separate_tilt_limit():
    config = RunnerConfig(start_tilt_limit=0.3)
    assert tilt_problem(gravity(0.299), config) == ''
    assert tilt_problem(gravity(0.31), config) == (
        'base is tilted by 0.31 rad, expected within 0.30 rad: set the robot upright'
    )
    assert tilt_problem(gravity(3.0), RunnerConfig(start_tilt_limit=0.0)) == ''


def refused(rig):
    """Return why a start is refused; it must change nothing."""
    is_taken, why = rig.runner.request(Event.START)
    assert not is_taken
    assert rig.tick().mode is Mode.STANDBY
    return why


def test_start_is_refused_far_from_the_default_pose_and_taken_there():
    rig = Rig()
    rig.place(pose(0.6))
    rig.tick()
    assert refused(rig).startswith('start is refused: hip is at 0.700 rad, 0.600 rad from its ')
    rig.place(pose(0.4))
    rig.tick()
    assert rig.ask(Event.START).mode is Mode.POLICY


def test_start_after_a_stop_in_the_same_tick_is_checked_as_in_standby():
    rig = walking()
    rig.place(pose(0.6))
    rig.tick()
    assert rig.runner.request(Event.START) == (True, 'policy to policy')
    assert rig.runner.request(Event.STOP)[0]
    assert refused(rig).startswith('start is refused: hip is at 0.700 rad')
    rig.place(pose(0.4))
    rig.tick()
    assert rig.ask(Event.START).mode is Mode.POLICY
    for event in (Event.STOP, Event.START):
        assert rig.runner.request(event)[0]
    assert rig.tick().mode is Mode.POLICY


def test_start_is_refused_while_the_robot_is_tilted():
    rig = Rig(make_spec(IMU_TERM))
    rig.sensors.quat_base_to_world[:] = [math.cos(0.3), math.sin(0.3), 0.0, 0.0]
    rig.tick()
    assert refused(rig) == (
        'start is refused: base is tilted by 0.60 rad, expected within 0.50 rad: set the robot '
        'upright'
    )


def test_arm_without_an_imu_has_no_tilt():
    rig = Rig()
    rig.sensors.quat_base_to_world[:] = [0.0, 1.0, 0.0, 0.0]
    rig.tick()
    assert rig.ask(Event.START).mode is Mode.POLICY


def test_start_is_refused_while_a_sample_cannot_be_used():
    rig = Rig(make_spec(IMU_TERM))
    rig.tick()
    rig.sensors.quat_base_to_world[0] = 2.0
    rig.tick()
    assert rig.runner.request(Event.START)[1].startswith('start is refused: imu.norm: ')


def test_start_is_refused_until_every_input_has_come():
    rig = Rig(make_spec(IMU_TERM, {'term': 'base_linear_velocity'}))
    rig.tick(but={'imu', 'odometry'})
    is_accepted, reason = rig.runner.request(Event.START)
    assert not is_accepted
    assert reason == (
        'start is refused: inputs are still missing: '
        'imu.missing: no sample yet, is its publisher running?; '
        'odom.missing: no sample yet, is its publisher running?'
    )


def test_refused_start_names_the_problem_of_the_samples():
    rig = Rig(make_spec(IMU_TERM))
    rig.sensors.problem = InputProblem('imu.truncated: 3 bytes')
    rig.tick(but={'imu'})
    reason = rig.runner.request(Event.START)[1]
    assert reason.endswith('is its publisher running? (imu.truncated: 3 bytes)')


def test_start_in_policy_is_not_checked():
    rig = Rig(start_in='policy')
    rig.place(pose(0.9))
    assert rig.tick().has_policy_step
