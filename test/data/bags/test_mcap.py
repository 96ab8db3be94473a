# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Compare the MCAP reader with rosbags, and read damaged files."""

from __future__ import annotations

import errno
import mmap
import struct
import tempfile

from distill_runtime.data.bags.bag import Bag
from distill_runtime.data.bags.chunk import make_chunk
from distill_runtime.data.bags.mcap_file import MessageStore
from distill_runtime.data.bags.mcap_records import CHANNEL, Channels, read_chunk, SCHEMA
from distill_runtime.errors import RecordingError
from hypothesis import given, HealthCheck, settings
from hypothesis import strategies as st
import numpy as np
import pytest
from rosbags.highlevel import AnyReader
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.rosbag2.storage_mcap import DECOMPRESSORS
from rosbags.typesys import get_types_from_msg, get_typestore, Stores
from support.bags import imu, joint_state, MS, STORE, twist, write_bag

MANY = [
    message
    for index in range(1, 400)
    for message in (
        joint_state(index * MS, ['hip', 'knee'], [index, -index], receive_ns=index * MS + 5),
        twist(index * MS + 7, (index, 0, 0)),
    )
]


def read_all(path):
    """Return receive time and content per topic."""
    with Bag(path) as bag:
        return {
            topic.name: [
                (receive_ns, chunk.content(index))
                for chunk in bag.chunks(topic)
                for index, receive_ns in enumerate(chunk.receive_ns.tolist())
            ]
            for topic in bag.topics
        }, bag.damage


def read_by_rosbags(path):
    with AnyReader([path], default_typestore=STORE) as reader:
        found = {}
        for connection, receive_ns, content in reader.messages():
            found.setdefault(connection.topic, []).append((receive_ns, bytes(content)))
        return found


@pytest.fixture(scope='module')
def whole(tmp_path_factory):
    return write_bag(tmp_path_factory.mktemp('whole') / 'bag', MANY)


def read_or_refusal(path):
    """Return what read_all returns; no messages and the error if it raises."""
    try:
        return read_all(path)
    except RecordingError as error:
        refusal = str(error)
    assert str(path) in refusal
    return {}, (f'cut off: {refusal}',)


def content_of(folder):
    return next(folder.glob('*.mcap')).read_bytes()


def records_of(content):
    """Yield opcode, content and end of each record of a file."""
    offset = 8
    while offset < len(content) - 8:
        kind, size = struct.unpack_from('<BQ', content, offset)
        yield kind, content[offset + 9 : offset + 9 + size], offset + 9 + size
        offset += 9 + size


def test_messages_equal_those_that_rosbags_reads(whole):
    assert read_all(whole) == (read_by_rosbags(whole), ())


@pytest.mark.parametrize('name', ['mcap', 'mcap_split'])
def test_files_written_by_rosbag2_are_read(name, shared_data):
    path = shared_data / 'recordings' / 'written_by_rosbag2' / name
    assert read_all(path) == (read_by_rosbags(path), ())


