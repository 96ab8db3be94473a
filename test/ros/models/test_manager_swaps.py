# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from distill_runtime.ros.models import manager
from distill_runtime.ros.parameter_service import BUSY
import numpy as np
import pytest
from rclpy.lifecycle import TransitionCallbackReturn
from support.ros_harness import LOCKSTEP, PATIENCE, student, T0, TICK, values, wait_for
from support.swaps import (
    answer_of,
    commands,
    exceed,
    is_active,
    label_of,
    models_of_ticks,
    number_of,
    PATIENT,
    Remote,
    sha256,
    walking,
    write_other,
)

CANCELLED = 'swap.cancelled: the policy stopped before the shadow was over'


def test_switch_is_one_tick_and_every_command_moves_at_most_a_step(ros, model, other):
    with walking(ros, model, max_joint_step=0.02, blend_time=0.2) as (remote, walker):
        assert remote.set(model=other) == (True, '')
        walker.steps(20)
        rig = remote.rig
    numbers = models_of_ticks(rig)
    first = numbers.index(number_of(other))
    assert set(numbers[:first]) == {number_of(model)}
    assert set(numbers[first:]) == {number_of(other)}
    stamps, sent = commands(rig)
    assert stamps[: len(walker.stamps)] == walker.stamps
    assert np.abs(np.diff(sent, axis=0)).max() <= 0.02 + 1e-9


def test_model_that_is_set_in_standby_is_active_at_once_and_its_pose_is_ramped_to(
    ros, model, models
):
    pose = [0.2, 0.5, -0.4]
    path = write_other(models / 'posed.onnx', default_position=pose)
    with walking(ros, model, start_in='standby', ramp_time=0.1) as (remote, walker):
        assert remote.set(model=path) == (True, '')
        walker.steps(10)
        rig = remote.rig
        assert is_active(rig, path)
        assert commands(rig)[1][-1].tolist() == pytest.approx(pose)
        for returned in (model, path):
            assert remote.call('rollback')[0]
            assert is_active(rig, returned)


def test_model_that_is_set_in_fault_is_active_after_the_reset(ros, model, other):
    with walking(ros, model) as (remote, walker):
        assert remote.call('estop')[0]
        walker.steps(2)
        assert remote.set(model=other) == (True, '')
        assert values(remote.rig.diagnose())['mode'] == 'fault'
        for service in ('reset_fault', 'start'):
            assert remote.call(service)[0]
            walker.steps(2)
        assert values(remote.rig.diagnose())['mode'] == 'policy'
        assert is_active(remote.rig, other)


def test_shadow_time_is_answered_at_once_and_delays_the_swap(ros, model, other):
    with walking(ros, model) as (remote, walker):
        begin = len(walker.stamps)
        assert remote.set(model=other, shadow_time=1.0) == (True, '')
        assert remote.get('model') == [str(other)]
        assert remote.until_model('was set')['model_sha256'] == sha256(other)
        walker.steps(3)
        assert models_of_ticks(remote.rig).index(number_of(other)) >= begin + 50


def test_candidate_that_diverges_is_rejected_and_parameters_name_the_active_model(
    ros, model, other, models
):
    near = write_other(models / 'near.onnx', 0.5 + 1e-6)
    with walking(ros, model) as (remote, walker):
        before = remote.until_model('configured')
        assert remote.set(model=other, shadow_time=100.0, max_divergence=1e-4) == (True, '')
        assert remote.until_problem('shadow.divergence: target of ') == before
        level, message, _ = remote.model()
        assert level == b'\x01'
        assert message.startswith(f'{label_of(other)} is rejected: ')
        remote.until_parameters(model=model)
        walker.steps(2)
        assert set(models_of_ticks(remote.rig)) == {number_of(model)}
        assert remote.set(model=near, shadow_time=0.4, max_divergence=1e-4) == (True, '')
        assert remote.until_model('was set')['model'] == near.name


def test_deactivation_rejects_a_candidate_and_the_next_model_may_be_set(ros, model, other, models):
    third = write_other(models / 'third.onnx', 0.3)
    with walking(ros, model) as (remote, walker):
        rig = remote.rig
        assert remote.set(model=other, shadow_time=1000.0) == (True, '')
        assert remote.set(model=third) == (False, BUSY)
        with walker.paused():
            rig.node.trigger_deactivate()
            remote.until_problem(CANCELLED)
            assert remote.model()[1].startswith('other.onnx')
            remote.until_parameters(model=model)
            assert remote.set(model=third, shadow_time=0.0) == (True, '')
            rig.activate()
        walker.steps(1)
        assert is_active(rig, third)


def test_deactivation_before_the_first_tick_cancels_what_waits_for_it(ros, model, other):
    with student(ros, model, **LOCKSTEP) as rig:
        remote = Remote(rig)
        assert remote.set(model=other) == (True, '')
        rig.node.trigger_deactivate()
        remote.until_problem('swap.cancelled: the ticks ended')
        remote.until_parameters(model=model)
        assert remote.set(model=other) == (True, '')
        assert remote.until_model('was set')['model'] == other.name


def test_fault_rejects_a_candidate(ros, model, other):
    with walking(ros, model) as (remote, walker):
        assert remote.set(model=other, shadow_time=1000.0) == (True, '')
        walker.steps(3)
        assert remote.call('estop')[0]
        remote.until_problem(CANCELLED)
        assert is_active(remote.rig, model)


