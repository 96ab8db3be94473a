# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from distill_runtime.data.bags.find_bags import find_bags
from distill_runtime.errors import ConfigError
import pytest


def touch(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def found(folder):
    return [str(path.relative_to(folder)) for path in find_bags(folder)]


def test_folders_and_files_are_found_at_any_depth_in_order(tmp_path):
    touch(
        tmp_path,
        'b/walk/metadata.yaml',
        'b/walk/walk_0.mcap',
        'b/walk/walk_1.mcap',
        'a.bag',
        'c/one.mcap',
        'c/two.db3',
        'c/notes.txt',
    )
    assert found(tmp_path) == ['a.bag', 'b/walk', 'c/one.mcap', 'c/two.db3']


def test_recording_that_was_cut_off_is_recognized_by_the_names_of_its_files(tmp_path):
    touch(tmp_path, 'walk/walk_0.mcap', 'walk/walk_1.mcap', 'run/run.mcap')
    assert found(tmp_path) == ['run', 'walk']


def test_files_of_other_names_are_separate_recordings(tmp_path):
    touch(tmp_path, 'walk/walk_0.mcap', 'walk/monday.mcap')
    assert found(tmp_path) == ['walk/monday.mcap', 'walk/walk_0.mcap']


def test_hidden_folders_and_files_inside_a_recording_are_skipped(tmp_path):
    touch(tmp_path, '.part/metadata.yaml', 'walk/metadata.yaml', 'walk/old/x.mcap')
    assert found(tmp_path) == ['walk']


def test_folder_that_is_a_recording_is_found(tmp_path):
    touch(tmp_path, 'metadata.yaml')
    assert find_bags(tmp_path) == [tmp_path]


def test_folder_without_recordings_is_refused(tmp_path):
    with pytest.raises(ConfigError, match='has no recordings, expected rosbag2 folders or files'):
        find_bags(tmp_path)
    with pytest.raises(ConfigError, match='nowhere is no folder'):
        find_bags(tmp_path / 'nowhere')
