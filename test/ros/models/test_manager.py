# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import os

from distill_runtime.policy.keys import read_private_key, sign_model, write_new_key
import pytest
from rclpy.lifecycle import TransitionCallbackReturn
from support.ros_harness import LOCKSTEP, student, values, wait_for
from support.ros_messages import twist_message
from support.swaps import (
    FRAGILE,
    has_acted,
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


@pytest.fixture
def place(model, tmp_path):
    """Return a path at which models come and go."""
    return copy(model, tmp_path / 'model.onnx')


def copy(source, target):
    target.write_bytes(source.read_bytes())
    return target


def replace(source, target):
    """Write beside and rename."""
    copy(source, target.with_suffix('.new')).replace(target)


def test_several_parameters_are_set_together_or_not_at_all(ros, model, other, models):
    absent = models / 'absent.onnx'
    with walking(ros, model) as (remote, _):
        changes = {'blend_time': 0.7, 'shadow_model': other, 'model': absent}
        is_set, reason = remote.set(**changes)
        assert (is_set, 'absent.onnx cannot be read' in reason) == (False, True)
        assert remote.get(*changes) == [0.2, '', str(model)]
        assert remote.rig.node._parts.runner.switcher.watcher is None
        assert remote.set(**{**changes, 'model': other}) == (True, '')
        assert remote.get(*changes) == [0.7, str(other), str(other)]
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
        assert has_acted(remote.rig, model)


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
        assert has_acted(remote.rig, model)
        (present,) = remote.get('ramp_time')
        unchanged = {'ramp_time': present, 'cpu_affinity': [-1], 'trigger': 'joint_states'}
        assert remote.set(model=other, **unchanged) == (True, '')
        assert remote.set(cpu_affinity=[0])[0] is False


def test_parameter_file_with_another_model_can_be_loaded(ros, model, other):
    """As ros2 param load does: a file of ros2 param dump, in which one line was changed."""
    with walking(ros, model) as (remote, _):
        names = ['blend_time', 'command_type', 'model', 'ramp_time', 'spec', 'watch']
        dumped = dict(zip(names, remote.get(*names), strict=True))
        answers = remote.set_each(**{**dumped, 'model': other})
        assert answers == [(True, '')] * len(names)
        assert has_acted(remote.rig, other)


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
            for name in ('model', 'shadow_model'):
                is_set, reason = remote.set(**{name: path})
                assert (is_set, text in reason) == (False, True), reason
        assert remote.set(model=root / 'b.onnx') == (True, '')


def test_shadow_model_runs_beside_and_never_acts(ros, model, other, models):
    with walking(ros, model, shadow_model=str(other)) as (remote, walker):
        switcher = remote.rig.node._parts.runner.switcher
        walker.steps(5)
        assert switcher.watcher.compared >= 5
        assert switcher.watcher.worst.max() > 0.0
        assert remote.set(model=write_other(models / 'c.onnx', 0.3)) == (True, '')
        walker.steps(5)
        watcher = switcher.watcher
        assert remote.set(shadow_model=models / 'absent.onnx')[0] is False
        assert switcher.watcher is watcher
        assert remote.set(shadow_model='') == (True, '')
        assert switcher.watcher is None
        assert not has_acted(remote.rig, other)


def test_shadow_model_that_fails_leaves_the_walk_alone(ros, model, models):
    fragile = write_fragile(models / 'fragile.onnx')
    patient = {'checks.action_saturation.action': 'ignore'}
    with walking(ros, model, shadow_model=str(fragile), **patient) as (remote, walker):
        remote.rig.robot.cmd_vel.publish(twist_message(vx=FRAGILE + 0.5))
        wait_for(lambda: remote.rig.node._parts.runner.switcher.watcher.problem, 'its end')
        walker.steps(3)
        assert values(remote.rig.diagnose())['mode'] == 'policy'


def test_shadow_model_that_is_refused_keeps_the_node_from_being_configured(ros, model, models):
    with student(ros, model, is_active=False, shadow_model=str(models / 'absent.onnx')) as rig:
        assert rig.node.trigger_configure() == TransitionCallbackReturn.FAILURE
        assert 'absent.onnx cannot be read' in rig.node.refusal
        assert not rig.node.count_publishers('student_node/model')


def test_watched_file_that_is_replaced_is_taken(ros, model, other, place):
    with walking(ros, place, watch=True) as (remote, _):
        for source in (other, model):
            replace(source, place)
            wait_for(lambda source=source: has_acted(remote.rig, source), 'the new file')
        assert remote.until_model('was replaced')['why'] == f'{place} was replaced'
        assert remote.get('model') == [str(place)]


def test_watched_file_that_is_refused_is_told_and_the_next_one_taken(ros, model, other, place):
    with walking(ros, place, watch=True) as (remote, walker):
        place.with_suffix('.new').write_bytes(other.read_bytes()[:200])
        place.with_suffix('.new').replace(place)
        told = remote.until_told('was replaced, and is refused: ')
        assert told['model_sha256'] == sha256(model)
        walker.steps(2)
        assert has_acted(remote.rig, model)
        replace(other, place)
        wait_for(lambda: has_acted(remote.rig, other), 'the next file')


def test_watched_file_that_is_written_in_place_is_told_and_not_taken(ros, model, other, place):
    with walking(ros, place, watch=True) as (remote, walker):
        content = other.read_bytes()
        with place.open('wb') as file:
            file.write(content[: len(content) // 2])
            file.flush()
            walker.steps(50)
            file.write(content[len(content) // 2 :])
        remote.until_told('was written in place and is not taken')
        walker.steps(50)
        assert has_acted(remote.rig, model)


def test_watch_follows_a_link_and_the_parameter(ros, model, other, models, tmp_path):
    link, beside = tmp_path / 'current.onnx', tmp_path / 'new'
    link.symlink_to(model)
    with walking(ros, link) as (remote, _):
        assert remote.set(watch=True) == (True, '')
        wait_for(lambda: remote.rig.node._models._watch, 'the watch')
        beside.symlink_to(other)
        os.replace(beside, link)
        wait_for(lambda: has_acted(remote.rig, other), 'the target of the link')
        place = copy(model, tmp_path / 'elsewhere.onnx')
        wait_for(lambda: remote.set(model=place)[0], 'an idle node')
        wait_for(lambda: remote.rig.node._models._watch.path == place, 'the other watch')
        replace(other, place)
        wait_for(lambda: has_acted(remote.rig, other), 'the file elsewhere')
        assert remote.set(watch=False) == (True, '')
        wait_for(lambda: remote.rig.node._models._watch is None, 'no watch')


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
