# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""What the parameters that name a model are set to, and what ~/model publishes of it."""

from __future__ import annotations

import json

from diagnostic_msgs.msg import DiagnosticStatus
from distill_runtime.core.runner import PolicyRunner
from distill_runtime.policy.keys import read_private_key, sign_model, write_new_key
from distill_runtime.ros.models.topic import MODEL_QOS, ModelTopic
from rclpy.lifecycle import TransitionCallbackReturn
from rclpy.node import Node
from support.ros_harness import Inbox, LOCKSTEP, student, values, wait_for
from support.swaps import is_active, Remote, sha256, spec_of, walking
import yaml


def test_parameters_are_set_together_or_one_by_one(ros, model, other, models):
    absent = models / 'absent.onnx'
    changes = {'blend_time': 0.7, 'model': absent, 'shadow_time': 0.1}
    with walking(ros, model) as (remote, _):
        is_set, reason = remote.set(**changes)
        assert (is_set, 'absent.onnx cannot be read' in reason) == (False, True)
        assert remote.get(*changes) == [0.2, str(model), 0.0]
        assert [is_set for is_set, _ in remote.set_each(**changes)] == [True, False, True]
        assert remote.get(*changes) == [0.7, str(model), 0.1]
        assert remote.set(**{**changes, 'blend_time': 0.6, 'model': other}) == (True, '')
        assert remote.get(*changes) == [0.6, str(other), 0.1]
        assert remote.until_model('was set')['blend_time'] == '0.6'


def test_model_is_refused_with_what_is_beside_it(ros, model, other):
    frozen = 'ramp_time is read at configure: clean up, set it, configure again'
    with walking(ros, model) as (remote, _):
        for change, reason in (
            ({'blend_time': -1.0}, 'blend_time out of range'),
            ({'shadow_time': float('inf')}, 'shadow_time out of range'),
            ({'probation_time': float('nan')}, 'probation_time out of range'),
            ({'ramp_time': 7.0}, frozen),
            ({'modle': 'x'}, 'undeclared'),
        ):
            is_set, why = remote.set(model=other, **change)
            assert (is_set, reason in why) == (False, True), why
        assert is_active(remote.rig, model)
        (present,) = remote.get('ramp_time')
        unchanged = {'ramp_time': present, 'cpu_affinity': [-1], 'trigger': 'joint_states'}
        assert remote.set(model=other, **unchanged) == (True, '')
        assert remote.set(cpu_affinity=[0])[0] is False


def test_spec_goes_with_its_model_alone_it_is_refused(ros, model, other, tmp_path):
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
        assert remote.call('rollback')[0]
        remote.until_parameters(model=model, spec='')


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
    key = read_private_key(private, str)
    root = tmp_path / 'root'
    root.mkdir()
    first, second, outside = root / 'a.onnx', root / 'b.onnx', tmp_path / 'b.onnx'
    for source, target in ((model, first), (other, second), (other, outside)):
        target.write_bytes(sign_model(source.read_bytes(), key))
    (root / 'link.onnx').symlink_to(outside)
    (root / 'unsigned.onnx').write_bytes(other.read_bytes())
    guards = {'model_root': str(root), 'trusted_keys': [str(public)]}
    with walking(ros, first, **guards) as (remote, _):
        for path, text in (
            (outside, 'is outside model_root'),
            (root / 'link.onnx', 'is outside model_root'),
            (root / 'unsigned.onnx', 'is not signed'),
        ):
            is_set, reason = remote.set(model=path)
            assert (is_set, text in reason) == (False, True), reason
        assert remote.set(model=second) == (True, '')


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
            assert is_active(remote.rig, path)
            assert remote.get('model') == [str(path)]
            wait_for(lambda path=path: remote.model()[1] == path.name)
            names.append(path.name)
        walker.steps(20)
        assert [status.message for status in remote.models.messages] == names


def test_late_subscriber_gets_the_active_model_since_when_and_why(ros, model, other):
    with walking(ros, model) as (remote, walker):
        rig = remote.rig
        found = remote.until_model('configured')
        assert (found['model'], found['model_sha256']) == (model.name, sha256(model))
        assert int(found['since_ns']) > 0
        assert 'previous' not in found
        assert remote.set(model=other, blend_time=0.1) == (True, '')
        name = rig.node.get_fully_qualified_name()
        with ros.node(Node, 'late', namespace=rig.node.get_namespace()) as late:
            inbox = Inbox(late, DiagnosticStatus, f'{name}/model', MODEL_QOS)
            (status,) = wait_for(lambda: inbox.messages, '~/model')
        stamps = walker.stamps
        assert (status.level, status.name, status.hardware_id) == (b'\x00', f'{name}: model', name)
        assert status.message == 'other.onnx'
        found = values(status)
        assert found['why'] == 'parameter model was set'
        assert int(found['since_ns']) in stamps
        assert int(found['history_since_ns']) == stamps[0]
        assert found['blend_time'] == '0.1'
        assert (found['previous'], found['previous_sha256']) == (model.name, sha256(model))
        assert (found['model'], found['model_sha256']) == (other.name, sha256(other))
        assert found['summary'] == (
            "policy 'small', 3 joints, 50 Hz, 0 recurrent states, inputs obs: "
            'base_angular_velocity projected_gravity velocity_command joint_position '
            'joint_velocity last_action'
        )
        assert json.loads(found['parameters'])['model'] == str(other)


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
