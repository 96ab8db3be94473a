# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Read cut-off and damaged recordings of every kind.

Nothing hangs, nothing crashes, and every missing message is reported.
"""

from __future__ import annotations

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
def form(request, tmp_path_factory):
    """Return the name of a form, what to open, and the file that holds the messages."""
    name = request.param
    is_old = name == 'rosbag1'
    stores = {'store': STORE1} if is_old else {}
    messages = [
        message
        for t in range(1, NUM + 1)
        for message in (
            joint_state(t * MS, ['hip', 'knee'], [t, -t], **stores),
            imu(t * MS, **stores),
        )
    ]
    folder = tmp_path_factory.mktemp(name)
    if is_old:
        path = write_bag1(folder / 'old.bag', messages)
        return name, path, path
    path = write_bag(folder / 'bag', messages, **FORMS[name])
    (file,) = (file for file in path.iterdir() if file.name != 'metadata.yaml')
    return name, path, file


def spoilt(form, tmp_path, content):
    """Return a copy of the recording whose file has another content."""
    _, path, file = form
    if path == file:
        copy = tmp_path / file.name
        copy.write_bytes(content)
        return copy
    copy = tmp_path / path.name
    shutil.rmtree(copy, ignore_errors=True)
    copy.mkdir(parents=True)
    shutil.copy(path / 'metadata.yaml', copy)
    (copy / file.name).write_bytes(content)
    return copy


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


def test_whole_recording_has_all_messages_and_no_damage(form):
    rows, damage = outcome(form[1])
    assert rows == {name: (count, 0) for name, count in WHOLE.items()}
    assert damage == ()


@pytest.mark.parametrize('share', [0.0, 0.001, 0.1, 0.35, 0.6, 0.85, 0.97, 0.9999])
def test_cut_off_recording_is_reported_or_refused(share, form, tmp_path):
    content = form[2].read_bytes()
    rows, damage = outcome(spoilt(form, tmp_path, content[: int(share * len(content))]))
    is_whole = rows is not None and all(rows.get(name) == (n, 0) for name, n in WHOLE.items())
    assert damage or is_whole


@pytest.mark.parametrize('form', ['mcap', 'mcap_chunks'], indirect=True)
def test_cut_off_mcap_gives_the_messages_before_the_cut(form, tmp_path):
    content = form[2].read_bytes()
    offset = content.index(b'\x0f\x04\x00\x00\x00\x00\x00\x00\x00')  # the end of the data
    rows, damage = outcome(spoilt(form, tmp_path, content[: offset + 4]))
    assert rows == {name: (count, 0) for name, count in WHOLE.items()}
    assert 'it was cut off, what came later is missing' in damage[0]


def test_every_message_lost_to_damaged_bytes_is_reported(form, tmp_path):
    content = form[2].read_bytes()
    rng = np.random.default_rng(0)
    for _ in range(6):
        damaged = bytearray(content)
        for offset in rng.integers(0, len(content), 4).tolist():
            damaged[offset] ^= int(rng.integers(1, 256))
        rows, damage = outcome(spoilt(form, tmp_path, bytes(damaged)))
        if not damage and form[0] in ('mcap', 'mcap_chunks'):
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


def test_missing_or_empty_file_of_a_split_recording_is_reported(shared_data, tmp_path):
    folder = shared_data / 'recordings' / 'written_by_rosbag2' / 'mcap_split'
    for number, (spoil, expected) in enumerate(
        (
            (lambda file: file.unlink(), 'which its metadata.yaml names: its messages are'),
            (lambda file: file.write_bytes(b''), 'is no MCAP file'),
        )
    ):
        copy = tmp_path / str(number)
        shutil.copytree(folder, copy)
        first, *_ = sorted(copy.glob('*.mcap'))
        spoil(first)
        with Bag(copy) as bag:
            assert sum(topic.num_messages for topic in bag.topics)
            assert len(bag.damage) == 1
            assert first.name in bag.damage[0]
            assert expected in bag.damage[0]


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


@pytest.mark.parametrize(
    'form', ['sqlite3', 'sqlite3_file', 'rosbag1', 'mcap_file'], indirect=True
)
def test_cut_off_file_that_needs_its_end_is_refused_with_a_hint(form, tmp_path):
    content = form[2].read_bytes()
    _, damage = outcome(spoilt(form, tmp_path, content[: len(content) // 2]))
    assert 'try ros2 bag reindex, sqlite3 .recover or rosbag reindex' in damage[0]
