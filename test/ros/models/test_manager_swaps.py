# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from distill_runtime.ros.models import manager
from distill_runtime.ros.parameter_service import BUSY
from distill_runtime.wire.tick_fields import model_number
import numpy as np
import pytest
from rclpy.lifecycle import TransitionCallbackReturn
from support.ros_harness import LOCKSTEP, PATIENCE, student, T0, TICK, values, wait_for
from support.ros_messages import twist_message
from support.swaps import (
    commands,
    FRAGILE,
    is_active,
    models_by_stamp,
    Remote,
    sha256,
    walking,
    write_fragile,
    write_other,
)


@pytest.fixture(scope='module')
def other(models):
    return write_other(models / 'other.onnx')


@pytest.fixture(scope='module')
def third(models):
    return write_other(models / 'third.onnx', 0.3)


@pytest.fixture(scope='module')
def fragile(models):
    return write_fragile(models / 'fragile.onnx')


def test_answer_comes_when_the_model_is_active(ros, model, other):
    with walking(ros, model) as (remote, _):
        for path in (other, model, other):
            assert remote.set(model=path) == (True, '')
            assert is_active(remote.rig, path)
            assert remote.get('model') == [str(path)]


def test_switch_is_one_tick_and_every_command_moves_at_most_a_step(ros, model, other):
    with walking(ros, model, max_joint_step=0.02, blend_time=0.2) as (remote, walker):
        assert remote.set(model=other) == (True, '')
        walker.steps(20)
        rig = remote.rig
    numbers = list(models_by_stamp(rig).values())
    first = numbers.index(model_number(sha256(other)))
    assert set(numbers[:first]) == {model_number(sha256(model))}
    assert set(numbers[first:]) == {model_number(sha256(other))}
    stamps, sent = commands(rig)
    assert stamps[: len(walker.stamps)] == walker.stamps
    assert np.abs(np.diff(sent, axis=0)).max() <= 0.02 + 1e-9


def test_model_that_is_set_before_the_first_activation_is_active_in_it(ros, model, other):
    with student(ros, model, is_active=False, **LOCKSTEP) as rig:
        rig.configure()
        remote = Remote(rig)
        assert remote.set(model=other) == (True, '')
        assert remote.until_model('was set')['model'] == other.name
        rig.activate()
        rig.robot.tick(T0)
        assert is_active(rig, other)


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


def test_model_that_is_set_in_fault_is_active_after_the_reset(ros, model, other):
    with walking(ros, model) as (remote, walker):
        rig = remote.rig
        assert rig.robot.call('estop')[0]
        walker.steps(2)
        assert remote.set(model=other) == (True, '')
        assert values(rig.diagnose())['mode'] == 'fault'
        assert rig.robot.call('reset_fault')[0]
        walker.steps(2)
        assert rig.robot.call('start')[0]
        walker.steps(2)
        assert values(rig.diagnose())['mode'] == 'policy'
        assert is_active(rig, other)


def test_shadow_time_is_answered_at_once_and_delays_the_swap(ros, model, other):
    with walking(ros, model) as (remote, walker):
        begin = len(walker.stamps)
        assert remote.set(model=other, shadow_time=1.0) == (True, '')
        assert remote.get('model') == [str(other)]
        values = remote.until_model('was set')
        assert values['model_sha256'] == sha256(other)
        walker.steps(3)
        numbers = list(models_by_stamp(remote.rig).values())
    assert numbers.index(model_number(sha256(other))) >= begin + 50


def test_candidate_that_diverges_is_rejected_and_parameters_name_the_active_model(
    ros, model, other
):
    with walking(ros, model) as (remote, walker):
        settings = {'shadow_time': 100.0, 'max_divergence': 1e-4}
        assert remote.set(model=other, **settings) == (True, '')
        found = remote.until_problem('shadow.divergence')
        assert found['model_sha256'] == sha256(model)
        assert found['why'] == 'configured'
        level, message, _ = remote.model()
        assert level == b'\x01'
        assert message.startswith(f'other.onnx ({sha256(other)[:12]}) is rejected: ')
        wait_for(lambda: remote.get('model') == [str(model)], 'the parameter')
        walker.steps(2)
        assert set(models_by_stamp(remote.rig).values()) == {model_number(sha256(model))}
        assert remote.set(model=model, shadow_time=0.0, max_divergence=0.0) == (True, '')


