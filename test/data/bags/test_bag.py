# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from distill_runtime.data.bags.bag import Bag
from distill_runtime.errors import ConfigError, RecordingError
import pytest
from support.bags import imu, joint_state, MS, STORE1, twist, write_bag, write_bag1

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


def topic_of(bag, name):
    return next(topic for topic in bag.topics if topic.name == name)


@pytest.mark.parametrize('form', FORMS)
def test_every_storage_gives_topics_and_messages(form, tmp_path):
    with Bag(write_bag(tmp_path / 'bag', MESSAGES, **FORMS[form])) as bag:
        assert [tuple(topic) for topic in bag.topics] == [
            ('/cmd_vel', 'geometry_msgs/msg/Twist', 1),
            ('/joint_states', 'sensor_msgs/msg/JointState', 2),
        ]
        read = list(bag.messages(topic_of(bag, '/joint_states')))
    assert [receive_ns for receive_ns, _ in read] == [12 * MS, 22 * MS]
    assert [message.position.tolist() for _, message in read] == [[0.1], [0.2]]


@pytest.mark.parametrize('form', FORMS)
def test_reading_can_end_at_a_time_of_receipt(form, tmp_path):
    path = write_bag(tmp_path / 'bag', MESSAGES, **FORMS[form])
    with Bag(path, until_ns=21 * MS) as bag:
        times = {topic.name: [t for t, _ in bag.messages(topic)] for topic in bag.topics}
    assert times == {'/joint_states': [12 * MS], '/cmd_vel': [15 * MS]}


def test_one_file_of_a_bag_can_be_opened_alone(tmp_path):
    folder = write_bag(tmp_path / 'bag', MESSAGES)
    with Bag(next(folder.glob('*.mcap'))) as bag:
        assert len(list(bag.messages(topic_of(bag, '/joint_states')))) == 2


def test_rosbag1_has_types_in_the_form_of_ros_2(tmp_path):
    path = write_bag1(tmp_path / 'old.bag', [imu(5 * MS, store=STORE1)])
    with Bag(path) as bag:
        assert tuple(bag.topics[0]) == ('/imu', 'sensor_msgs/msg/Imu', 1)
        ((receive_ns, message),) = bag.messages(bag.topics[0])
    assert receive_ns == 5 * MS
    assert message.orientation.w == 1.0


def test_messages_of_a_split_bag_come_in_order(shared_data):
    folder = shared_data / 'recordings' / 'written_by_rosbag2'
    for name in ('mcap', 'mcap_split', 'sqlite3_filezstd'):
        with Bag(folder / name) as bag:
            times = [time for time, _ in bag.messages(topic_of(bag, '/joint_states'))]
        assert len(times) >= 500
        assert times == sorted(times)


def test_absent_recording_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r'absent does not exist'):
        Bag(tmp_path / 'absent')


def test_folder_without_metadata_is_refused(tmp_path):
    with pytest.raises(RecordingError, match=r'has no metadata\.yaml, expected one of'):
        Bag(tmp_path)


def test_empty_recording_is_refused(tmp_path):
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


@pytest.mark.parametrize('form', [form for form in FORMS if form != 'mcap'])
@pytest.mark.parametrize('share', [0.0, 0.3, 0.9])
def test_cut_off_file_is_refused_with_our_error(form, share, tmp_path):
    many = [joint_state(index * MS, ['hip'], [index]) for index in range(1, 1000)]
    folder = write_bag(tmp_path / 'bag', many, **FORMS[form])
    (path,) = (path for path in folder.iterdir() if path.name != 'metadata.yaml')
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(RecordingError), Bag(folder) as bag:  # noqa: PT012 - either may raise
        for topic in bag.topics:
            list(bag.messages(topic))


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
