# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import replace

from distill_runtime.core.checks.registry import CHECKS, checks_without, DEFAULT_CHECKS, Finding
from distill_runtime.core.fault_action import FaultResponse, Ramp
from distill_runtime.core.modes import Event, FAULT_ACTIONS, Mode
import numpy as np
import pytest
from support.rig import TICK_NS, walking
from support.specs import DEFAULT

SECOND = 1_000_000_000
MEASURED = np.array([1.0, 2.0, 3.0])
START = np.array([4.0, 5.0, 6.0])
OTHER = Finding('command_conflict', 'joint_command.publishers: 2')


def response_to(action, escalation_ns=SECOND):
    ramp = Ramp(np.zeros(3), 2 * SECOND)
    ramp.begin(START, 0)
    response = FaultResponse(ramp, np.array([1.0, 1.0, 0.0]), escalation_ns)
    response.begin(action, 0)
    return response


def written(response, stamp_ns=0, measured=MEASURED):
    pose = np.full(3, np.nan)
    sends = response.write(stamp_ns, measured, START, pose)
    return pose.tolist() if sends else None


def test_each_action_writes_its_pose():
    assert written(response_to('hold')) == [4.0, 5.0, 0.0]
    assert written(response_to('default_pose'), SECOND) == [2.0, 2.5, 3.0]
    assert written(response_to('damp')) == [1.0, 2.0, 3.0]
    assert written(response_to('stop')) is None


def test_damp_without_a_measured_pose_holds():
    assert written(response_to('damp'), measured=None) == [4.0, 5.0, 0.0]


@pytest.mark.parametrize(
    ('action', 'expected'),
    [
        ('hold', ['hold', 'damp', 'stop', 'stop']),
        ('default_pose', ['default_pose', 'damp', 'stop', 'stop']),
        ('damp', ['damp', 'stop', 'stop', 'stop']),
        ('stop', ['stop', 'stop', 'stop', 'stop']),
    ],
)
def test_cause_that_stays_escalates_step_by_step(action, expected):
    response = response_to(action)
    for second, present in enumerate(expected):
        response.escalate(second * SECOND, True)
        assert response.action == present
        response.escalate((second + 1) * SECOND - 1, True)
        assert response.action == present


