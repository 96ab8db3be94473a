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


TWO_IMUS = [imu(1, topic='/imu/data'), imu(1, topic='/imu/data_raw')]
STATES = joint_state(1, ['a'], [0.0], topic='/robot/joint_states')


@pytest.mark.parametrize(
    ('messages', 'name', 'given', 'expected'),
    [
        ([imu(1, topic='/sensors/base')], 'imu', {}, '/sensors/base'),
        ([STATES, STATES._replace(topic='/joint_command')], 'joint_states', {}, STATES.topic),
        (TWO_IMUS, 'imu', {'imu': 'imu/data'}, '/imu/data'),
        ([STATES], 'joint_command', {}, None),
    ],
    ids=['only one of its type', 'named like ours', 'given', 'states are no commands'],
)
def test_topic_is_found(messages, name, given, expected, tmp_path):
    assert found(tmp_path, messages, name, given) == expected


@pytest.mark.parametrize(
    ('messages', 'name', 'given', 'refusal'),
    [
        (TWO_IMUS, 'imu', {}, r"2 topics that may be imu: \['/imu/data', '/imu/data_raw'\]: name"),
        ([imu(1)], 'imu', {'imu': '/nowhere'}, r"no topic '/nowhere', expected .* \['/imu'\]"),
        (
            [twist(1, (0, 0, 0))],
            'imu',
            {'imu': '/cmd_vel'},
            r'/cmd_vel is of type .*Twist, expected .*Imu',
        ),
        ([imu(1)], 'joint_states', {}, r'no sensor_msgs/msg/JointState for joint_states'),
    ],
    ids=['several', 'missing', 'of another type', 'none'],
)
def test_topic_that_cannot_be_found_is_refused(messages, name, given, refusal, tmp_path):
    with pytest.raises(RecordingError, match=refusal):
        found(tmp_path, messages, name, given, need_topic)


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
