# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json

from distill_runtime.core.runner import PolicyRunner
from distill_runtime.policy.keys import read_private_key, sign_model, write_new_key
from distill_runtime.ros.models.topic import ModelTopic
import pytest
from rclpy.lifecycle import TransitionCallbackReturn
from support.ros_harness import LOCKSTEP, student, wait_for
from support.ros_messages import twist_message
from support.swaps import (
    FRAGILE,
    is_active,
    Remote,
    sha256,
    spec_of,
    walking,
    write_fragile,
    write_other,
)
import yaml


@pytest.fixture(scope='module')
def other(models):
    return write_other(models / 'other.onnx')


def copy(source, target):
    target.write_bytes(source.read_bytes())
    return target


def test_several_parameters_are_set_together_or_not_at_all(ros, model, other, models):
    absent = models / 'absent.onnx'
    with walking(ros, model) as (remote, _):
        changes = {'blend_time': 0.7, 'shadow_time': 0.1, 'model': absent}
        is_set, reason = remote.set(**changes)
        assert (is_set, 'absent.onnx cannot be read' in reason) == (False, True)
        assert remote.get(*changes) == [0.2, 0.0, str(model)]
        assert remote.set(**{**changes, 'model': other}) == (True, '')
        assert remote.get(*changes) == [0.7, 0.1, str(other)]
        assert remote.until_model('was set')['blend_time'] == '0.7'


def test_one_by_one_what_is_refused_keeps_nothing_else_from_being_set(ros, model, models):
    with walking(ros, model) as (remote, _):
        good, bad, last = remote.set_each(
            blend_time=0.7, model=models / 'absent.onnx', shadow_time=1.0
        )
        assert (good[0], bad[0], last[0]) == (True, False, True)
        assert remote.get('blend_time', 'model', 'shadow_time') == [0.7, str(model), 1.0]


@pytest.mark.parametrize(
    ('name', 'value'),
    [('blend_time', -1.0), ('shadow_time', float('inf')), ('probation_time', float('nan'))],
)
def test_terms_out_of_range_are_refused_with_the_model_beside_them(ros, model, other, name, value):
    with walking(ros, model) as (remote, _):
        is_set, reason = remote.set(**{name: value, 'model': other})
        assert (is_set, f'{name} out of range' in reason) == (False, True)
        assert is_active(remote.rig, model)


def test_spec_goes_with_its_model_alone_it_is_refused(ros, model, other, models, tmp_path):
    mapping = spec_of(other)
    mapping['outputs']['action']['scale'] = 0.25
    spec = tmp_path / 'other.spec.yaml'
    spec.write_text(yaml.safe_dump(mapping))
    with walking(ros, model) as (remote, _):
        alone = 'spec is set together with model while the node is configured, atomically'
        assert remote.set(spec=spec) == (False, alone)
        assert remote.set(spec='') == (True, ''), 'it is that already'
        assert remote.set(spec=spec, model=other) == (True, '')
        assert json.loads(remote.until_model('was set')['spec']) == mapping
        assert remote.rig.robot.call('rollback')[0]
        wait_for(lambda: remote.get('model', 'spec') == [str(model), ''], 'both parameters')


def test_frozen_parameter_is_refused_but_for_the_value_that_it_has(ros, model, other):
    with walking(ros, model) as (remote, _):
        reason = 'ramp_time is read at configure: clean up, set it, configure again'
        assert remote.set(model=other, ramp_time=7.0) == (False, reason)
        assert is_active(remote.rig, model)
        (present,) = remote.get('ramp_time')
        unchanged = {'ramp_time': present, 'cpu_affinity': [-1], 'trigger': 'joint_states'}
        assert remote.set(model=other, **unchanged) == (True, '')
        assert remote.set(cpu_affinity=[0])[0] is False


