# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Read cut-off and damaged recordings of every kind.

Nothing hangs, nothing crashes, and every missing message is reported.
"""

from __future__ import annotations

from pathlib import Path
import shutil
import struct

from distill_runtime.data.bags.bag import Bag
from distill_runtime.data.recording.recording import read_inputs
from distill_runtime.errors import RecordingError
import numpy as np
import pytest
from support.bags import (
    imu,
    joint_state,
    MS,
    RecordedMessage,
    STORE1,
    twist,
    write_bag,
    write_bag1,
)

NUM = 400
FORMS = {
    'mcap': {},
    'mcap_chunks': {'compression': 'storage'},
    'mcap_file': {'compression': 'file'},
    'mcap_message': {'compression': 'message'},
    'sqlite3': {'storage': 'sqlite3'},
    'sqlite3_file': {'storage': 'sqlite3', 'compression': 'file'},
    'sqlite3_message': {'storage': 'sqlite3', 'compression': 'message'},
    'rosbag1': {},
}
WHOLE = {'/joint_states': NUM, '/imu': NUM}


@pytest.fixture(scope='module', params=FORMS)
def name(request):
    return request.param


@pytest.fixture(scope='module')
def whole(name, tmp_path_factory):
    stores = {'store': STORE1} if name == 'rosbag1' else {}
    messages = [
        message
        for t in range(1, NUM + 1)
        for message in (
            joint_state(t * MS, ['hip', 'knee'], [t, -t], **stores),
            imu(t * MS, **stores),
        )
    ]
    folder = tmp_path_factory.mktemp(name)
    if name == 'rosbag1':
        return write_bag1(folder / 'old.bag', messages)
    return write_bag(folder / 'bag', messages, **FORMS[name])


@pytest.fixture
def path(whole, tmp_path):
    """Return a copy that may be damaged."""
    return Path((shutil.copytree if whole.is_dir() else shutil.copy)(whole, tmp_path / whole.name))


def file_in(path):
    """Return the file that holds the messages."""
    return next((file for file in path.glob('*') if file.name != 'metadata.yaml'), path)


def outcome(path):
    """Return rows and dropped messages per topic, and the reported damage; or the error."""
    try:
        with Bag(path) as bag:
            recording = read_inputs(bag, {}, joints=('hip', 'knee'))
            streams = {'/joint_states': recording.joints, '/imu': recording.imu}
            rows = {
                name: (len(stream.receive_ns), stream.num_skipped)
                for name, stream in streams.items()
                if stream is not None
            }
            damage = bag.damage
    except RecordingError as error:
        rows, damage = None, (str(error),)
    assert all(str(path) in text for text in damage)
    return rows, damage


def test_whole_recording_has_all_messages_and_no_damage(path):
    assert outcome(path) == ({name: (count, 0) for name, count in WHOLE.items()}, ())


@pytest.mark.parametrize('share', [0.0, 0.001, 0.1, 0.35, 0.6, 0.85, 0.97, 0.9999])
def test_cut_off_recording_is_reported_or_refused(share, name, path):
    content = file_in(path).read_bytes()
    file_in(path).write_bytes(content[: int(share * len(content))])
    rows, damage = outcome(path)
    is_whole = rows is not None and all(rows.get(name) == (n, 0) for name, n in WHOLE.items())
    assert damage or is_whole
    if name == 'mcap' and share >= 0.1:
        assert rows['/joint_states'][0] > share * NUM / 2
    if share == 0.6 and name in ('sqlite3', 'sqlite3_file', 'rosbag1', 'mcap_file'):
        assert 'try ros2 bag reindex, sqlite3 .recover or rosbag reindex' in damage[0]


@pytest.mark.parametrize('name', ['mcap', 'mcap_chunks'], indirect=True)
def test_cut_off_mcap_gives_the_messages_before_the_cut(path):
    content = file_in(path).read_bytes()
    offset = content.index(b'\x0f\x04\x00\x00\x00\x00\x00\x00\x00')  # the end of the data
    file_in(path).write_bytes(content[: offset + 4])
    rows, damage = outcome(path)
    assert rows == {name: (count, 0) for name, count in WHOLE.items()}
    assert 'it was cut off, what came later is missing' in damage[0]


def test_every_message_lost_to_damaged_bytes_is_reported(name, path):
    content = file_in(path).read_bytes()
    rng = np.random.default_rng(0)
    for _ in range(6):
        damaged = bytearray(content)
        for offset in rng.integers(0, len(content), 4).tolist():
            damaged[offset] ^= int(rng.integers(1, 256))
        file_in(path).write_bytes(damaged)
        rows, damage = outcome(path)
        if not damage and name in ('mcap', 'mcap_chunks'):
            assert {name: sum(found) for name, found in rows.items()} == WHOLE


def test_damaged_chunk_loses_its_messages_and_no_others(tmp_path):
    rng = np.random.default_rng(0)
    messages = [
        joint_state(t * MS, [f'joint_{number}' for number in range(30)], rng.normal(size=30))
        for t in range(1, 4001)
    ]
    path = write_bag(tmp_path / 'bag', messages, compression='storage')
    (file,) = path.glob('*.mcap')
    content = bytearray(file.read_bytes())
    offset, chunks = 8, []
    while offset < len(content) - 8:
        kind, size = struct.unpack_from('<BQ', content, offset)
        if kind == 6:
            chunks.append(offset)
        offset += 9 + size
    assert len(chunks) > 2
    begin = chunks[1] + 9 + 28 + 4 + len('zstd') + 8
    content[begin : begin + 8] = bytes(8)
    file.write_bytes(content)
    with Bag(path) as bag:
        joints = read_inputs(bag, {}).joints
        assert 'cannot be decompressed' in bag.damage[0]
        assert 'its messages are missing' in bag.damage[0]
    assert 0 < joints.num_skipped < 3000
    assert len(joints.position) + joints.num_skipped == 4000
    (times,) = joints.dropped.values()
    lost = set(range(1, 4001)) - set((joints.receive_ns // MS).tolist())
    assert lost == set((times // MS).tolist())


@pytest.mark.parametrize(
    ('content', 'expected'),
    [(None, 'which its metadata.yaml names: its messages are'), (b'', 'is no MCAP file')],
    ids=['missing', 'empty'],
)
def test_missing_or_empty_file_of_a_split_recording_is_reported(
    content, expected, shared_data, tmp_path
):
    folder = shared_data / 'recordings' / 'written_by_rosbag2' / 'mcap_split'
    shutil.copytree(folder, tmp_path / 'bag')
    first, *_ = sorted((tmp_path / 'bag').glob('*.mcap'))
    first.unlink()
    if content is not None:
        first.write_bytes(content)
    with Bag(tmp_path / 'bag') as bag:
        assert sum(topic.num_messages for topic in bag.topics)
        (damage,) = bag.damage
    assert first.name in damage
    assert expected in damage


@pytest.mark.parametrize('storage', ['mcap', 'sqlite3'])
def test_topic_of_an_unknown_type_does_not_matter(storage, tmp_path):
    messages = [joint_state(t * MS, ['hip', 'knee'], [t, t]) for t in range(1, 5)]
    path = write_bag(tmp_path / 'bag', [*messages, twist(5 * MS, (0, 0, 0))], storage)
    for file in path.iterdir():
        content = file.read_bytes()
        file.write_bytes(content.replace(b'geometry_msgs/msg/Twist', b'geometry_msgs/msg/Twixt'))
    rows, damage = outcome(path)
    assert rows == {'/joint_states': (4, 0)} or 'Twixt' in damage[0]


@pytest.mark.parametrize('storage', ['mcap', 'sqlite3'])
def test_topic_without_messages_is_like_none(storage, tmp_path):
    message = RecordedMessage('/imu', 'sensor_msgs/msg/Imu', 5, imu(5).message)
    path = write_bag(tmp_path / 'bag', [message], storage)
    with Bag(path) as bag, pytest.raises(RecordingError, match='no sensor_msgs/msg/JointState'):
        read_inputs(bag, {})