def test_cause_that_goes_restarts_the_time():
    response = response_to('hold')
    for tick in range(10):
        response.escalate(tick * SECOND // 2, tick % 2 == 0)
        assert response.action == 'hold'


def test_clock_that_runs_backwards_restarts_the_time():
    response = response_to('hold')
    response.begin('hold', 10 * SECOND)
    response.escalate(5 * SECOND, True)
    response.escalate(6 * SECOND - 1, True)
    assert response.action == 'hold'
    response.escalate(6 * SECOND, True)
    assert response.action == 'damp'


def test_zero_time_never_escalates():
    response = response_to('hold', escalation_ns=0)
    response.escalate(10**6 * SECOND, True)
    assert response.action == 'hold'


@pytest.mark.parametrize('action', FAULT_ACTIONS)
@pytest.mark.parametrize('other', FAULT_ACTIONS)
def test_only_a_harder_action_replaces_the_present_one(action, other):
    order = {'hold': 0, 'default_pose': 0, 'damp': 1, 'stop': 2}
    response = response_to(action)
    response.escalate_to(other, SECOND)
    assert response.action == (other if order[other] > order[action] else action)


def test_harder_action_restarts_the_time():
    response = response_to('hold')
    response.escalate_to('damp', SECOND - 1)
    response.escalate(2 * SECOND - 2, True)
    assert response.action == 'damp'
    response.escalate(2 * SECOND - 1, True)
    assert response.action == 'stop'


def faulted(action, **options):
    """Return a rig in a fault whose cause stays until outside is emptied."""
    rig = walking(output=1.0, fault_action=action, escalation_time=1.0, **options)
    rig.runner.caller_findings = (OTHER,)
    while rig.runner.mode is not Mode.FAULT:
        rig.tick()
    return rig


def acted(rig, seconds):
    """Return the fault actions of some time, in turn."""
    actions = [rig.runner.fault_action]
    for _ in range(round(seconds / 0.02)):
        assert rig.tick().mode is Mode.FAULT
        if rig.runner.fault_action != actions[-1]:
            actions.append(rig.runner.fault_action)
    return actions


@pytest.mark.parametrize('action', ['hold', 'default_pose'])
def test_robot_goes_limp_step_by_step_while_the_cause_stays(action):
    rig = faulted(action)
    assert acted(rig, 0.98) == [action]
    assert rig.tick().command.tolist() == list(DEFAULT)  # measured: damp
    assert acted(rig, 0.98) == ['damp']
    assert acted(rig, 0.04) == ['damp', 'stop']
    assert not rig.tick().sends
    assert rig.runner.fault == OTHER.reason


def test_hold_lasts_once_the_cause_is_gone():
    rig = faulted('hold')
    acted(rig, 0.5)
    rig.runner.caller_findings = ()
    assert acted(rig, 5.0) == ['hold']


def test_another_cause_keeps_the_escalation_going():
    rig = faulted('hold')
    acted(rig, 0.5)
    rig.runner.caller_findings = ()
    for _ in range(60):
        rig.now += TICK_NS
        rig.stamp(rig.now - SECOND)
        rig.runner.step(rig.sensors, rig.now)
    assert rig.runner.fault_action == 'damp'
    assert rig.runner.fault == OTHER.reason


def estop_that(action):
    return {**DEFAULT_CHECKS, 'estop': replace(CHECKS['estop'].default, action=action)}


def test_estop_during_hold_escalates_and_keeps_the_reason():
    rig = faulted('hold', checks=estop_that('stop'))
    rig.runner.request(Event.ESTOP)
    step = rig.tick()
    assert (step.sends, rig.runner.fault_action) == (False, 'stop')
    assert step.reason == OTHER.reason


def test_fall_during_hold_takes_the_action_of_the_tilt_check():
    tilt = replace(CHECKS['tilt'].default, action='damp')
    rig = faulted('hold', checks={**checks_without('input_frozen'), 'tilt': tilt})
    rig.runner.caller_findings = (Finding('tilt', 'tilt.limit: 1.2 rad'),)
    for _ in range(2):
        rig.tick()
    assert rig.runner.fault_action == 'damp'


def test_reset_and_a_new_fault_begin_with_the_first_action_again():
    rig = faulted('hold')
    assert acted(rig, 2.5)[-1] == 'stop'
    rig.runner.caller_findings = ()
    rig.tick()
    rig.ask(Event.RESET_FAULT)
    assert rig.runner.fault_action == ''
    rig.ask(Event.ESTOP)
    assert rig.runner.fault_action == 'hold'


def pose_at(ramp, stamp_ns):
    pose = np.zeros(2)
    ramp.write(stamp_ns, pose)
    return pose.tolist()


def make_ramp(duration_ns=1000, begin_ns=0):
    ramp = Ramp(np.array([1.0, -1.0]), duration_ns)
    ramp.begin(np.array([0.0, 1.0]), begin_ns)
    return ramp


@pytest.mark.parametrize(
    ('elapsed_ns', 'share'), [(0, 0.0), (250, 0.15625), (500, 0.5), (750, 0.84375), (1000, 1.0)]
)
def test_share_of_the_way_is_a_smooth_step(elapsed_ns, share):
    assert pose_at(make_ramp(begin_ns=50), 50 + elapsed_ns) == [share, 1.0 - 2.0 * share]


def test_clock_before_the_start_gives_the_start():
    assert pose_at(make_ramp(begin_ns=500), 100) == [0.0, 1.0]


def test_zero_duration_is_at_the_goal_at_once():
    for stamp_ns in (0, -1, 10**9):  # whatever the clock does
        assert pose_at(make_ramp(duration_ns=0), stamp_ns) == [1.0, -1.0]
