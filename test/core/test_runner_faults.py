# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from distill_runtime.core.checks.registry import Finding
from distill_runtime.core.modes import Event, Mode
import numpy as np
import pytest
from support.rig import Rig, walking
from support.specs import DEFAULT, make_spec

SECOND = 1_000_000_000
WALKED = [value + 0.5 for value in DEFAULT]


def faulted(action, spec=None, **options):
    """Return a rig that walked at output 1 and whose fault was just entered."""
    rig = walking(spec, output=1.0, fault_action=action, **options)
    rig.place([0.0, 0.25, 0.5])
    step = rig.ask(Event.ESTOP)
    assert step.mode is Mode.FAULT
    assert step.reason == 'estop.requested: estop was called'
    return rig, step


def test_default_pose_ramps_to_it():
    rig, step = faulted('default_pose', ramp_time=2.0)
    assert step.command.tolist() == WALKED
    assert rig.tick(SECOND).command == pytest.approx([value + 0.25 for value in DEFAULT])
    assert rig.tick(SECOND).command.tolist() == list(DEFAULT)


def test_damp_without_feedback_holds():
    rig, _ = faulted('damp')
    rig.place([9.0, 9.0, 9.0])
    for _ in range(2):
        step = rig.tick(SECOND, but={'joint'})
        assert (step.command.tolist(), step.has_feedback) == ([0.0, 0.25, 0.5], False)


@pytest.mark.parametrize('action', ['hold', 'damp', 'stop'])
def test_fault_of_the_caller_may_set_its_action(action):
    rig = walking(fault_action='default_pose')
    rig.runner.fail(Finding('estop', 'recorded.fault: of another run', action), rig.now)
    rig.tick()
    assert rig.runner.fault_action == action


def test_standby_after_stop_starts_from_the_measured_pose():
    rig, _ = faulted('stop')
    rig.tick()
    rig.place([0.7, -0.3, 0.2])  # the joints were limp
    step = rig.ask(Event.RESET_FAULT)
    assert (step.mode, step.sends) == (Mode.STANDBY, True)
    assert step.command.tolist() == [0.7, -0.3, 0.2]


@pytest.mark.parametrize('action', ['hold', 'damp'])
def test_velocity_and_effort_commands_are_zero_in_a_fault(action):
    spec = make_spec(mode=['position', 'velocity', 'effort'])
    rig, step = faulted(action, spec)
    expected = WALKED[0] if action == 'hold' else 0.0
    assert step.command.tolist() == [expected, 0.0, 0.0]
    assert rig.tick(SECOND, but={'joint'}).command[1:].tolist() == [0.0, 0.0]


def test_default_pose_of_a_velocity_joint_is_a_smooth_stop():
    rig, step = faulted('default_pose', make_spec(mode='velocity'), ramp_time=2.0)
    assert step.command.tolist() == [0.5, 0.5, 0.5]
    assert rig.tick(SECOND).command == pytest.approx([0.25] * 3)
    assert rig.tick(SECOND).command.tolist() == [0.0, 0.0, 0.0]


def test_later_cause_does_not_replace_the_first():
    rig = walking()
    first = rig.tick(SECOND, but={'joint'}).reason
    assert rig.tick(-SECOND).reason == first


@pytest.mark.parametrize('output', [np.nan, np.inf, 1e30])
def test_invalid_network_output_is_a_fault(output):
    rig = walking(output=lambda run: output if run == 1 else 1.0, fault_action='hold')
    step = rig.tick()
    assert step.mode is Mode.FAULT
    assert step.reason.startswith('action.')
    assert 'network output element 0 is' in step.reason
    assert step.command.tolist() == WALKED
    assert step.target.tolist() == WALKED
    assert step.has_policy_step  # it ran, and its observation can be read


def test_bad_first_output_holds_the_measured_pose():
    rig = Rig(output=np.nan, start_in='policy', fault_action='hold')
    rig.place([0.3, 0.2, 0.1])
    step = rig.tick()
    assert (step.mode, step.command.tolist()) == (Mode.FAULT, [0.3, 0.2, 0.1])


def test_fault_of_standby_is_a_fault_too():
    rig = Rig()
    rig.tick()
    assert rig.tick(SECOND, but={'joint'}).mode is Mode.FAULT
    assert rig.tick().mode is Mode.FAULT


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
