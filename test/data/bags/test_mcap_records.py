# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import mmap
import struct

from distill_runtime.data.bags.mcap_records import (
    CHANNEL,
    Channel,
    Channels,
    OffsetCollector,
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


def test_channel_has_the_type_of_its_schema():
    channels = Channels()
    channels.declare(
        SCHEMA, struct.pack('<H', 3) + text('a/msg/B') + text('ros2msg') + text('x y')
    )
    channels.declare(CHANNEL, struct.pack('<HH', 7, 3) + text('/b') + text('cdr'))
    channels.declare(CHANNEL, struct.pack('<HH', 8, 9) + text('/c') + text('json'))
    assert channels.found == {
        7: Channel('/b', 'a/msg/B', 'cdr', 'x y'),
        8: Channel('/c', '', 'json', ''),
    }


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


def test_index_record_gives_channel_and_number_of_messages():
    content = mapped(struct.pack('<HI', 7, 32) + bytes(32))
    channel, index = read_index(content, 0, len(content))
    assert (channel, index.begin, index.num_messages) == (7, 6, 2)
    assert read_index(content, 0, 4)[1].num_messages == 0


def test_offsets_of_messages_are_collected_by_channel():
    def message(channel, time_ns):
        return struct.pack('<BQHIQQ', 5, 22, channel, 0, time_ns, 0)

    data = message(1, 10) + message(2, 20) + message(1, 30)
    collector = OffsetCollector()
    for offset in (0, 31, 62):
        collector.add(data, offset)
    found = collector.by_channel()
    assert {key: value.times.tolist() for key, value in found.items()} == {1: [10, 30], 2: [20]}
    assert found[1].offsets.tolist() == [0, 62]
    assert found[1].num_messages == 2