def test_candidate_that_stays_close_becomes_active(ros, model, models):
    near = write_other(models / 'near.onnx', 0.5 + 1e-6)
    with walking(ros, model) as (remote, _):
        remote.set(model=near, shadow_time=0.4, max_divergence=1e-4)
        assert remote.until_model('was set')['model'] == near.name


def test_deactivation_rejects_a_candidate_and_the_next_model_may_be_set(ros, model, other, third):
    with walking(ros, model) as (remote, walker):
        rig = remote.rig
        assert remote.set(model=other, shadow_time=1000.0) == (True, '')
        assert remote.set(model=third) == (False, BUSY)
        with walker.paused():
            rig.node.trigger_deactivate()
            remote.until_problem('swap.cancelled: the policy stopped before the shadow was over')
            assert remote.model()[1].startswith('other.onnx')
            wait_for(lambda: remote.get('model') == [str(model)], 'the parameter')
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
        wait_for(lambda: remote.get('model') == [str(model)], 'the parameter')
        assert remote.set(model=other) == (True, '')
        assert remote.until_model('was set')['model'] == other.name


def test_fault_rejects_a_candidate(ros, model, other):
    with walking(ros, model) as (remote, walker):
        assert remote.set(model=other, shadow_time=1000.0) == (True, '')
        walker.steps(3)
        assert remote.rig.robot.call('estop')[0]
        remote.until_problem('swap.cancelled: the policy stopped before the shadow was over')
        assert is_active(remote.rig, model)


def test_fault_of_a_model_on_probation_brings_the_one_before_back(ros, model, fragile):
    patient = {'checks.action_saturation.action': 'ignore'}  # it is commanded to walk very fast
    with walking(ros, model, **patient) as (remote, walker):
        rig = remote.rig
        assert remote.set(model=fragile) == (True, '')
        walker.steps(3)
        rig.robot.cmd_vel.publish(twist_message(vx=FRAGILE + 0.5))
        found = remote.until_problem('is rolled back')
        assert found['model_sha256'] == sha256(model)
        assert found['why'].startswith('rolled back: action.not_finite')
        assert remote.model()[1].startswith(
            f'fragile.onnx ({sha256(fragile)[:12]}) is rolled back: '
        )
        wait_for(lambda: remote.get('model') == [str(model)], 'the parameter')
        walker.steps(3)
        found = values(rig.diagnose())
        assert (found['mode'], found['model']) == ('policy', model.name)
        stamps, sent = commands(rig)
        assert stamps[: len(walker.stamps)] == walker.stamps
        assert np.isfinite(sent).all()


def test_model_that_is_rolled_back_before_the_answer_is_rejected(ros, model, fragile, monkeypatch):
    monkeypatch.setattr(manager, '_TICK_TIMEOUT', PATIENCE)
    patient = {'checks.action_saturation.action': 'ignore'}
    with walking(ros, model, **patient) as (remote, walker):
        rig = remote.rig
        with walker.paused():  # the next tick gets the model and the command that it cannot handle
            rig.robot.cmd_vel.publish(twist_message(vx=FRAGILE + 0.5))
            future = remote.ask(model=fragile)
            wait_for(lambda: rig.node._loop_context.runner.switcher.is_swapping, 'the model')
        wait_for(future.done, 'the answer')
        result = future.result().result
        assert not result.successful
        assert result.reason.startswith(f'{fragile}: action.not_finite')
        assert remote.get('model') == [str(model)]