def test_messages_of_many_chunks_come_in_order(tmp_path):
    order = np.random.default_rng(0).normal(np.arange(9000), 20.0).argsort().tolist()
    messages = [twist((1 + t) * MS, (t, 0, 0)) for t in order]
    path = write_bag(tmp_path / 'bag', messages)
    found, _ = read_all(path)
    assert [receive_ns // MS for receive_ns, _ in found['/cmd_vel']] == list(range(1, 9001))
    assert found == read_by_rosbags(path)


def without_chunks(content):
    """Return a file whose messages are outside of chunks, as some writers leave them."""
    whole = content[:8]
    for kind, record, _ in records_of(content):
        if kind == 6:
            (name_size,) = struct.unpack_from('<I', record, 28)
            whole += record[28 + 4 + name_size + 8 :]
        elif kind != 7:
            whole += struct.pack('<BQ', kind, len(record)) + record
    return whole + content[-8:]


def test_file_without_chunks_is_read(whole, tmp_path):
    path = tmp_path / 'plain.mcap'
    path.write_bytes(without_chunks(content_of(whole)))
    assert read_all(path) == (read_by_rosbags(whole), ())


def test_cut_off_index_of_the_last_chunk_costs_no_messages(whole, tmp_path):
    content = content_of(whole)
    path = tmp_path / 'cut.mcap'
    path.write_bytes(content[: next(end for kind, _, end in records_of(content) if kind == 7)])
    found, damage = read_all(path)
    assert found == read_by_rosbags(whole)
    assert 'cut off' in damage[0]


@pytest.mark.parametrize('is_disk_full', [False, True])
def test_chunk_is_decompressed_once_for_all_topics(is_disk_full, tmp_path, monkeypatch):
    path = write_bag(tmp_path / 'bag', [*MANY, imu(400 * MS)], compression='storage')
    expected = read_by_rosbags(path)
    decompress, calls = DECOMPRESSORS['zstd'], []

    def counting(content, size):
        calls.append(size)
        return decompress(content, size)

    monkeypatch.setitem(DECOMPRESSORS, 'zstd', counting)
    if is_disk_full:

        def full(*args, **options):
            raise OSError(errno.ENOSPC, 'No space left on device')

        monkeypatch.setattr(tempfile.SpooledTemporaryFile, 'write', full)
    assert read_all(path) == (expected, ())
    assert len(calls) == (3 if is_disk_full else 1)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(data=st.data())
def test_file_cut_at_any_byte_gives_the_messages_before_it_or_a_clear_error(whole, tmp_path, data):
    content = content_of(whole)
    size = data.draw(st.integers(0, len(content) - 1))
    path = tmp_path / 'cut.mcap'
    path.write_bytes(content[:size])
    found, damage = read_or_refusal(path)
    expected = read_by_rosbags(whole)
    for topic, rows in found.items():
        assert rows == expected[topic][: len(rows)]
    assert all('cut off' in text for text in damage)
    is_complete = {topic: len(rows) for topic, rows in found.items()} == {
        topic: len(rows) for topic, rows in expected.items()
    }
    assert damage or is_complete


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(data=st.data())
def test_damaged_bytes_never_hang_or_crash(whole, tmp_path, data):
    content = bytearray(content_of(whole))
    for _ in range(data.draw(st.integers(1, 6))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path / 'damaged.mcap'
    path.write_bytes(content)
    read_or_refusal(path)


def test_message_of_a_type_that_only_the_file_defines_is_read(tmp_path):
    name = 'my_msgs/msg/Level'
    store = get_typestore(Stores.ROS2_HUMBLE)
    store.register(get_types_from_msg('float64 level', name))
    with Writer(tmp_path / 'bag', version=8, storage_plugin=StoragePlugin.MCAP) as writer:
        connection = writer.add_connection('/level', name, typestore=store)
        writer.write(connection, 5, store.serialize_cdr(store.types[name](level=2.5), name))
    with Bag(tmp_path / 'bag') as bag:
        assert bag.has_definition(bag.topics[0])
        ((receive_ns, message),) = bag.messages(bag.topics[0])
    assert (receive_ns, message.level) == (5, 2.5)


def text(value):
    return struct.pack('<I', len(value)) + value.encode()


def mapped(content):
    memory = mmap.mmap(-1, max(1, len(content)))
    memory[: len(content)] = content
    return memory


@pytest.mark.parametrize('kind', [SCHEMA, CHANNEL])
@pytest.mark.parametrize('record', [b'', b'\x01', struct.pack('<HHI', 1, 1, 99)])
def test_damaged_declaration_is_skipped(kind, record):
    channels = Channels()
    channels.declare(kind, record)
    assert channels.found == {}


def test_chunk_record_gives_the_range_of_its_records():
    header = struct.pack('<QQQI', 1, 2, 50, 0) + text('zstd') + struct.pack('<Q', 20)
    content = mapped(b'...' + header + bytes(20))
    chunk = read_chunk(content, 3, 3 + len(header) + 20)
    assert (chunk.start, chunk.end) == (3 + len(header), 23 + len(header))
    assert (chunk.compression, chunk.size) == ('zstd', 50)
    assert read_chunk(content, 3, 3 + len(header) - 1) is None
    assert read_chunk(content, len(content) - 4, len(content)) is None


@pytest.mark.parametrize('contents', [[b'ab', b'cd'], [b'ab', b'', b'xyz'], [b'', b''], []])
def test_messages_of_any_sizes_are_loaded_as_they_were_saved(contents):
    chunk = make_chunk(range(len(contents)), contents)
    store = MessageStore()
    store.save((1, 2), (chunk.data, chunk.starts, chunk.sizes))
    store.save((1, 3), (chunk.data, chunk.starts[::-1], chunk.sizes[::-1]))
    for key, expected in (((1, 2), contents), ((1, 3), contents[::-1])):
        data, starts, sizes = store.load(key)
        found = [
            data[s : s + n].tobytes() for s, n in zip(starts.tolist(), sizes.tolist(), strict=True)
        ]
        assert found == expected
    assert store.load((2, 2)) is None
    store.close()
