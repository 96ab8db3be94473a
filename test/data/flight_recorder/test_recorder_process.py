# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

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

from distill_runtime.data.flight_recorder.dump_folder import DumpFolder
from distill_runtime.data.flight_recorder.recorder_process import AFTERMATH, BlackBox
from rosbags.rosbag2 import Reader
from support.journals import Filled

from .test_recording import tick_numbers, Told

QUOTA = 10**9


def boxed(folder, journal=None):
    journal, told = journal or Filled(), Told()
    return BlackBox(journal.reader, DumpFolder(folder, QUOTA), told), journal, told


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_alarm_is_dumped_once_with_what_came_after_it_and_its_reason(tmp_path):
    box, journal, told = boxed(tmp_path)
    journal.tick(10)
    box.poll(100.0)
    journal.status('fault', 'tilt.limit: too far')
    box.poll(100.1)
    journal.tick(10)
    box.poll(100.1 + AFTERMATH - 0.01)
    assert names(tmp_path) == []
    for late in (0.01, 0.5, 5.0):
        box.poll(100.1 + AFTERMATH + late)
    said = told.of('dumped')
    assert said['cause'] == 'tilt.limit'
    assert said['path'].endswith('_robot.student_node_tilt.limit')
    assert tick_numbers(said['path']) == list(range(20))


def test_alarm_that_a_killed_process_had_not_dumped_is_dumped_by_the_next(tmp_path):
    _, journal, _ = boxed(tmp_path)
    journal.tick(3)
    journal.status('fault', 'tilt.limit: too far')
    for number_of_dumps in (1, 1):
        box, _, _ = boxed(tmp_path, journal)
        for now in (0.0, AFTERMATH, 2 * AFTERMATH):
            box.poll(now)
        assert len(names(tmp_path)) == number_of_dumps


def test_request_is_dumped_at_once_and_answered_by_its_number(tmp_path):
    box, journal, told = boxed(tmp_path)
    journal.tick(3)
    box.obey(json.dumps({'do': 'dump', 'cause': 'request', 'number': 7}))
    said = told.of('dumped')
    assert (said['number'], said['cause']) == (7, 'request')
    assert names(tmp_path) == [os.path.basename(said['path'])]


def test_request_before_the_first_record_is_refused(tmp_path):
    box, _, told = boxed(tmp_path)
    box.obey(json.dumps({'do': 'dump', 'cause': 'request', 'number': 7}))
    assert told.of('failed')['reason'] == 'nothing is held yet'


def test_folder_that_cannot_be_written_is_told_at_the_start_and_with_every_dump(tmp_path):
    (tmp_path / 'file').write_text('')
    box, journal, told = boxed(tmp_path / 'file')
    assert 'File exists' in told.of('ready')['problem']
    journal.tick(3)
    box.obey(json.dumps({'do': 'dump', 'cause': 'request', 'number': 7}))
    assert 'blackbox_dir' in told.of('failed')['reason']


def test_end_of_a_node_that_was_active_is_dumped(tmp_path):
    for is_active, goodbye, cause in (
        (True, None, 'node_died'), (False, 'shutdown', 'shutdown'), (False, None, None),
    ):  # fmt: skip
        box, journal, told = boxed(tmp_path)
        journal.tick(3)
        journal.writer.set_active(is_active)
        if goodbye:
            box.obey(json.dumps({'do': 'goodbye', 'cause': goodbye}))
        box.end()
        assert [said['cause'] for said in told if said['event'] == 'dumped'] == [cause] * bool(
            cause
        )


def test_alarm_just_before_the_end_is_dumped_under_its_own_name(tmp_path):
    box, journal, told = boxed(tmp_path)
    journal.tick(3)
    journal.status('fault', 'imu.stale: silent')
    box.obey(json.dumps({'do': 'goodbye', 'cause': 'shutdown'}))
    box.end()
    assert told.of('dumped')['cause'] == 'imu.stale'


def test_nonsense_on_the_input_is_told_and_ends_nothing(tmp_path):
    box, _, told = boxed(tmp_path)
    for line in ('', '[]', '{"do": ', '{"a": 1}'):
        box.obey(line)
    assert [said['event'] for said in told] == ['ready'] + ['failed'] * 4


