# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

from distill_runtime.data.flight_recorder.ring_buffer import OVERHEAD, RingBuffer
from distill_runtime.errors import RecordingError
from hypothesis import given
from hypothesis import strategies as st
import pytest

RING = 4096
WRITING = """
import time
from distill_runtime.data.flight_recorder.ring_buffer import RingBuffer
writer = RingBuffer.create(1 << 22, b'endless')
print(writer.descriptor, flush=True)
number = 0
while True:
    writer.append(number % 7, number, number.to_bytes(8, 'little') * (1 + number % 40))
    number += 1
    if number % 200 == 0:
        time.sleep(0.0005)
"""


def no_pause(seconds):
    """Stand in for the wait: one process sees its stores at once."""


def ring_buffer(ring=RING, facts=b''):
    writer = RingBuffer.create(ring, facts)
    return writer, RingBuffer(writer.descriptor, no_pause)


def test_reader_gets_what_was_written():
    writer, reader = ring_buffer(facts=b'facts')
    entries = [(1, -5, b'first'), (2, 7, b''), (3, 2**62, b'third')]
    for entry in entries:
        writer.append(*entry)
    writer.append(4, 0, bytes(RING // 4))
    batch = reader.read()
    assert [tuple(record[1:]) for record in batch.records] == [(t, c, d) for c, t, d in entries]
    assert (batch.following, batch.lost) == (3, 0)
    assert reader.num_refused == 1, 'one is too large'
    assert reader.facts == b'facts'


@given(
    st.lists(st.binary(max_size=RING // 4 - OVERHEAD), max_size=120),
    st.integers(0, 150),
)
def test_newest_records_are_kept_whole_and_the_rest_is_counted(entries, first):
    writer, reader = ring_buffer()
    for number, data in enumerate(entries):
        writer.append(number % 5, number * 10, data)
    batch = reader.read(first)
    asked = list(enumerate(entries))[first:]
    kept = asked[len(asked) - len(batch.records) :]
    assert [(r.number, r.channel, r.time_ns, r.data) for r in batch.records] == [
        (number, number % 5, number * 10, data) for number, data in kept
    ]
    assert batch.lost == len(asked) - len(kept)
    assert batch.following == max(first, len(entries))
    if first == 0 and len(kept) < len(entries):
        # what is gone made room: nearly a whole ring, or all entries of the index, are in use
        used = sum(OVERHEAD + len(data) for _, data in kept)
        assert used > RING // 2 or len(kept) > RING // 96 - 2


def test_records_overwritten_while_they_are_copied_are_discarded_and_counted():
    writer = RingBuffer.create(RING)
    written = 0

    def write(count):
        nonlocal written
        for _ in range(count):
            writer.append(0, written, written.to_bytes(8, 'little') * 8)
            written += 1

    reader = RingBuffer(writer.descriptor, lambda seconds: write(10))
    write(100)
    batch = reader.read()
    assert batch.following == 100
    assert batch.lost == 100 - len(batch.records)
    # ten more came before and ten after the copy: of all 120 the newest ring full is intact
    assert 0 < len(batch.records) <= RING // (24 + 64) - 20
    for record in batch.records:
        assert record.data == record.time_ns.to_bytes(8, 'little') * 8


def test_span_is_the_time_of_the_records_in_the_buffer():
    writer, reader = ring_buffer()
    assert reader.read() == ([], 0, 0)
    assert reader.span() == 0.0
    for number in range(1000):
        writer.append(0, number * 1_000_000_000, bytes(100))
    kept = reader.read().records
    assert reader.span() == len(kept) - 1


def test_alarms_and_activity_are_seen_by_readers():
    writer, reader = ring_buffer()
    assert (reader.alarms, reader.is_active, reader.heartbeat_ns) == (0, False, 0)
    writer.raise_alarm()
    writer.set_active(True)
    reader.write_heartbeat()
    assert (reader.alarms, reader.is_alarmed, reader.is_active) == (1, True, True)
    reader.handle_alarms(1)
    assert not writer.is_alarmed
    assert 0 < reader.heartbeat_ns <= time.monotonic_ns()


def test_appending_takes_no_more_memory(monkeypatch):
    import tracemalloc

    writer, _ = ring_buffer(1 << 16)
    data = bytes(500)
    for number in range(1000):
        writer.append(0, number, data)
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for number in range(1000):
        writer.append(0, number, data)
    after = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert after - before < 1000


@pytest.mark.parametrize('content', [b'', b'x' * 50, bytes(4096), b'\xff' * 4096])
def test_file_that_is_no_ring_buffer_is_refused(content, tmp_path):
    path = tmp_path / 'file'
    path.write_bytes(content)
    descriptor = os.open(path, os.O_RDWR)
    with pytest.raises(RecordingError, match='is no ring buffer'):
        RingBuffer(descriptor)
    os.close(descriptor)


def test_another_process_reads_whole_records_while_one_writes():
    process = subprocess.Popen([sys.executable, '-c', WRITING], stdout=subprocess.PIPE, text=True)
    try:
        inner = process.stdout.readline().strip()
        descriptor = os.open(f'/proc/{process.pid}/fd/{inner}', os.O_RDWR)
        reader = RingBuffer(descriptor)
        following = seen = 0
        for _ in range(50):
            batch = reader.read(following)
            assert len(batch.records) + batch.lost == batch.following - following
            following = batch.following
            for record in batch.records:
                number = record.number
                seen += 1
                assert (record.channel, record.time_ns) == (number % 7, number)
                assert record.data == number.to_bytes(8, 'little') * (1 + number % 40)
        assert seen > 0
        process.send_signal(signal.SIGKILL)
        process.wait()
        last = reader.read()
        os.close(descriptor)
        assert last.records
        assert last.records[-1].number == reader.count - 1
    finally:
        process.kill()
        process.communicate()
