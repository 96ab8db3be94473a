# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import errno

from distill_runtime.data.bags.bag import Bag
from distill_runtime.data.flight_recorder.bag_writer import BagWriter
from distill_runtime.data.flight_recorder.recording import RingBufferRecording
from support.journals import Filled


class Told(list):
    """What was said."""

    def __call__(self, **values):
        self.append(values)

    def of(self, event):
        """Return the values of the only such event."""
        (values,) = [values for values in self if values['event'] == event]
        return values


def recording(folder, journal, first=0):
    told = Told()
    return RingBufferRecording(journal.reader, journal.facts, folder, first, told), told


def tick_numbers(path):
    with Bag(path) as bag:
        topic = next(topic for topic in bag.topics if topic.name.endswith('/tick'))
        return [int(message.data[0]) for _, message in bag.messages(topic)]


def test_recording_holds_every_tick_of_a_journal_that_was_overwritten_many_times(tmp_path):
    journal = Filled(1 << 16)
    followed, told = recording(tmp_path, journal)
    for step in range(40):
        journal.tick(50)
        followed.follow(float(step))
    journal.tick(7)
    followed.finish()
    said = told.of('recorded')
    assert said['lost'] == 0
    assert tick_numbers(said['path']) == list(range(2007))
    assert len(journal.reader.read().records) < 1000


def test_recording_begins_at_the_record_that_it_is_told(tmp_path):
    journal = Filled()
    journal.tick(10)
    followed, told = recording(tmp_path, journal, journal.reader.count)
    journal.tick(3)
    followed.finish()
    assert tick_numbers(told.of('recorded')['path']) == [10, 11, 12]


def test_recording_ends_at_the_record_that_it_is_told(tmp_path):
    journal = Filled()
    followed, told = recording(tmp_path, journal)
    journal.tick(3)
    end = journal.reader.count
    journal.tick(10)
    followed.finish(end)
    assert tick_numbers(told.of('recorded')['path']) == [0, 1, 2]


def test_what_was_overwritten_before_it_could_be_read_is_counted_and_told(tmp_path):
    journal = Filled(1 << 16)
    followed, told = recording(tmp_path, journal)
    journal.tick(2000)
    written = journal.reader.count
    followed.follow(1.0)
    lost = told.of('lost')['lost']
    followed.finish()
    assert 0 < lost < written
    assert told.of('recorded')['lost'] == lost
    numbers = tick_numbers(told.of('recorded')['path'])
    assert numbers == list(range(numbers[0], 2000))


def test_disk_that_is_full_ends_the_recording_with_the_reason(tmp_path, monkeypatch):
    journal = Filled()
    followed, told = recording(tmp_path, journal)

    def full(*args):
        raise OSError(errno.ENOSPC, 'No space left on device')

    monkeypatch.setattr(BagWriter, 'flush', full)
    journal.tick(5)
    followed.follow(1.0)
    followed.finish()
    assert 'No space left on device' in told.of('recording_failed')['reason']


def test_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / 'file').write_text('')
    followed, told = recording(tmp_path / 'file', Filled())
    assert 'record_to' in told.of('recording_failed')['reason']
    followed.follow(1.0)
    followed.finish()