@pytest.mark.parametrize('steps', [0, 3], ids=['first step', 'later'])
def test_fault_of_a_model_on_probation_brings_the_one_before_back(ros, model, fragile, steps):
    with walking(ros, model, **PATIENT) as (remote, walker):
        rig = remote.rig
        if steps:
            with walker.paused():  # one poll may report both events
                assert remote.set(model=fragile) == (True, '')
            walker.steps(steps)
            exceed(rig)
        else:
            with walker.paused():  # the next tick gets the model and the command
                assert remote.set(model=fragile) == (True, '')
                exceed(rig)
        found = remote.until_problem(f'{label_of(fragile)} is rolled back: action.not_finite')
        assert found['model_sha256'] == sha256(model)
        assert not steps or found['why'].startswith('rolled back: action.not_finite')
        remote.until_parameters(model=model)
        walker.steps(20)
        levels = [status.level for status in remote.models.messages]
        assert levels == [b'\x00', *([b'\x00'] if steps else []), b'\x01']
        found = values(rig.diagnose())
        assert (found['mode'], found['model']) == ('policy', model.name)
        assert is_active(rig, model)
        stamps, sent = commands(rig)
        assert stamps[: len(walker.stamps)] == walker.stamps
        assert np.isfinite(sent).all()


def test_model_that_is_rolled_back_before_the_answer_is_rejected(ros, model, fragile, monkeypatch):
    monkeypatch.setattr(manager, '_TICK_TIMEOUT', PATIENCE)
    with walking(ros, model, **PATIENT) as (remote, walker):
        with walker.paused():
            exceed(remote.rig)
            future = remote.ask(model=fragile)
            switcher = remote.rig.node.loop_context.runner.switcher
            wait_for(lambda: switcher.is_swapping, 'the model')
        is_set, reason = answer_of(future)
        assert not is_set
        assert reason.startswith(f'{fragile}: action.not_finite')
        assert remote.get('model') == [str(model)]


def test_fault_after_the_probation_is_a_fault(ros, model, fragile):
    with walking(ros, model) as (remote, walker):
        assert remote.set(model=fragile, probation_time=0.1, blend_time=0.0) == (True, '')
        walker.steps(10)
        exceed(remote.rig)
        found = values(remote.rig.until_reason('action.not_finite'))
        assert (found['mode'], found['model']) == ('fault', fragile.name)


@pytest.mark.parametrize(
    'options',
    [{'probation_time': 1000.0}, {'probation_time': 0.0, 'blend_time': 0.04}],
    ids=['during probation', 'after probation'],
)
def test_rollback_leads_back_and_forth(ros, model, other, options):
    with walking(ros, model) as (remote, walker):
        assert remote.call('rollback') == (False, 'no other model has been active')
        assert remote.set(model=other, **options) == (True, '')
        for path in (model, other, model):
            walker.steps(5)
            assert remote.call('rollback') == (True, f'{label_of(path)} is active')
            assert is_active(remote.rig, path)
            wait_for(lambda path=path: remote.model()[2]['model_sha256'] == sha256(path))
            assert remote.model()[0] == b'\x00'
            remote.until_parameters(model=path)


@pytest.mark.parametrize('probation_time', [0.0, 1000.0])
def test_swap_and_rollback_while_the_node_is_inactive(ros, model, other, probation_time):
    with student(ros, model, is_active=False, **LOCKSTEP) as rig:
        assert rig.robot.call('rollback') == (False, 'node is not configured')
        rig.configure()
        remote = Remote(rig)
        assert remote.set(model=other, probation_time=probation_time) == (True, '')
        assert remote.until_model('was set')['model'] == other.name
        for path in (model, other):
            assert remote.call('rollback')[0]
            assert remote.model()[2]['model'] == path.name
        rig.activate()
        rig.robot.tick(T0)
        assert is_active(rig, other)


def test_robot_without_ticks_gets_the_model_with_the_next_one(ros, model, other, capfd):
    with walking(ros, model) as (remote, walker):
        with walker.paused():
            assert remote.set(model=other) == (True, '')
            assert 'becomes active at the next tick' in capfd.readouterr().err
            assert not is_active(remote.rig, other)
        assert remote.until_model('was set')['model'] == other.name


@pytest.mark.parametrize('is_cleaned_up', [False, True], ids=['deactivated', 'cleaned up'])
def test_model_that_loads_while_the_node_leaves_its_state(
    ros, model, other, slow_load, is_cleaned_up
):
    begun, may_end = slow_load
    with walking(ros, model) as (remote, walker):
        node = remote.rig.node
        future = remote.ask(model=other)
        wait_for(begun.is_set)
        with walker.paused():
            node.trigger_deactivate()
            if is_cleaned_up:
                assert node.trigger_cleanup() == TransitionCallbackReturn.SUCCESS
                remote.rig.configure()
            may_end.set()
            is_set, reason = answer_of(future)
            assert is_set is not is_cleaned_up
            assert reason.endswith('the node was cleaned up meanwhile' if is_cleaned_up else '')
            expected = model if is_cleaned_up else other
            assert remote.get('model') == [str(expected)]
            remote.rig.activate()
        walker.steps(1)
        assert is_active(remote.rig, expected)


def test_node_that_is_destroyed_while_a_model_loads_ends(ros, model, other, slow_load):
    begun, may_end = slow_load
    with student(ros, model, **LOCKSTEP) as rig:
        rig.robot.tick(T0)
        Remote(rig).ask(model=other)
        wait_for(begun.is_set)
    may_end.set()
    with student(ros, model, **LOCKSTEP) as rig:  # the executor still serves
        rig.robot.tick(T0 + TICK)
        assert rig.robot.call('stop')[0]
