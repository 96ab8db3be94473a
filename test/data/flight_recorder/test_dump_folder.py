# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import errno
import fcntl
import os
from pathlib import Path

from distill_runtime.data.flight_recorder import dump_folder
from distill_runtime.data.flight_recorder import folders as recording_folder
from distill_runtime.data.flight_recorder.dump_folder import DumpFolder
from distill_runtime.errors import RecordingError
import pytest


def bag(size):
    """Return what writes a bag of a size."""

    def fill(path):
        path.mkdir()
        (path / f'{path.name}.mcap').write_bytes(bytes(size - 10))
        (path / 'metadata.yaml').write_bytes(bytes(10))
        return size

    return fill


def failing(number):
    def fill(path):
        path.mkdir()
        (path / 'half').write_bytes(b'x')
        raise OSError(number, os.strerror(number))

    return fill


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def clock(monkeypatch):
    """Give every dump a time one second after the last."""
    seconds = iter(range(10**6))
    real = recording_folder.time.gmtime
    monkeypatch.setattr(recording_folder.time, 'gmtime', lambda: real(next(seconds)))


def test_dump_is_named_by_time_node_and_cause(tmp_path, clock):
    dump, removed = DumpFolder(tmp_path / 'new', 1000).write('left.student_tilt/a b', 0, bag(100))
    assert dump.path.name == '19700101T000000Z_left.student_tilt-a-b'
    assert (dump.size, removed) == (100, [])
    assert names(tmp_path / 'new') == [dump.path.name]


def test_oldest_dumps_make_room_for_the_newest(tmp_path, clock):
    folder = DumpFolder(tmp_path, 250)
    dumps = [folder.write(f'n{number}', 100, bag(100))[0] for number in range(3)]
    assert [dump.path for dump in folder.dumps()] == [dump.path for dump in dumps[1:]]
    _, removed = folder.write('n3', 100, bag(100))
    assert removed == [dumps[1].path]


def test_dump_that_is_larger_than_the_quota_is_kept_alone(tmp_path, clock):
    folder = DumpFolder(tmp_path, 50)
    folder.write('a', 0, bag(40))
    dump, removed = folder.write('b', 100, bag(100))
    assert len(removed) == 1
    assert names(tmp_path) == [dump.path.name]


def test_foreign_files_and_dumps_with_a_note_are_never_removed(tmp_path, clock):
    folder = DumpFolder(tmp_path, 50)
    (tmp_path / 'thesis').mkdir()
    (tmp_path / '19690101T000000Z_mine').write_bytes(bytes(1000))
    noted, _ = folder.write('noted', 0, bag(40))
    (noted.path / 'note.txt').write_text('the day it fell')
    for number in range(3):
        folder.write(f'n{number}', 0, bag(40))
    assert len(names(tmp_path)) == 4
    assert noted.path.is_dir()


def test_full_disk_takes_the_oldest_dumps_until_there_is_room(tmp_path, clock):
    folder = DumpFolder(tmp_path, 10**6)
    old = [folder.write(f'old{number}', 0, bag(100))[0].path for number in range(3)]

    def fill(path):
        return (failing(errno.ENOSPC) if len(folder.dumps()) > 1 else bag(50))(path)

    dump, removed = folder.write('new', 150, fill)
    assert removed == old[:2]
    assert names(tmp_path) == sorted([old[2].name, dump.path.name])


def test_full_disk_that_all_old_dumps_could_not_free_costs_none_of_them(tmp_path, clock):
    folder = DumpFolder(tmp_path, 1000)
    old = folder.write('old', 0, bag(100))[0].path
    with pytest.raises(RecordingError, match='No space left on device'):
        folder.write('new', 101, failing(errno.ENOSPC))
    assert names(tmp_path) == [old.name]


def test_full_disk_without_old_dumps_is_refused_and_nothing_is_left(tmp_path):
    with pytest.raises(RecordingError, match=r'blackbox_dir .*: No space left on device: make'):
        DumpFolder(tmp_path, 1000).write('new', 0, failing(errno.ENOSPC))
    assert names(tmp_path) == []


def test_other_errors_cost_no_old_dump(tmp_path, clock):
    folder = DumpFolder(tmp_path, 1000)
    old = folder.write('old', 0, bag(100))[0].path
    with pytest.raises(RecordingError, match='File too large'):
        folder.write('new', 0, failing(errno.EFBIG))
    assert names(tmp_path) == [old.name]


def test_folder_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / 'file').write_text('')
    with pytest.raises(RecordingError, match=r'blackbox_dir .*file/dumps: Not a directory'):
        DumpFolder(tmp_path / 'file' / 'dumps', 1000).prepare()


@pytest.mark.skipif(os.geteuid() == 0, reason='root may write everywhere')
def test_folder_of_another_user_is_refused():
    with pytest.raises(RecordingError, match='Permission denied'):
        DumpFolder(Path('/'), 1000).prepare()


def test_leftovers_of_killed_writers_are_removed_and_dumps_in_progress_are_not(tmp_path):
    dead = tmp_path / '.20250101T000000Z_x.7.part'
    alive = tmp_path / '.20250101T000000Z_y.8.part'
    foreign = tmp_path / '.mine.part'
    for path in (dead, alive, foreign):
        path.mkdir()
        (path / 'file').write_text('')
    descriptor = os.open(alive, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    assert DumpFolder(tmp_path, 1000).prepare() == 1
    os.close(descriptor)
    assert names(tmp_path) == sorted([alive.name, foreign.name])


def test_writer_whose_folder_was_taken_for_a_leftover_makes_it_again(tmp_path, monkeypatch):
    folder, real, took = DumpFolder(tmp_path, 1000), fcntl.flock, []

    def flock(descriptor, operation):
        if not took:
            took.extend(path for path in tmp_path.iterdir() if path.name.endswith('.part'))
            took[0].rmdir()
        real(descriptor, operation)

    monkeypatch.setattr(dump_folder.fcntl, 'flock', flock)
    dump, _ = folder.write('x', 0, bag(100))
    assert names(tmp_path) == [dump.path.name]
