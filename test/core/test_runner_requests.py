# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from distill_runtime.core.checks.registry import Finding
from distill_runtime.core.modes import Event, Mode
from support.rig import Rig, walking


def test_request_takes_effect_at_the_next_step():
    rig = Rig()
    rig.tick()
    rig.runner.request(Event.START)
    assert rig.runner.mode is Mode.STANDBY
    rig.tick()
    assert rig.runner.mode is Mode.POLICY


def test_reset_without_a_fault_is_refused():
    rig = Rig()
    rig.tick()
    assert rig.runner.request(Event.RESET_FAULT) == (
        False,
        'mode is standby, reset_fault is refused',
    )


def test_start_in_a_fault_is_refused_with_the_fault_and_a_hint():
    rig = walking()
    rig.ask(Event.ESTOP)
    assert rig.runner.request(Event.START) == (
        False,
        'mode is fault (estop.requested: estop was called), start is refused; '
        'call reset_fault first',
    )


def test_estop_before_the_first_input_faults_at_the_first_complete_tick():
    rig = Rig(start_in='policy')
    assert rig.runner.request(Event.ESTOP)[0]
    assert not rig.tick(but={'joint'}).sends
    assert rig.tick().mode is Mode.FAULT
    assert rig.policy.num_runs == 0


def test_estop_wins_over_a_start_in_the_same_tick():
    for events in ((Event.START, Event.ESTOP), (Event.ESTOP, Event.START)):
        rig = Rig()
        rig.tick()
        for event in events:
            rig.runner.request(event)
        assert rig.tick().mode is Mode.FAULT
        assert rig.policy.num_runs == 0


def test_estop_in_a_fault_wins_over_a_reset_in_the_same_tick():
    rig = walking()
    rig.ask(Event.ESTOP)
    rig.tick()
    for event in (Event.ESTOP, Event.RESET_FAULT):
        assert rig.runner.request(event)[0]
    assert rig.tick().mode is Mode.FAULT
    assert rig.tick().mode is Mode.FAULT
    assert rig.ask(Event.RESET_FAULT).mode is Mode.STANDBY


def test_second_estop_keeps_the_first_reason():
    rig = walking(output=float('nan'))
    fault = rig.tick().reason
    assert fault.startswith('action.not_finite')
    assert rig.ask(Event.ESTOP).reason == fault


def test_reset_of_the_fault_leads_to_standby_and_start_to_the_policy():
    rig = walking()
    rig.ask(Event.ESTOP)
    step = rig.ask(Event.RESET_FAULT)
    assert (step.mode, step.reason, rig.runner.fault) == (Mode.STANDBY, '', '')
    assert rig.ask(Event.START).mode is Mode.POLICY


def test_reset_is_refused_while_the_cause_is_there():
    rig = walking()
    rig.tick(10**9, but={'joint'})
    is_taken, why = rig.runner.request(Event.RESET_FAULT)
    assert not is_taken
    assert why.startswith('reset_fault is refused: its cause is still there: joint_states.stale: ')
    step = rig.tick()
    assert (step.mode, step.reason) == (Mode.FAULT, rig.runner.fault)
    assert rig.ask(Event.RESET_FAULT).mode is Mode.STANDBY


def test_cause_that_comes_back_before_the_reset_faults_again_in_the_same_tick():
    rig = walking()
    rig.tick(10**9, but={'joint'})
    rig.tick()
    assert rig.runner.request(Event.RESET_FAULT)[0]
    step = rig.tick(2 * 10**9, but={'joint'})
    assert step.mode is Mode.FAULT
    assert step.reason.startswith('joint_states.stale: newest sample is 2.000 s old')


def test_fault_of_the_caller_is_latched_with_its_reason():
    rig = walking()
    rig.runner.fail(Finding('estop', 'drive.error: motor 3 is hot'), rig.now)
    step = rig.tick()
    assert (step.mode, step.reason) == (Mode.FAULT, 'drive.error: motor 3 is hot')
    assert not step.has_policy_step


def test_runner_reset_drops_requests():
    rig = Rig()
    rig.tick()
    rig.runner.request(Event.START)
    rig.runner.reset()
    assert rig.tick().mode is Mode.STANDBY
