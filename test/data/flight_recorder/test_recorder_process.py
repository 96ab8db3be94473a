# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import errno
import json
import os
from pathlib import Path
import random
import resource
import select
import signal
import subprocess
import sys
import time
from unittest.mock import Mock

from distill_runtime.data.flight_recorder.bag_writer import BagWriter
from distill_runtime.data.flight_recorder.folders import DumpFolder
from distill_runtime.data.flight_recorder.recorder_process import (
    AFTERMATH,
    BagRecorder,
    RingBufferRecording,
)
import pytest
from rosbags.rosbag2 import Reader
from support.bags import read_topic
from support.ring_buffers import FilledRingBuffer

QUOTA = 10**9
MODULE = 'distill_runtime.data.flight_recorder.recorder_process'
REQUEST = {'do': 'dump'}
FULL = OSError(errno.ENOSPC, 'No space left on device')


class Reports(list):
    """Collects reports."""

    def __call__(self, **values):
        self.append(values)

    def of(self, event):
        """Return the only report of an event."""
        (values,) = [values for values in self if values['event'] == event]
        return values


def tick_numbers(path):
    return [int(message.data[0]) for _, message in read_topic(path, '/tick')]


def make_recorder(folder, ring_buffer=None):
    ring_buffer, reports = ring_buffer or FilledRingBuffer(), Reports()
    return (
        BagRecorder(ring_buffer.reader, DumpFolder(folder, QUOTA), reports),
        ring_buffer,
        reports,
    )


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_alarm_is_dumped_once_with_what_came_after_it_and_its_reason(tmp_path):
    recorder, ring_buffer, reports = make_recorder(tmp_path)
    ring_buffer.tick(10)
    recorder.poll(100.0)
    ring_buffer.status('fault', 'tilt.limit: too far')
    recorder.poll(100.1)
    ring_buffer.tick(10)
    recorder.poll(100.1 + AFTERMATH - 0.01)
    assert names(tmp_path) == []
    for late in (0.01, 0.5, 5.0):
        recorder.poll(100.1 + AFTERMATH + late)
    report = reports.of('dumped')
    assert report['cause'] == 'tilt.limit'
    assert report['path'].endswith('_robot.student_node_tilt.limit')
    assert tick_numbers(report['path']) == list(range(20))


def test_alarm_that_a_killed_process_had_not_dumped_is_dumped_by_the_next(tmp_path):
    _, ring_buffer, _ = make_recorder(tmp_path)
    ring_buffer.tick(3)
    ring_buffer.status('fault', 'tilt.limit: too far')
    for number_of_dumps in (1, 1):
        recorder, _, _ = make_recorder(tmp_path, ring_buffer)
        for now in (0.0, AFTERMATH, 2 * AFTERMATH):
            recorder.poll(now)
        assert len(names(tmp_path)) == number_of_dumps


def test_request_is_dumped_at_once_or_refused_with_the_reason(tmp_path):
    (tmp_path / 'file').write_text('')
    for folder, problem in ((tmp_path / 'dumps', ''), (tmp_path / 'file', 'File exists')):
        recorder, ring_buffer, reports = make_recorder(folder)
        assert problem in reports.pop(0)['problem']
        recorder.execute(REQUEST)
        refusal = {'event': 'failed', 'reason': 'nothing is held yet', 'cause': 'request'}
        assert reports.pop(0) == refusal
        ring_buffer.tick(3)
        recorder.execute(REQUEST)
        (report,) = reports
        assert report['cause'] == 'request'
        if problem:
            assert 'blackbox_dir' in report['reason']
        else:
            assert names(folder) == [os.path.basename(report['path'])]


@pytest.mark.parametrize(
    ('is_active', 'goodbye', 'fault', 'causes'),
    [
        (True, '', '', ['node_died']),
        (False, 'shutdown', '', ['shutdown']),
        (False, '', '', []),
        (False, 'shutdown', 'imu.stale: silent', ['imu.stale']),
    ],
)
def test_end_of_a_node_is_dumped_with_its_cause(is_active, goodbye, fault, causes, tmp_path):
    recorder, ring_buffer, reports = make_recorder(tmp_path)
    ring_buffer.tick(3)
    ring_buffer.writer.set_active(is_active)
    if fault:
        ring_buffer.status('fault', fault)
    if goodbye:
        recorder.execute({'do': 'goodbye', 'cause': goodbye})
    recorder.end()
    assert [report['cause'] for report in reports if report['event'] == 'dumped'] == causes


class Process:
    """The recorder as a separate process."""

    def __init__(self, ring_buffer, folder, **options):
        descriptor = ring_buffer.writer.descriptor
        self.popen = subprocess.Popen(
            [
                sys.executable, '-m', MODULE, str(descriptor),
                '--folder', folder, '--quota', str(QUOTA),
            ],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, pass_fds=[descriptor], **options,
        )  # fmt: skip

    def report(self, patience=20.0):
        """Return its next report."""
        assert select.select([self.popen.stdout], [], [], patience)[0], 'no report'
        return json.loads(self.popen.stdout.readline())

    def send(self, **values):
        """Send a command."""
        self.popen.stdin.write((json.dumps(values) + '\n').encode())
        self.popen.stdin.flush()

    def close(self):
        """End its input, and return its exit status."""
        self.popen.stdin.close()
        status = self.popen.wait(20)
        self.popen.stdout.close()
        return status


