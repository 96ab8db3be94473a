# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from distill_runtime.ros.models import loader
from distill_runtime.ros.parameter_service import BUSY
from rcl_interfaces.srv import SetParameters
from support.ros_harness import LOCKSTEP, student, wait_for
from support.swaps import answer_of, Remote, walking


def test_second_model_is_refused_by_either_service_while_one_loads(ros, model, other, slow_load):
    begun, may_end = slow_load
    with walking(ros, model) as (remote, _):
        first = remote.ask(model=other)
        wait_for(begun.is_set)
        assert remote.set(model=model) == (False, BUSY)
        assert remote.set_each(model=model, blend_time=0.1) == [(False, BUSY), (False, BUSY)]
        assert remote.call('rollback') == (False, BUSY)
        may_end.set()
        assert answer_of(first) == (True, '')
        assert remote.get('model', 'blend_time') == [str(other), 0.2]


def test_model_may_be_asked_for_as_soon_as_the_one_before_is_answered(ros, model, other):
    with walking(ros, model, blend_time=0.0) as (remote, _):
        for _ in range(5):
            assert remote.set(model=other) == (True, '')
            assert remote.set(model=model.parent / 'absent.onnx')[1] != BUSY
            assert remote.set_each(model=model) == [(True, '')]


def test_everything_else_is_answered_while_a_model_loads(ros, model, other, slow_load):
    begun, may_end = slow_load
    with walking(ros, model) as (remote, walker):
        first = remote.ask(SetParameters, model=other)
        wait_for(begun.is_set)
        assert remote.get('model') == [str(model)]
        assert remote.set(blend_time=0.5) == (True, '')
        assert remote.get('blend_time') == [0.5]
        assert remote.call('stop') == (True, 'policy to stopping')
        walker.steps(3)
        assert remote.call('estop') == (True, 'stopping to fault')
        assert not first.done()
        may_end.set()
        wait_for(first.done)
        assert remote.get('model') == [str(other)]
        assert remote.set(model=model) == (True, '')
        wait_for(lambda: remote.model()[1] == model.name, 'the model')
        assert remote.model()[2]['blend_time'] == '0.5', 'what was set meanwhile'


def test_unforeseen_error_reaches_the_caller_and_the_log(ros, model, other, monkeypatch, capfd):
    with walking(ros, model) as (remote, walker):

        def crash(config):
            raise ZeroDivisionError('by chance')

        with monkeypatch.context() as patch:
            patch.setattr(loader, 'load_chosen_policy', crash)
            answer = (False, 'ZeroDivisionError: by chance')
            assert remote.set(model=other) == answer
            assert remote.set_each(model=other) == [answer]
        walker.steps(1)
        assert remote.get('model') == [str(model)]
        assert remote.set(model=other) == (True, '')
    text = capfd.readouterr().err
    assert 'Traceback' in text
    assert 'in crash' in text


def test_model_may_be_set_while_the_node_is_not_configured(ros, model, other):
    with student(ros, model, is_active=False, **LOCKSTEP) as rig:
        remote = Remote(rig)
        assert remote.set(model=other, spec='') == (True, '')
        rig.configure()
        assert remote.until_model('configured')['model'] == other.name
