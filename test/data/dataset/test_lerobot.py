# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Exports in the layout of LeRobotDataset v3, as its reader takes it."""

from __future__ import annotations

from itertools import pairwise
import json

from distill_runtime.data.dataset import lerobot
from distill_runtime.data.dataset.dataset import Dataset
from distill_runtime.data.dataset.lerobot import export_lerobot
from distill_runtime.errors import ConfigError, DatasetError
import numpy as np
import pyarrow.parquet as pq
import pytest
from support.datasets import columns, JOINTS, STUDENT, TEACHERS, write_dataset


@pytest.fixture
def exported(tmp_path):
    write_dataset(tmp_path / 'labels', walk=100, trot=12)
    export_lerobot(Dataset(tmp_path / 'labels'), tmp_path / 'out', 'walk about')
    return tmp_path / 'out'


def test_frames_are_the_valid_rows_of_the_chosen_teacher(exported):
    frames = pq.read_table(exported / 'data/chunk-000/file-000.parquet').to_pydict()
    rows = {name: np.asarray(values) for name, values in columns(TEACHERS[0], 100).items()}
    valid = rows['valid']
    # trot comes first: 12 ticks, of which 0, 5 and 10 are not valid
    assert frames['frame_index'][:9] == [0, 1, 2, 3, 0, 1, 2, 3, 0]
    assert frames['episode_index'][:9] == [0, 0, 0, 0, 1, 1, 1, 1, 2]
    assert frames['index'] == list(range(9 + 80))
    assert set(frames['task_index']) == {0}
    assert frames['timestamp'][:4] == pytest.approx([0.0, 0.02, 0.04, 0.06])
    np.testing.assert_array_equal(
        np.float32(frames['observation.state'][9:]), rows['observation'][valid].astype(np.float32)
    )
    np.testing.assert_array_equal(
        np.float32(frames['action'][9:]), rows['label_target'][valid].astype(np.float32)
    )


def test_meta_describes_the_frames(exported):
    info = json.loads((exported / 'meta/info.json').read_text())
    assert info['codebase_version'] == 'v3.0'
    assert info['fps'] == 50
    assert (info['total_episodes'], info['total_frames'], info['total_tasks']) == (23, 89, 1)
    assert info['splits'] == {'train': '0:23'}
    assert info['features']['action'] == {'dtype': 'float32', 'shape': [3], 'names': JOINTS}
    assert info['features']['observation.state']['names'] == STUDENT['observation_names']
    assert info['features']['index'] == {'dtype': 'int64', 'shape': [1], 'names': None}
    assert info['data_path'].format(chunk_index=0, file_index=0) == (
        'data/chunk-000/file-000.parquet'
    )

    episodes = pq.read_table(exported / 'meta/episodes/chunk-000/file-000.parquet').to_pylist()
    assert [episode['length'] for episode in episodes[:4]] == [4, 4, 1, 4]
    for before, after in pairwise(episodes):
        assert before['dataset_to_index'] == after['dataset_from_index']
    assert episodes[3]['tasks'] == ['walk about']
    assert episodes[3]['data/file_index'] == episodes[3]['meta/episodes/chunk_index'] == 0
    assert len(episodes[3]['stats/action/mean']) == 3

    tasks = pq.read_table(exported / 'meta/tasks.parquet')
    assert tasks.to_pylist() == [{'task_index': 0, 'task': 'walk about'}]
    assert json.loads(tasks.schema.metadata[b'pandas'])['index_columns'] == ['task']

    frames = pq.read_table(exported / 'data/chunk-000/file-000.parquet')
    stats = json.loads((exported / 'meta/stats.json').read_text())
    action = np.array(frames['action'].to_pylist())
    assert stats['action']['mean'] == pytest.approx(action.mean(axis=0))
    assert stats['action']['std'] == pytest.approx(action.std(axis=0))
    assert stats['action']['min'] == pytest.approx(action.min(axis=0))
    assert stats['action']['count'] == [89]
    assert stats['index']['max'] == [88]


def test_files_are_split_between_episodes(tmp_path, monkeypatch):
    monkeypatch.setattr(lerobot, '_FILE_MB', 0.0005)
    write_dataset(tmp_path / 'labels', walk=100)
    export_lerobot(Dataset(tmp_path / 'labels'), tmp_path / 'out')
    episodes = pq.read_table(tmp_path / 'out/meta/episodes/chunk-000/file-000.parquet').to_pylist()
    names = sorted(path.name for path in (tmp_path / 'out/data/chunk-000').iterdir())
    assert len(names) > 2
    for index, name in enumerate(names):
        frames = pq.read_table(tmp_path / 'out/data/chunk-000' / name)
        assert set(frames['episode_index'].to_pylist()) == {
            episode['episode_index'] for episode in episodes if episode['data/file_index'] == index
        }


def test_failures_leave_no_folder(tmp_path, monkeypatch):
    write_dataset(tmp_path / 'labels')
    dataset = Dataset(tmp_path / 'labels')
    with pytest.raises(ConfigError, match='no valid rows of a chosen teacher'):
        export_lerobot(dataset, tmp_path / 'out')
    write_dataset(tmp_path / 'more', walk=10)
    with pytest.raises(DatasetError, match='out cannot be written'):
        export_lerobot(Dataset(tmp_path / 'more'), tmp_path / 'labels/manifest.json/out')
    assert sorted(path.name for path in tmp_path.iterdir()) == ['labels', 'more']