def test_fault_after_the_probation_is_a_fault(ros, model, fragile):
    with walking(ros, model) as (remote, walker):
        assert remote.set(model=fragile, probation_time=0.1, blend_time=0.0) == (True, '')
        walker.steps(10)
        remote.rig.robot.cmd_vel.publish(twist_message(vx=FRAGILE + 0.5))
        status = remote.rig.until_reason('action.not_finite')
        assert values(status)['mode'] == 'fault'
        assert values(status)['model'] == fragile.name


@pytest.mark.parametrize(
    'options',
    [{'probation_time': 1000.0}, {'probation_time': 0.0, 'blend_time': 0.04}],
    ids=['during probation', 'after probation'],
)
def test_rollback_leads_back_and_forth(ros, model, other, options):
    with walking(ros, model) as (remote, walker):
        rig = remote.rig
        assert remote.set(model=other, **options) == (True, '')
        for path in (model, other, model):
            walker.steps(5)
            expected = f'{path.name} ({sha256(path)[:12]}) is active'
            assert rig.robot.call('rollback') == (True, expected)
            assert is_active(rig, path)
            wait_for(lambda path=path: remote.model()[2]['model_sha256'] == sha256(path))
            assert remote.model()[0] == b'\x00'
            wait_for(lambda path=path: remote.get('model') == [str(path)], 'the parameter')


def test_rollback_without_a_previous_model_is_refused(ros, model):
    with walking(ros, model) as (remote, _):
        answer = (False, 'no other model has been active')
        assert remote.rig.robot.call('rollback') == answer


@pytest.mark.parametrize('probation_time', [0.0, 1000.0])
def test_rollback_while_the_node_is_inactive(ros, model, other, probation_time):
    with student(ros, model, is_active=False, **LOCKSTEP) as rig:
        assert rig.robot.call('rollback') == (False, 'node is not configured')
        rig.configure()
        remote = Remote(rig)
        assert remote.set(model=other, probation_time=probation_time) == (True, '')
        for path in (model, other, model):
            assert rig.robot.call('rollback')[0]
            assert remote.model()[2]['model'] == path.name
        rig.activate()
        rig.robot.tick(T0)
        assert is_active(rig, model)


def test_rollback_in_standby(ros, model, other):
    with walking(ros, model, start_in='standby') as (remote, _):
        assert remote.set(model=other) == (True, '')
        for path in (model, other):
            assert remote.rig.robot.call('rollback')[0]
            assert is_active(remote.rig, path)


def test_robot_without_ticks_gets_the_model_with_the_next_one(ros, model, other, capfd):
    with walking(ros, model) as (remote, walker):
        with walker.paused():
            assert remote.set(model=other) == (True, '')
            assert 'becomes active at the next tick' in capfd.readouterr().err
            assert not is_active(remote.rig, other)
        assert remote.until_model('was set')['model'] == other.name


def test_node_that_is_deactivated_while_a_model_loads_has_it_when_it_is_activated(
    ros, model, other, slow_load
):
    begun, may_end = slow_load
    with walking(ros, model) as (remote, walker):
        rig = remote.rig
        future = remote.ask(model=other)
        wait_for(begun.is_set)
        with walker.paused():
            rig.node.trigger_deactivate()
            may_end.set()
            wait_for(future.done)
            assert future.result().result.successful
            rig.activate()
        walker.steps(1)
        assert is_active(rig, other)


def test_node_that_is_cleaned_up_while_a_model_loads_refuses_it(ros, model, other, slow_load):
    begun, may_end = slow_load
    with walking(ros, model) as (remote, walker):
        rig = remote.rig
        future = remote.ask(model=other)
        wait_for(begun.is_set)
        with walker.paused():
            rig.node.trigger_deactivate()
            assert rig.node.trigger_cleanup() == TransitionCallbackReturn.SUCCESS
            rig.configure()
            may_end.set()
            wait_for(future.done)
            result = future.result().result
            assert not result.successful
            assert result.reason.endswith('the node was cleaned up meanwhile')
            assert remote.get('model') == [str(model)]
            rig.activate()
        walker.steps(1)
        assert is_active(rig, model)


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
