# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import errno

from distill_runtime.data.bags.bag import Bag
from distill_runtime.data.flight_recorder.bag_writer import BagWriter
from distill_runtime.data.flight_recorder.recording import RingBufferRecording
from support.ring_buffers import FilledRingBuffer


class Reports(list):
    """Collects reports."""

    def __call__(self, **values):
        self.append(values)

    def of(self, event):
        """Return the only report of an event."""
        (values,) = [values for values in self if values['event'] == event]
        return values


def recording(folder, ring_buffer, first=0):
    reports = Reports()
    return RingBufferRecording(
        ring_buffer.reader, ring_buffer.facts, folder, first, reports
    ), reports


def tick_numbers(path):
    with Bag(path) as bag:
        topic = next(topic for topic in bag.topics if topic.name.endswith('/tick'))
        return [int(message.data[0]) for _, message in bag.messages(topic)]


def test_recording_has_every_tick_of_a_ring_buffer_that_was_overwritten_many_times(tmp_path):
    ring_buffer = FilledRingBuffer(1 << 16)
    followed, reports = recording(tmp_path, ring_buffer)
    for step in range(40):
        ring_buffer.tick(50)
        followed.follow(float(step))
    ring_buffer.tick(7)
    followed.finish()
    report = reports.of('recorded')
    assert report['lost'] == 0
    assert tick_numbers(report['path']) == list(range(2007))
    assert len(ring_buffer.reader.read().records) < 1000


def test_recording_begins_at_the_given_record(tmp_path):
    ring_buffer = FilledRingBuffer()
    ring_buffer.tick(10)
    followed, reports = recording(tmp_path, ring_buffer, ring_buffer.reader.count)
    ring_buffer.tick(3)
    followed.finish()
    assert tick_numbers(reports.of('recorded')['path']) == [10, 11, 12]


def test_recording_ends_at_the_given_record(tmp_path):
    ring_buffer = FilledRingBuffer()
    followed, reports = recording(tmp_path, ring_buffer)
    ring_buffer.tick(3)
    end = ring_buffer.reader.count
    ring_buffer.tick(10)
    followed.finish(end)
    assert tick_numbers(reports.of('recorded')['path']) == [0, 1, 2]


def test_records_overwritten_before_they_are_read_are_counted_and_reported(tmp_path):
    ring_buffer = FilledRingBuffer(1 << 16)
    followed, reports = recording(tmp_path, ring_buffer)
    ring_buffer.tick(2000)
    written = ring_buffer.reader.count
    followed.follow(1.0)
    lost = reports.of('lost')['lost']
    followed.finish()
    assert 0 < lost < written
    assert reports.of('recorded')['lost'] == lost
    numbers = tick_numbers(reports.of('recorded')['path'])
    assert numbers == list(range(numbers[0], 2000))


def test_full_disk_ends_the_recording_with_the_reason(tmp_path, monkeypatch):
    ring_buffer = FilledRingBuffer()
    followed, reports = recording(tmp_path, ring_buffer)

    def full(*args):
        raise OSError(errno.ENOSPC, 'No space left on device')

    monkeypatch.setattr(BagWriter, 'flush', full)
    ring_buffer.tick(5)
    followed.follow(1.0)
    followed.finish()
    assert 'No space left on device' in reports.of('recording_failed')['reason']


def test_folder_that_cannot_be_made_is_reported(tmp_path):
    (tmp_path / 'file').write_text('')
    followed, reports = recording(tmp_path / 'file', FilledRingBuffer())
    assert 'record_to' in reports.of('recording_failed')['reason']
    followed.follow(1.0)
    followed.finish()
