# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import mmap
import struct

from distill_runtime.data.bags.mcap_records import (
    CHANNEL,
    Channel,
    Channels,
    Places,
    read_chunk,
    read_index,
    SCHEMA,
)
import pytest


def text(value):
    return struct.pack('<I', len(value)) + value.encode()


def mapped(content):
    memory = mmap.mmap(-1, max(1, len(content)))
    memory[: len(content)] = content
    return memory


def test_channel_has_the_type_that_its_schema_says():
    channels = Channels()
    channels.learn(SCHEMA, struct.pack('<H', 3) + text('a/msg/B') + text('ros2msg') + text('x y'))
    channels.learn(CHANNEL, struct.pack('<HH', 7, 3) + text('/b') + text('cdr'))
    channels.learn(CHANNEL, struct.pack('<HH', 8, 9) + text('/c') + text('json'))
    assert channels.found == {
        7: Channel('/b', 'a/msg/B', 'cdr', 'x y'),
        8: Channel('/c', '', 'json', ''),
    }


@pytest.mark.parametrize('kind', [SCHEMA, CHANNEL])
@pytest.mark.parametrize('record', [b'', b'\x01', struct.pack('<HHI', 1, 1, 99)])
def test_damaged_declaration_is_passed_over(kind, record):
    channels = Channels()
    channels.learn(kind, record)
    assert channels.found == {}


def test_chunk_says_where_its_records_lie():
    head = struct.pack('<QQQI', 1, 2, 50, 0) + text('zstd') + struct.pack('<Q', 20)
    content = mapped(b'...' + head + bytes(20))
    chunk = read_chunk(content, 3, 3 + len(head) + 20)
    assert (chunk.start, chunk.end) == (3 + len(head), 23 + len(head))
    assert (chunk.compression, chunk.size) == ('zstd', 50)
    assert read_chunk(content, 3, 3 + len(head) - 1) is None
    assert read_chunk(content, len(content) - 4, len(content)) is None


def test_index_says_how_many_messages_a_channel_has():
    content = mapped(struct.pack('<HI', 7, 32) + bytes(32))
    channel, index = read_index(content, 0, len(content))
    assert (channel, index.begin, index.num_messages) == (7, 6, 2)
    assert read_index(content, 0, 4)[1].num_messages == 0


def test_places_of_messages_are_collected_by_channel():
    def message(channel, time_ns):
        return struct.pack('<BQHIQQ', 5, 22, channel, 0, time_ns, 0)

    data = message(1, 10) + message(2, 20) + message(1, 30)
    places = Places()
    for place in (0, 31, 62):
        places.note(data, place)
    found = places.by_channel()
    assert {key: value.times.tolist() for key, value in found.items()} == {1: [10, 30], 2: [20]}
    assert found[1].places.tolist() == [0, 62]
    assert found[1].num_messages == 2
