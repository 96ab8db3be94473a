# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import time

from distill_runtime.core.runner import PolicyRunner
import pytest
from support.ros_harness import wait_for
from support.ros_messages import twist_message
from support.swaps import FRAGILE, has_acted, sha256, walking, write_fragile, write_other


@pytest.fixture(scope='module')
def other(models):
    return write_other(models / 'other.onnx')


def test_every_change_is_told_once_and_in_order(ros, model, other):
    with walking(ros, model) as (remote, walker):
        names = [model.name]
        for path in (other, model) * 3:
            assert remote.set(model=path) == (True, '')
            wait_for(lambda path=path: remote.model()[1] == path.name)
            names.append(path.name)
        walker.steps(50)
        assert [status.message for status in remote.models.messages] == names


def test_change_is_told_before_it_is_answered(ros, model, other):
    with walking(ros, model) as (remote, _):
        told = []
        remote.rig.node._models._news._topic.publish = told.append
        for number, path in enumerate((other, model) * 3):
            assert remote.set(model=path) == (True, '')
            assert len(told) == number + 1


def test_model_that_fails_in_its_first_step_is_told_as_the_one_that_had_to_go(ros, model, models):
    fragile = write_fragile(models / 'fragile.onnx')
    patient = {'checks.action_saturation.action': 'ignore'}
    with walking(ros, model, **patient) as (remote, walker):
        rig = remote.rig
        with walker.paused():  # the next tick gets the model and the command that it cannot bear
            assert remote.set(model=fragile) == (True, '')
            rig.robot.cmd_vel.publish(twist_message(vx=FRAGILE + 0.5))
            time.sleep(0.2)
        remote.until_told(f'fragile.onnx ({sha256(fragile)[:12]}) had to go: action.not_finite')
        walker.steps(50)
        assert [status.level for status in remote.models.messages] == [b'\x00', b'\x01']
        told = remote.model()[2]
        assert told['model_sha256'] == sha256(model)
        wait_for(lambda: remote.get('model') == [str(model)], 'the parameter')
        assert has_acted(rig, model)


def test_model_can_be_changed_behind_a_crash_of_the_loop(ros, model, other, monkeypatch):
    with walking(ros, model) as (remote, walker):
        rig = remote.rig

        def crash(self, sensors, stamp_ns):
            raise ZeroDivisionError('by chance')

        with walker.paused():
            monkeypatch.setattr(PolicyRunner, 'step', crash)
            rig.robot.publish(walker.stamps[-1] + 1)
            wait_for(lambda: not rig.node._loop.is_alive, 'the end of the loop')
            monkeypatch.undo()
            assert remote.set(model=other) == (True, '')
            assert remote.model()[2]['model'] == other.name
            assert remote.get('model') == [str(other)]
            rig.node.trigger_deactivate()
            rig.activate()
        walker.steps(1)
        assert has_acted(rig, other)
