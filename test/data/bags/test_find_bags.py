# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from distill_runtime.data.bags.find_bags import find_bags
from distill_runtime.errors import ConfigError
import pytest


@pytest.mark.parametrize(
    ('files', 'expected'),
    [
        (
            ['b/walk/metadata.yaml', 'b/walk/walk_0.mcap', 'a.bag', 'c/one.mcap', 'c/two.db3'],
            ['a.bag', 'b/walk', 'c/one.mcap', 'c/two.db3'],
        ),
        (
            ['walk/walk_0.mcap', 'walk/walk_1.mcap', 'run/run.mcap', 'run/notes.txt'],
            ['run', 'walk'],
        ),
        (['walk/walk_0.mcap', 'walk/monday.mcap'], ['walk/monday.mcap', 'walk/walk_0.mcap']),
        (['.part/metadata.yaml', 'walk/metadata.yaml', 'walk/old/x.mcap'], ['walk']),
        (['metadata.yaml'], ['.']),
    ],
    ids=[
        'at any depth',
        'cut off, by their names',
        'of other names',
        'hidden',
        'the folder itself',
    ],
)
def test_recordings_are_found_in_order(files, expected, tmp_path):
    for name in files:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert [str(path.relative_to(tmp_path)) for path in find_bags(tmp_path)] == expected


def test_folder_without_recordings_is_refused(tmp_path):
    with pytest.raises(ConfigError, match='has no recordings, expected rosbag2 folders or files'):
        find_bags(tmp_path)
    with pytest.raises(ConfigError, match='nowhere is no folder'):
        find_bags(tmp_path / 'nowhere')
