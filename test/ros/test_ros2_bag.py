# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path
import sys

from distill_runtime.errors import ConfigError, RecordingError
from distill_runtime.ros import ros2_bag
import pytest
from support.ros_harness import LOCKSTEP, student, wait_for
from support.ros_policies import JOINT_TERM, write_policy

EXTERNAL = {'term': 'external', 'topic': '/height_scan', 'width': 3}


@pytest.fixture(scope='module')
def scanning(tmp_path_factory):
    """Return a model that reads an external topic."""
    return write_policy(tmp_path_factory.mktemp('model'), JOINT_TERM, EXTERNAL)


def test_external_topics_are_those_of_the_spec(scanning, model, tmp_path):
    assert ros2_bag.external_topics(str(scanning)) == ('/height_scan',)
    assert ros2_bag.external_topics(str(scanning), robot='/robot_description') == ('/height_scan',)
    assert ros2_bag.external_topics(str(model)) == ()
    assert ros2_bag.external_topics(str(tmp_path / 'nowhere.onnx')) == ()  # the node says why


def test_names_are_resolved_as_the_node_does():
    topics = ['imu', '~/tick', '/diagnostics']
    assert ros2_bag.resolved(topics) == ['/imu', '/student_node/tick', '/diagnostics']
    for namespace in ('left', '/left'):
        assert ros2_bag.resolved(topics, namespace) == [
            '/left/imu',
            '/left/student_node/tick',
            '/diagnostics',
        ]


def test_all_that_a_node_reads_and_publishes_is_recorded(ros, models):
    terms = ('base_linear_velocity', 'velocity_command', 'projected_gravity')
    model = write_policy(
        models, JOINT_TERM, *({'term': term} for term in terms), EXTERNAL, name='all.onnx'
    )
    with student(ros, model, publish_internals=True) as rig:
        node = rig.node
        who = node.get_name(), node.get_namespace()
        wait_for(lambda: node.count_publishers(f'{who[1]}/student_node/tick'))
        used = {name for name, _ in node.get_publisher_names_and_types_by_node(*who)}
        used |= {name for name, _ in node.get_subscriber_names_and_types_by_node(*who)}
    not_needed = {
        '/parameter_events', '/rosout', '/clock', f'{who[1]}/student_node/transition_event'
    }  # fmt: skip
    externals = ros2_bag.external_topics(str(model))
    recorded = ros2_bag.resolved([*ros2_bag.RECORDED, *externals], who[1])
    assert used - not_needed == set(recorded)


def test_recorder_writes_mcap_into_the_bag():
    assert ros2_bag.record_words('walk', ['/imu', '/odom']) == [
        'ros2', 'bag', 'record', '--storage', 'mcap', '--output', 'walk', '/imu', '/odom'
    ]  # fmt: skip


def test_two_recordings_of_one_node_are_two_folders(tmp_path, monkeypatch):
    monkeypatch.setenv('HOME', str(tmp_path))
    folder = ros2_bag.recordings_folder('~/runs')
    assert folder == str(tmp_path / 'runs')
    paths = []
    for _ in range(2):
        paths.append(Path(ros2_bag.new_recording(folder, '/left')))
        paths[-1].mkdir()
    assert {path.parent for path in paths} == {tmp_path / 'runs'}
    first, second = (path.name.partition('Z_')[2] for path in paths)
    assert first == 'left.student_node'
    assert second in ('left.student_node', 'left.student_node_2')
    assert len({*paths}) == 2


def test_recording_is_named_as_those_of_the_node(ros, model, tmp_path):
    with student(ros, model, record_to=str(tmp_path), **LOCKSTEP) as rig:
        namespace = rig.node.get_namespace()
        (own,) = wait_for(lambda: list(tmp_path.iterdir()), 'the recording')
    name = Path(ros2_bag.new_recording(str(tmp_path), namespace)).name
    assert name.partition('Z_')[2].removesuffix('_2') == own.name.partition('Z_')[2]


def test_folder_that_gets_no_recording_is_refused(tmp_path):
    (tmp_path / 'file').write_text('')
    with pytest.raises(RecordingError, match=r'record_to .*file/runs: Not a directory: make room'):
        ros2_bag.recordings_folder(str(tmp_path / 'file' / 'runs'))
    with pytest.raises(ConfigError, match="record_to is '', expected a folder"):
        ros2_bag.recordings_folder('')


def test_player_plays_nothing_but_what_it_renames():
    names = {'/imu/data': '/replay/imu', '/clock': '/replay/clock'}
    words = ros2_bag.play_words('walk', names, '0.5')
    assert words[:6] == ['ros2', 'bag', 'play', 'walk', '--rate', '0.5']
    topics, remaps = words.index('--topics'), words.index('--remap')
    assert words[topics:remaps] == ['--topics', '/imu/data']
    assert words[remaps:] == ['--remap', '/imu/data:=/replay/imu', '/clock:=/replay/clock']


def test_ros2_bag_is_there_where_both_of_its_parts_are(tmp_path, monkeypatch):
    elsewhere = [folder for folder in sys.path if not (Path(folder) / 'ros2bag').exists()]
    monkeypatch.setattr(sys, 'path', elsewhere)
    monkeypatch.setenv('PATH', str(tmp_path))
    assert not ros2_bag.is_there()
    command = tmp_path / 'ros2'
    command.write_text('#!/bin/sh\n')
    command.chmod(0o755)
    monkeypatch.delitem(sys.modules, 'ros2bag', raising=False)
    assert not ros2_bag.is_there()
    (tmp_path / 'ros2bag').mkdir()
    (tmp_path / 'ros2bag' / '__init__.py').touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    assert ros2_bag.is_there()