def test_parameter_file_with_another_model_can_be_loaded(ros, model, other):
    """As ros2 param load does: a file of ros2 param dump, in which one line was changed."""
    with walking(ros, model) as (remote, _):
        names = ['blend_time', 'command_type', 'model', 'ramp_time', 'spec']
        dumped = dict(zip(names, remote.get(*names), strict=True))
        answers = remote.set_each(**{**dumped, 'model': other})
        assert answers == [(True, '')] * len(names)
        assert is_active(remote.rig, other)


def test_swap_needs_the_signature_and_the_root_that_the_node_was_given(
    ros, model, other, tmp_path
):
    private = tmp_path / 'ours.pem'
    public = write_new_key(private)[0]
    root = tmp_path / 'root'
    root.mkdir()
    key = read_private_key(private, str)
    for source, target in ((model, root / 'a.onnx'), (other, root / 'b.onnx')):
        target.write_bytes(sign_model(source.read_bytes(), key))
    outside = copy(root / 'b.onnx', tmp_path / 'b.onnx')
    unsigned = copy(other, root / 'unsigned.onnx')
    (root / 'link.onnx').symlink_to(outside)
    guards = {'model_root': str(root), 'trusted_keys': [str(public)]}
    with walking(ros, root / 'a.onnx', **guards) as (remote, _):
        for path, text in (
            (outside, 'is outside model_root'),
            (root / 'link.onnx', 'is outside model_root'),
            (unsigned, 'is not signed'),
        ):
            is_set, reason = remote.set(model=path)
            assert (is_set, text in reason) == (False, True), reason
        assert remote.set(model=root / 'b.onnx') == (True, '')


def test_topic_and_parameters_are_those_of_each_configuration(ros, model, other):
    with student(ros, model, is_active=False, **LOCKSTEP) as rig:
        remote = Remote(rig)
        for path in (other, model):
            rig.configure()
            assert remote.set(model=path) == (True, '')
            assert remote.until_model('was set')['model'] == path.name
            assert rig.node.trigger_cleanup() == TransitionCallbackReturn.SUCCESS
            wait_for(lambda: not rig.node.count_publishers('student_node/model'))
            assert remote.get('model') == [str(path)]
            remote.models.messages.clear()


def test_every_swap_is_published_once_in_order_and_before_the_answer(
    ros, model, other, monkeypatch
):
    with walking(ros, model) as (remote, walker):
        published = []
        publish = ModelTopic.publish

        def note(self, problem=''):
            published.append(problem)
            publish(self, problem)

        monkeypatch.setattr(ModelTopic, 'publish', note)
        names = [model.name]
        for number, path in enumerate((other, model) * 3):
            assert remote.set(model=path) == (True, '')
            assert published == [''] * (number + 1)
            wait_for(lambda path=path: remote.model()[1] == path.name)
            names.append(path.name)
        walker.steps(50)
        assert [status.message for status in remote.models.messages] == names


def test_model_that_fails_in_its_first_step_is_reported_as_rolled_back(ros, model, models):
    fragile = write_fragile(models / 'fragile.onnx')
    patient = {'checks.action_saturation.action': 'ignore'}
    with walking(ros, model, **patient) as (remote, walker):
        rig = remote.rig
        with walker.paused():  # the next tick gets the model and the command that it cannot handle
            assert remote.set(model=fragile) == (True, '')
            rig.robot.cmd_vel.publish(twist_message(vx=FRAGILE + 0.5))
            assert rig.robot.cmd_vel.wait_for_all_acked()
        name = f'fragile.onnx ({sha256(fragile)[:12]})'
        remote.until_problem(f'{name} is rolled back: action.not_finite')
        walker.steps(50)
        assert [status.level for status in remote.models.messages] == [b'\x00', b'\x01']
        found = remote.model()[2]
        assert found['model_sha256'] == sha256(model)
        wait_for(lambda: remote.get('model') == [str(model)], 'the parameter')
        assert is_active(rig, model)


def test_model_can_be_changed_after_a_crash_of_the_loop(ros, model, other, monkeypatch):
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
        assert is_active(rig, other)
