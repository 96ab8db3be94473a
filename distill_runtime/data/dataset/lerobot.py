# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Export a dataset as LeRobotDataset v3.

Source:
    github.com/huggingface/lerobot, src/lerobot/datasets: utils.py (paths, info.json),
    dataset_metadata.py (episodes), io_utils.py (tasks, stats), at 7427f3180.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import pairwise
import json
from pathlib import Path
import shutil
from typing import Any, NamedTuple
import uuid

from distill_runtime.core.arrays import StampArray
from distill_runtime.errors import ConfigError, DatasetError
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from .dataset import Batch, Dataset, Selection

_FILE = 'chunk-{chunk_index:03d}/file-{file_index:03d}.parquet'
_FILE_MB = 100
_CHUNK_FILES = 1000
_MAX_GAP = 1.5
"""Periods without a row that end an episode."""
_COLUMNS = ('stamp_ns', 'observation', 'label_target')


class Exported(NamedTuple):
    """What was written."""

    episodes: int
    frames: int
    fps: int


def export_lerobot(
    dataset: Dataset,
    out: Path,
    task: str = 'walk',
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Exported:
    """Write the valid rows of the chosen teacher: `observation.state` and `action`.

    The action is the target of the teacher, in [rad], in the student's joint order. An episode is
    a stretch of a bag without a gap.

    Args:
        dataset: The dataset.
        out: Folder to create.
        task: Text of the one task.
        progress: Called with the number of bags done, and of all.

    Raises:
        ConfigError: If the folder exists already, or no row is valid.
        DatasetError: If a part cannot be read, or a file cannot be written.
    """
    if out.exists():
        raise ConfigError(f'{out} exists already, expected a new folder')
    unfinished = out.with_name(f'.{out.name}.{uuid.uuid4().hex[:12]}.tmp')
    try:
        writer = _Writer(unfinished, dataset, task)
        bags = dataset.bags()
        for number, bag in enumerate(bags, 1):
            writer.add(dataset.load(_COLUMNS, Selection(bags=[bag], valid=True, chosen=True)))
            progress(number, len(bags))
        exported = writer.close()
        unfinished.rename(out)
    except (OSError, pa.ArrowException) as error:
        reason = getattr(error, 'strerror', None) or error
        raise DatasetError(f'{out} cannot be written: {reason}') from error
    finally:
        with suppress(OSError):
            shutil.rmtree(unfinished)
    return exported


class _Writer:
    """Writes episodes one by one."""

    def __init__(self, folder: Path, dataset: Dataset, task: str) -> None:
        self._folder = folder
        self._student = dataset.student
        self._task = task
        self._period_ns = 0
        self._frames = 0
        self._file_index = -1
        self._file_bytes = 0
        self._file: pq.ParquetWriter | None = None
        self._episodes: list[dict[str, object]] = []
        self._stats: dict[str, dict[str, npt.NDArray[Any]]] = {}
        self._shapes: dict[str, tuple[int, ...]] = {}

    def add(self, rows: Batch) -> None:
        """Write the rows of a bag."""
        stamps = rows['stamp_ns']
        if not self._period_ns and len(stamps) > 1:
            self._period_ns = int(np.median(np.diff(stamps)))
        for stretch in _stretches(stamps, self._period_ns):
            self._write(rows['observation'][stretch], rows['label_target'][stretch])

    def _write(self, state: npt.NDArray[Any], action: npt.NDArray[Any]) -> None:
        """Write one episode, as one row group."""
        count = len(state)
        frames = np.arange(count)
        features = {
            'observation.state': state,
            'action': action.astype(np.float32),
            'timestamp': (frames / self._fps()).astype(np.float32),
            'frame_index': frames,
            'episode_index': np.full(count, len(self._episodes)),
            'index': self._frames + frames,
            'task_index': np.zeros(count, np.int64),
        }
        table = pa.table({name: _column(values) for name, values in features.items()})
        self._file_for(table).write_table(table, row_group_size=count)
        self._file_bytes += table.nbytes
        stats = {name: _stats(values) for name, values in features.items()}
        self._episodes.append(
            {
                'episode_index': len(self._episodes),
                'tasks': [self._task],
                'length': count,
                'data/chunk_index': self._file_index // _CHUNK_FILES,
                'data/file_index': self._file_index % _CHUNK_FILES,
                'dataset_from_index': self._frames,
                'dataset_to_index': self._frames + count,
                'meta/episodes/chunk_index': 0,
                'meta/episodes/file_index': 0,
                **{
                    f'stats/{feature}/{name}': value.tolist()
                    for feature, figures in stats.items()
                    for name, value in figures.items()
                },
            }
        )
        for name, figures in stats.items():
            known = self._stats.get(name)
            self._stats[name] = figures if known is None else _merged(known, figures)
        self._shapes = {name: values.shape[1:] or (1,) for name, values in features.items()}
        self._frames += count

    def _fps(self) -> int:
        return max(1, round(1e9 / self._period_ns)) if self._period_ns else 1

    def _file_for(self, table: pa.Table) -> pq.ParquetWriter:
        """Return the open file, or the next one if this episode makes it too large."""
        if self._file is not None and self._file_bytes + table.nbytes <= _FILE_MB * 2**20:
            return self._file
        if self._file is not None:
            self._file.close()
        self._file_index += 1
        self._file_bytes = 0
        chunk_index, file_index = divmod(self._file_index, _CHUNK_FILES)
        name = _FILE.format(chunk_index=chunk_index, file_index=file_index)
        self._file = pq.ParquetWriter(_parent_made(self._folder / 'data' / name), table.schema)
        return self._file

    def close(self) -> Exported:
        """Write what describes the episodes."""
        if self._file is None:
            raise ConfigError('the dataset has no valid rows of a chosen teacher to export')
        self._file.close()
        meta = self._folder / 'meta'
        episodes = meta / 'episodes' / _FILE.format(chunk_index=0, file_index=0)
        pq.write_table(pa.Table.from_pylist(self._episodes), _parent_made(episodes))
        pq.write_table(_tasks(self._task), meta / 'tasks.parquet')
        stats = {
            feature: {name: value.tolist() for name, value in figures.items()}
            for feature, figures in self._stats.items()
        }
        (meta / 'stats.json').write_text(json.dumps(stats, indent=4))
        (meta / 'info.json').write_text(json.dumps(self._info(), indent=4))
        return Exported(len(self._episodes), self._frames, self._fps())

    def _info(self) -> dict[str, object]:
        names = {
            'observation.state': self._student.get('observation_names'),
            'action': self._student.get('joints'),
        }
        floats = ('observation.state', 'action', 'timestamp')
        return {
            'codebase_version': 'v3.0',
            'robot_type': None,
            'total_episodes': len(self._episodes),
            'total_frames': self._frames,
            'total_tasks': 1,
            'chunks_size': _CHUNK_FILES,
            'data_files_size_in_mb': _FILE_MB,
            'video_files_size_in_mb': 200,
            'fps': self._fps(),
            'splits': {'train': f'0:{len(self._episodes)}'},
            'data_path': f'data/{_FILE}',
            'video_path': None,
            'features': {
                name: {
                    'dtype': 'float32' if name in floats else 'int64',
                    'shape': list(shape),
                    'names': names.get(name),
                }
                for name, shape in self._shapes.items()
            },
        }


def _stretches(stamps: StampArray, period_ns: int) -> Iterator[slice]:
    """Yield the rows of each stretch without a gap, and without a step back in time."""
    steps = np.diff(stamps)
    ends = np.flatnonzero((steps <= 0) | (steps > _MAX_GAP * period_ns)) + 1
    bounds = [0, *ends.tolist(), len(stamps)]
    for begin, end in pairwise(bounds):
        if end > begin:
            yield slice(begin, end)


def _column(values: npt.NDArray[Any]) -> pa.Array:
    """Return a column; vectors of one element are numbers, as the reader expects."""
    if values.ndim == 1 or values.shape[1] == 1:
        return pa.array(values.ravel())
    return pa.FixedSizeListArray.from_arrays(pa.array(values.ravel()), values.shape[1])


def _stats(values: npt.NDArray[Any]) -> dict[str, npt.NDArray[Any]]:
    """Return the figures of each element of a feature."""
    matrix = values.reshape(len(values), -1)
    return {
        'min': matrix.min(0),
        'max': matrix.max(0),
        'mean': matrix.mean(0, np.float64),
        'std': matrix.std(0, np.float64),
        'count': np.array([len(matrix)]),
    }


def _merged(
    one: dict[str, npt.NDArray[Any]], other: dict[str, npt.NDArray[Any]]
) -> dict[str, npt.NDArray[Any]]:
    """Return the figures of two sets of rows together."""
    count = one['count'] + other['count']
    share, rest = one['count'] / count, other['count'] / count
    mean = one['mean'] * share + other['mean'] * rest
    variance = (one['std'] ** 2 + (one['mean'] - mean) ** 2) * share + (
        other['std'] ** 2 + (other['mean'] - mean) ** 2
    ) * rest
    return {
        'min': np.minimum(one['min'], other['min']),
        'max': np.maximum(one['max'], other['max']),
        'mean': mean,
        'std': np.sqrt(variance),
        'count': count,
    }


def _tasks(task: str) -> pa.Table:
    """Return the table of tasks; pandas reads the text as its index."""
    columns = [
        {
            'name': name,
            'field_name': name,
            'pandas_type': kind,
            'numpy_type': dtype,
            'metadata': None,
        }
        for name, kind, dtype in (('task_index', 'int64', 'int64'), ('task', 'unicode', 'object'))
    ]
    pandas = {'index_columns': ['task'], 'column_indexes': [], 'columns': columns}
    table = pa.table({'task_index': pa.array([0], pa.int64()), 'task': [task]})
    return table.replace_schema_metadata({'pandas': json.dumps(pandas)})


def _parent_made(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path
