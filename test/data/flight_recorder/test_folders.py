# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import errno
import fcntl
import os
from pathlib import Path

from distill_runtime.data.flight_recorder import folders
from distill_runtime.data.flight_recorder.folders import (
    DumpFolder,
    expanded,
    free_path,
    make_folder,
)
from distill_runtime.errors import RecordingError
import pytest


def bag(size):
    """Return what writes a bag of a size."""

    def fill(path):
        path.mkdir()
        (path / f'{path.name}.mcap').write_bytes(bytes(size - 10))
        (path / 'metadata.yaml').write_bytes(bytes(10))

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
    real = folders.time.gmtime
    monkeypatch.setattr(folders.time, 'gmtime', lambda: real(next(seconds)))


def test_dump_is_named_by_time_node_and_cause(tmp_path, clock):
    folder = DumpFolder(tmp_path / 'new', 1000)
    path, removed = folder.write('left.student_tilt/a b', 0, bag(100))
    assert path.name == '19700101T000000Z_left.student_tilt-a-b'
    assert (folder.dumps(), removed) == ({path: 100}, [])
    assert names(tmp_path / 'new') == [path.name]


def test_oldest_dumps_make_room_for_the_newest(tmp_path, clock):
    folder = DumpFolder(tmp_path, 250)
    dumps = [folder.write(f'n{number}', 100, bag(100))[0] for number in range(3)]
    assert [*folder.dumps()] == dumps[1:]
    newest, removed = folder.write('larger than the quota', 300, bag(300))
    assert removed == dumps[1:]
    assert names(tmp_path) == [newest.name]


def test_foreign_files_and_dumps_with_a_note_are_never_removed(tmp_path, clock):
    folder = DumpFolder(tmp_path, 50)
    (tmp_path / 'thesis').mkdir()
    (tmp_path / '19690101T000000Z_mine').write_bytes(bytes(1000))
    noted, _ = folder.write('noted', 0, bag(40))
    (noted / 'note.txt').write_text('the day it fell')
    for number in range(3):
        folder.write(f'n{number}', 0, bag(40))
    assert len(names(tmp_path)) == 4
    assert noted.is_dir()


def test_full_disk_takes_the_oldest_dumps_until_there_is_room(tmp_path, clock):
    folder = DumpFolder(tmp_path, 10**6)
    old = [folder.write(f'old{number}', 0, bag(100))[0] for number in range(3)]

    def fill(path):
        return (failing(errno.ENOSPC) if len(folder.dumps()) > 1 else bag(50))(path)

    dump, removed = folder.write('new', 150, fill)
    assert removed == old[:2]
    assert names(tmp_path) == sorted([old[2].name, dump.name])


@pytest.mark.parametrize(
    ('old', 'size', 'number', 'reason'),
    [
        ([], 0, errno.ENOSPC, 'No space left on device'),
        (['old'], 101, errno.ENOSPC, 'No space left on device'),
        (['old'], 0, errno.EFBIG, 'File too large'),
    ],
    ids=['no old dumps', 'all old dumps are not enough', 'another error'],
)
def test_write_that_fails_leaves_nothing_and_costs_no_dump(
    old, size, number, reason, tmp_path, clock
):
    folder = DumpFolder(tmp_path, 1000)
    kept = [folder.write(name, 0, bag(100))[0].name for name in old]
    with pytest.raises(RecordingError, match=rf'blackbox_dir .*: {reason}: make room'):
        folder.write('new', size, failing(number))
    assert names(tmp_path) == kept


def test_folder_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / 'file').write_text('')
    with pytest.raises(RecordingError, match=r'blackbox_dir .*file/dumps: Not a directory'):
        DumpFolder(tmp_path / 'file' / 'dumps', 1000).prepare()
    with pytest.raises(RecordingError, match=r'^record_to .*file: File exists: make room or let'):
        make_folder(tmp_path / 'file', 'record_to')


def test_leftovers_of_killed_writers_are_removed_and_dumps_in_progress_are_not(tmp_path):
    dead = tmp_path / '.20250101T000000Z_x.7.part'
    alive = tmp_path / '.20250101T000000Z_y.8.part'
    foreign = tmp_path / '.mine.part'
    for path in (dead, alive, foreign):
        path.mkdir()
        (path / 'file').write_text('')
    descriptor = os.open(alive, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    DumpFolder(tmp_path, 1000).prepare()
    os.close(descriptor)
    assert names(tmp_path) == sorted([alive.name, foreign.name])


def test_writer_whose_folder_was_taken_for_a_leftover_makes_it_again(tmp_path, monkeypatch):
    folder, real, took = DumpFolder(tmp_path, 1000), fcntl.flock, []

    def flock(descriptor, operation):
        if not took:
            took.extend(path for path in tmp_path.iterdir() if path.name.endswith('.part'))
            took[0].rmdir()
        real(descriptor, operation)

    monkeypatch.setattr(folders.fcntl, 'flock', flock)
    dump, _ = folder.write('x', 0, bag(100))
    assert names(tmp_path) == [dump.name]


def test_home_and_ros_home_are_followed(monkeypatch):
    monkeypatch.setenv('HOME', '/home/robot')
    monkeypatch.setenv('ROS_HOME', '/data/ros')
    assert expanded('~/runs') == Path('/home/robot/runs')
    assert expanded('~/.ros/runs') == Path('/data/ros/runs')
    assert expanded('runs') == Path('runs')
    monkeypatch.delenv('ROS_HOME')
    assert expanded('~/.ros/runs') == Path('/home/robot/.ros/runs')


def test_folder_is_made_with_its_parents_and_names_of_one_second_get_numbers(tmp_path):
    make_folder(tmp_path / 'a' / 'b', 'record_to')
    make_folder(tmp_path / 'a' / 'b', 'record_to')
    paths = []
    for _ in range(3):
        paths.append(free_path(tmp_path / 'a' / 'b', 'x'))
        paths[-1].mkdir()
    assert len({*paths}) == 3


@pytest.mark.skipif(os.geteuid() == 0, reason='root may write everywhere')
def test_folder_of_another_user_is_refused():
    with pytest.raises(RecordingError, match='Permission denied'):
        make_folder(Path('/'), 'record_to')
