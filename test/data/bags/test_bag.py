# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from distill_runtime.data.bags.bag import Bag
from distill_runtime.errors import ConfigError, RecordingError
import pytest
from support.bags import joint_state, MS, twist, write_bag

MESSAGES = [
    joint_state(10 * MS, ['hip'], [0.1], receive_ns=12 * MS),
    twist(15 * MS, (0.1, 0.2, 0.3)),
    joint_state(20 * MS, ['hip'], [0.2], receive_ns=22 * MS),
]
FORMS = {
    'mcap': {},
    'sqlite3': {'storage': 'sqlite3'},
    'file_zstd': {'storage': 'sqlite3', 'compression': 'file'},
    'message_zstd': {'storage': 'sqlite3', 'compression': 'message'},
}


@pytest.mark.parametrize('form', FORMS)
def test_every_storage_gives_topics_and_messages(form, tmp_path):
    with Bag(write_bag(tmp_path / 'bag', MESSAGES, **FORMS[form])) as bag:
        twists, states = bag.topics
        assert tuple(twists) == ('/cmd_vel', 'geometry_msgs/msg/Twist', 1)
        assert tuple(states) == ('/joint_states', 'sensor_msgs/msg/JointState', 2)
        read = [(receive_ns, message.position[0]) for receive_ns, message in bag.messages(states)]
        assert read == [(12 * MS, 0.1), (22 * MS, 0.2)]
        assert [receive_ns for receive_ns, _ in bag.messages(twists)] == [15 * MS]


def test_what_is_no_recording_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r'absent does not exist'):
        Bag(tmp_path / 'absent')
    with pytest.raises(RecordingError, match=r'has no metadata\.yaml, expected one of'):
        Bag(tmp_path)
    with pytest.raises(RecordingError, match='is empty, expected messages'):
        Bag(write_bag(tmp_path / 'bag', []))


@pytest.mark.parametrize(
    ('name', 'content'),
    [
        ('foreign.bag', b'no bag'),
        ('foreign.mcap', b''),
        ('foreign.db3', b'no database'),
        ('policy.onnx', b'\x08\x08'),
    ],
)
def test_foreign_file_is_refused(name, content, tmp_path):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(RecordingError, match=name.replace('.', r'\.')):
        Bag(path)


def test_damaged_metadata_is_refused_where_it_is_needed(tmp_path):
    folder = write_bag(tmp_path / 'bag', MESSAGES, storage='sqlite3')
    (folder / 'metadata.yaml').write_text('rosbag2_bagfile_information: [1, 2]')
    with pytest.raises(RecordingError, match='cannot be read as a recording'):
        Bag(folder)


@pytest.mark.parametrize('text', ['rosbag2_bagfile_information: [1, 2]', '{', None])
def test_mcap_needs_no_metadata(text, tmp_path):
    folder = write_bag(tmp_path / 'bag', MESSAGES)
    (folder / 'metadata.yaml').unlink()
    if text is not None:
        (folder / 'metadata.yaml').write_text(text)
    with Bag(folder) as bag:
        assert sum(topic.num_messages for topic in bag.topics) == 3
        assert bag.damage == ()