class Process:
    """The black box as a process of its own."""

    def __init__(self, journal, folder, **options):
        descriptor = journal.writer.descriptor
        module = 'distill_runtime.data.flight_recorder.recorder_process'
        self.popen = subprocess.Popen(
            [
                sys.executable, '-m', module, str(descriptor),
                '--folder', folder, '--quota', str(QUOTA),
            ],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, pass_fds=[descriptor], **options,
        )  # fmt: skip

    def told(self, patience=20.0):
        """Return what it says next."""
        assert select.select([self.popen.stdout], [], [], patience)[0], 'it says nothing'
        return json.loads(self.popen.stdout.readline())

    def tell(self, **values):
        """Tell it something."""
        self.popen.stdin.write((json.dumps(values) + '\n').encode())
        self.popen.stdin.flush()

    def close(self):
        """End its input, and return its exit status."""
        self.popen.stdin.close()
        status = self.popen.wait(20)
        self.popen.stdout.close()
        return status


def test_process_dumps_an_alarm_and_ends_with_its_input(tmp_path):
    journal = Filled()
    process = Process(journal, tmp_path)
    assert process.told()['problem'] == ''
    for number in (signal.SIGINT, signal.SIGTERM):
        process.popen.send_signal(number)  # those are for the node
    journal.tick(5)
    journal.status('fault', 'tilt: too far')
    said = process.told()
    assert (said['event'], said['cause']) == ('dumped', 'tilt')
    assert journal.reader.beat_ns > 0
    assert process.close() == 0
    assert tick_numbers(said['path']) == list(range(5))


def test_process_that_is_given_no_journal_ends(tmp_path):
    (tmp_path / 'file').write_text('nonsense')
    with (tmp_path / 'file').open('r+b') as file:
        module = 'distill_runtime.data.flight_recorder.recorder_process'
        result = subprocess.run(
            [sys.executable, '-m', module, str(file.fileno())],
            pass_fds=[file.fileno()], stdin=subprocess.PIPE, capture_output=True, timeout=20,
        )  # fmt: skip
    assert result.returncode == 2
    assert b'is no journal' in result.stderr


def test_dumper_killed_at_any_moment_leaves_no_half_dump(tmp_path):
    moments = random.Random(3)
    journal = Filled(1 << 22)
    journal.tick(8000)
    for _ in range(6):
        process = Process(journal, tmp_path)
        process.told()
        for number in range(20):
            process.tell(do='dump', cause='request', number=number)
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


def test_file_that_may_not_grow_is_told_and_leaves_nothing(tmp_path):
    journal = Filled(1 << 22)
    journal.tick(5000)

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

    process = Process(journal, tmp_path, preexec_fn=limit)
    process.told()
    process.tell(do='dump', cause='request', number=1)
    said = process.told()
    assert said['event'] == 'failed'
    assert 'File too large' in said['reason']
    assert process.close() == 0
    assert names(tmp_path) == []


def recording(folder):
    """Return a journal, the process that follows it, and the bag that it writes."""
    journal = Filled()
    process = Process(journal, folder / 'dumps')
    process.told()
    process.tell(do='record', folder=str(folder), first=0)
    return journal, process, Path(process.told()['path'])


def test_recording_that_a_killed_process_cut_off_can_be_read(tmp_path):
    journal, process, path = recording(tmp_path)
    journal.tick(100)
    size = 0
    for _ in range(200):
        time.sleep(0.05)
        journal.tick()
        size = next(path.iterdir()).stat().st_size
        if size > 10_000:
            break
    process.popen.kill()
    process.popen.communicate()
    assert not (path / 'metadata.yaml').exists()
    numbers = tick_numbers(next(path.iterdir()))
    assert len(numbers) >= 100
    assert numbers == list(range(len(numbers)))


def test_recording_of_a_node_that_is_gone_is_completed(tmp_path):
    journal, process, path = recording(tmp_path)
    journal.tick(100)
    assert process.close() == 0
    assert (path / 'metadata.yaml').is_file()
    assert tick_numbers(path) == list(range(100))