def test_process_dumps_an_alarm_and_ends_with_its_input(tmp_path):
    ring_buffer = FilledRingBuffer()
    process = Process(ring_buffer, tmp_path)
    assert process.report()['problem'] == ''
    for number in (signal.SIGINT, signal.SIGTERM):
        process.popen.send_signal(number)  # those are for the node
    ring_buffer.tick(5)
    ring_buffer.status('fault', 'tilt: too far')
    report = process.report()
    assert (report['event'], report['cause']) == ('dumped', 'tilt')
    assert ring_buffer.reader.heartbeat_ns > 0
    assert process.close() == 0
    assert tick_numbers(report['path']) == list(range(5))


def test_process_without_a_ring_buffer_ends(tmp_path):
    (tmp_path / 'file').write_text('nonsense')
    with (tmp_path / 'file').open('r+b') as file:
        result = subprocess.run(
            [sys.executable, '-m', MODULE, str(file.fileno())],
            pass_fds=[file.fileno()], stdin=subprocess.PIPE, capture_output=True, timeout=20,
        )  # fmt: skip
    assert result.returncode == 2
    assert b'is no ring buffer' in result.stderr


def test_dumper_killed_at_any_moment_leaves_no_incomplete_dump(tmp_path):
    moments = random.Random(3)
    ring_buffer = FilledRingBuffer(1 << 22)
    ring_buffer.tick(8000)
    for _ in range(6):
        process = Process(ring_buffer, tmp_path)
        process.report()
        for _ in range(20):
            process.send(**REQUEST)
        time.sleep(moments.uniform(0.02, 0.4))
        process.popen.kill()
        process.popen.wait()
        for file in (process.popen.stdin, process.popen.stdout):
            file.close()
        visible = [path for path in tmp_path.iterdir() if not path.name.startswith('.')]
        for path in visible:
            with Reader(path) as reader:
                assert reader.message_count > 8000
    DumpFolder(tmp_path, QUOTA).prepare()
    assert not [name for name in names(tmp_path) if name.startswith('.')]


def test_file_size_limit_is_reported_and_leaves_no_files(tmp_path):
    ring_buffer = FilledRingBuffer(1 << 22)
    ring_buffer.tick(5000)

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

    process = Process(ring_buffer, tmp_path, preexec_fn=limit)
    process.report()
    process.send(**REQUEST)
    report = process.report()
    assert report['event'] == 'failed'
    assert 'File too large' in report['reason']
    assert process.close() == 0
    assert names(tmp_path) == []


def recording(folder):
    """Return a ring buffer, the process that records it, and the bag."""
    ring_buffer = FilledRingBuffer()
    process = Process(ring_buffer, folder / 'dumps')
    process.report()
    process.send(do='record', folder=str(folder), first=0)
    return ring_buffer, process, Path(process.report()['path'])


def test_recording_that_a_killed_process_cut_off_can_be_read(tmp_path):
    ring_buffer, process, path = recording(tmp_path)
    ring_buffer.tick(100)
    size = 0
    for _ in range(200):
        time.sleep(0.05)
        ring_buffer.tick()
        size = next(path.iterdir()).stat().st_size
        if size > 10_000:
            break
    process.popen.kill()
    process.popen.communicate()
    assert not (path / 'metadata.yaml').exists()
    numbers = tick_numbers(next(path.iterdir()))
    assert numbers, 'what was flushed is there, however early the kill came'
    assert numbers == list(range(len(numbers)))


def test_recording_of_a_node_that_is_gone_is_completed(tmp_path):
    ring_buffer, process, path = recording(tmp_path)
    ring_buffer.tick(100)
    assert process.close() == 0
    assert (path / 'metadata.yaml').is_file()
    assert tick_numbers(path) == list(range(100))


def follow(folder, ring_buffer, first=0):
    reports = Reports()
    ring, facts = ring_buffer.reader, ring_buffer.facts
    return RingBufferRecording(ring, facts, folder, first, reports), reports


def test_recording_has_every_tick_of_a_ring_buffer_that_was_overwritten_many_times(tmp_path):
    ring_buffer = FilledRingBuffer(1 << 16)
    followed, reports = follow(tmp_path, ring_buffer)
    for step in range(40):
        ring_buffer.tick(50)
        followed.follow(float(step))
    ring_buffer.tick(7)
    followed.finish()
    report = reports.of('recorded')
    assert report['lost'] == 0
    assert tick_numbers(report['path']) == list(range(2007))
    assert len(ring_buffer.reader.read().records) < 1000


def test_recording_begins_and_ends_at_the_given_records(tmp_path):
    ring_buffer = FilledRingBuffer()
    ring_buffer.tick(10)
    followed, reports = follow(tmp_path, ring_buffer, ring_buffer.reader.count)
    ring_buffer.tick(3)
    end = ring_buffer.reader.count
    ring_buffer.tick(10)
    followed.finish(end)
    assert tick_numbers(reports.of('recorded')['path']) == [10, 11, 12]


def test_records_overwritten_before_they_are_read_are_counted_and_reported(tmp_path):
    ring_buffer = FilledRingBuffer(1 << 16)
    followed, reports = follow(tmp_path, ring_buffer)
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
    followed, reports = follow(tmp_path, ring_buffer)

    monkeypatch.setattr(BagWriter, 'flush', Mock(side_effect=FULL))
    ring_buffer.tick(5)
    followed.follow(1.0)
    followed.finish()
    assert 'No space left on device' in reports.of('recording_failed')['reason']


def test_folder_that_cannot_be_made_is_reported(tmp_path):
    (tmp_path / 'file').write_text('')
    followed, reports = follow(tmp_path / 'file', FilledRingBuffer())
    assert 'record_to' in reports.of('recording_failed')['reason']
    followed.follow(1.0)
    followed.finish()
