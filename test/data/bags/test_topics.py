# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from distill_runtime.data.bags.bag import Bag
from distill_runtime.data.bags.topics import (
    check_names,
    find_external,
    find_topic,
    need_topic,
    resolved,
)
from distill_runtime.errors import ConfigError, RecordingError
from distill_runtime.spec.terms import External
import pytest
from support.bags import imu, joint_state, multi_array, twist, write_bag


def found(tmp_path, messages, name, given=None, find=find_topic):
    with Bag(write_bag(tmp_path / 'bag', messages)) as bag:
        topic = find(bag, name, given or {})
    return None if topic is None else topic.name


def test_only_topic_of_its_type_is_taken_whatever_its_name(tmp_path):
    assert found(tmp_path, [imu(1, topic='/sensors/base')], 'imu') == '/sensors/base'


def test_of_several_the_one_with_the_name_of_the_node_is_taken(tmp_path):
    messages = [
        joint_state(1, ['a'], [0.0], topic='/robot/joint_states'),
        joint_state(1, ['a'], [0.0], topic='/joint_command'),
    ]
    assert found(tmp_path, messages, 'joint_states') == '/robot/joint_states'


def test_several_candidates_are_refused_with_the_list(tmp_path):
    messages = [imu(1, topic='/imu/data'), imu(1, topic='/imu/data_raw')]
    with pytest.raises(
        RecordingError, match=r"2 topics that may be imu: \['/imu/data', '/imu/data_raw'\]: name"
    ):
        found(tmp_path, messages, 'imu')


def test_given_name_wins(tmp_path):
    messages = [imu(1, topic='/imu/data'), imu(1, topic='/imu/data_raw')]
    assert found(tmp_path, messages, 'imu', {'imu': 'imu/data'}) == '/imu/data'


def test_given_name_that_is_missing_is_refused(tmp_path):
    with pytest.raises(RecordingError, match=r"no topic '/nowhere', expected .* has \['/imu'\]"):
        found(tmp_path, [imu(1)], 'imu', {'imu': '/nowhere'})


def test_given_topic_of_another_type_is_refused(tmp_path):
    with pytest.raises(RecordingError, match=r'/cmd_vel is of type .*Twist, expected .*Imu'):
        found(tmp_path, [twist(1, (0, 0, 0))], 'imu', {'imu': '/cmd_vel'})


def test_joint_states_are_never_taken_for_commands(tmp_path):
    assert found(tmp_path, [joint_state(1, ['a'], [0.0])], 'joint_command') is None


def test_missing_topic_is_refused_with_the_list_of_topics(tmp_path):
    with pytest.raises(RecordingError, match=r'no sensor_msgs/msg/JointState for joint_states'):
        found(tmp_path, [imu(1)], 'joint_states', find=need_topic)


@pytest.mark.parametrize(
    ('name', 'node', 'full'),
    [
        ('/scan', '/a/b', '/scan'),
        ('scan', '/a/b', '/a/scan'),
        ('scan', '/b', '/scan'),
        ('~/scan', '/a/b', '/a/b/scan'),
    ],
)
def test_topic_is_resolved_as_in_the_node(name, node, full, tmp_path):
    assert resolved(name, node) == full
    term = External(topic=name, width=3)
    messages = [multi_array(1, [('x', 3)], [0, 0, 0], topic) for topic in (full, '/other')]
    with Bag(write_bag(tmp_path / 'bag', messages)) as bag:
        assert find_external(bag, term, {}, node).name == full
        assert find_external(bag, term, {name: '/other'}, node).name == '/other'


def test_external_topic_of_another_type_is_refused(tmp_path):
    term = External(topic='/imu', width=7, message='PoseStamped')
    with (
        Bag(write_bag(tmp_path / 'bag', [imu(1)])) as bag,
        pytest.raises(RecordingError, match=r'is of type .*Imu, expected .*PoseStamped for /imu'),
    ):
        find_external(bag, term, {})


def test_unknown_input_is_refused():
    with pytest.raises(ConfigError, match=r"topic 'lidar' is unknown, expected one of \['cmd_vel"):
        check_names({'lidar': '/scan'})
