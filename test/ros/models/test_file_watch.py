# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os

from distill_runtime.ros.models.file_watch import FileWatch
import pytest


@pytest.fixture
def path(tmp_path):
    path = tmp_path / 'model.onnx'
    path.write_text('one')
    return path


def replace(path, text):
    """Write beside and rename, as it is to be done."""
    beside = path.with_suffix('.new')
    beside.write_text(text)
    beside.replace(path)


def looks(watch, count=4):
    """Return what several looks find, but for those that find nothing."""
    found = [watch.look() for _ in range(count)]
    return [entry for entry in found if entry != (False, '')]


def test_file_that_stays_is_no_news(path):
    assert looks(FileWatch(path)) == []


def test_replaced_file_is_taken_once(path):
    watch = FileWatch(path)
    for text in ('two', 'three'):
        replace(path, text)
        assert looks(watch) == [(True, '')]


def test_file_written_in_place_is_told_once_and_never_taken(path):
    watch = FileWatch(path)
    with path.open('w') as file:
        for _ in range(3):
            file.write('more')
            file.flush()
            assert looks(watch, 1) == []
    ((is_taken, problem),) = looks(watch)
    assert not is_taken
    assert problem == (
        f'{path} was written in place and is not taken: write the new model beside it and rename '
        'it over it, or set model'
    )


def test_file_that_was_removed_and_made_anew_is_told_and_never_taken(path):
    watch = FileWatch(path)
    path.unlink()
    assert looks(watch) == []
    path.write_text('half')
    ((is_taken, problem),) = looks(watch)
    assert not is_taken
    assert 'was removed and made anew and is not taken' in problem


def test_replacement_behind_any_of_these_is_taken(path):
    watch = FileWatch(path)
    for spoil in (lambda: path.write_text('in place'), path.unlink):
        spoil()
        looks(watch)
        if not path.exists():
            path.write_text('anew')
            looks(watch)
        replace(path, f'whole, {spoil}')
        assert looks(watch) == [(True, '')]


def test_file_that_is_removed_and_still_copied_is_not_taken_before_it_is_whole(path, tmp_path):
    """mv from another file system removes and copies: no look may fall into the gap."""
    watch = FileWatch(path)
    (tmp_path / 'keeps the inode').hardlink_to(path)
    path.unlink()
    with path.open('w') as file:
        for _ in range(3):
            file.write('more')
            file.flush()
            assert looks(watch, 1) == []
    assert looks(watch) == [(True, '')]


def test_link_that_points_elsewhere_is_taken(path, tmp_path):
    other = tmp_path / 'other.onnx'
    other.write_text('two')
    link = tmp_path / 'current.onnx'
    link.symlink_to(path)
    watch = FileWatch(link)
    new = tmp_path / 'new'
    new.symlink_to(other)
    os.replace(new, link)
    assert looks(watch) == [(True, '')]


def test_file_that_comes_late_is_told(tmp_path):
    watch = FileWatch(tmp_path / 'model.onnx')
    assert looks(watch) == []
    (tmp_path / 'model.onnx').write_text('one')
    assert [is_taken for is_taken, _ in looks(watch)] == [False]
