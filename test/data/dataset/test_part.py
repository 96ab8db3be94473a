# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""A part is complete or is not there, whatever ends its writer; its rows decide its bytes."""

from __future__ import annotations

import os
from pathlib import Path
import random
import resource
import subprocess
import sys
import time
import tracemalloc

from distill_runtime.data.dataset.columns import PartLayout
from distill_runtime.data.dataset.manifest import open_manifest
from distill_runtime.data.dataset.part import find_parts, PartWriter, read_part
from distill_runtime.errors import DatasetError, ShapeError
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.datasets import columns, LAYOUT, STUDENT, TEACHERS, write_part

TEST = Path(__file__).resolve().parents[2]


def test_columns_have_the_documented_types_and_encodings(tmp_path):
    layout = PartLayout(
        observation=48, action=12, command=12, label=12,
        extra={'label_std': 12, 'feature_0': 8}, half_features=True,
    )  # fmt: skip
    types = {column.name: column.type for column in layout.schema()}
    assert list(types)[:5] == ['bag', 'step', 'stamp_ns', 'mode', 'teacher']
    assert types['observation'].value_type == pa.float32()
    assert types['observation'].list_size == 48
    assert types['label_target'].value_type == pa.float64()
    assert types['feature_0'].value_type == pa.float16()
    assert types['label'].list_size == 12

    path = write_part(tmp_path, 'a')
    group = pq.read_metadata(path).row_group(0)
    for index in range(group.num_columns):
        column = group.column(index)
        assert column.compression == 'ZSTD'
        is_text = column.physical_type == 'BYTE_ARRAY'
        is_float = column.physical_type in ('FLOAT', 'DOUBLE')
        assert ('RLE_DICTIONARY' in column.encodings) == is_text
        assert ('BYTE_STREAM_SPLIT' in column.encodings) == is_float


def test_facts_and_counts_are_in_the_file(tmp_path):
    part = read_part(write_part(tmp_path, 'a', num_rows=100))
    assert (part.key, part.bag) == ('a', 'walk')
    assert part.facts == {
        'bag': 'walk',
        'bag_sha256': 'b' * 64,
        'rows': 200,
        'valid': 160,
        'reasons': {'stale_imu: Imu is 0.2 s old': 40},
    }


def test_bytes_do_not_depend_on_the_calls(tmp_path):
    (tmp_path / 'b').mkdir()
    layout = PartLayout(observation=5, action=3, command=3, label=3, extra={'student_target': 3})
    rows = {
        name: values
        for name, values in columns(TEACHERS[0], 70_000).items()
        if name in layout.schema().names
    }
    for folder, size in ((tmp_path, 70_000), (tmp_path / 'b', 999)):
        with PartWriter(folder, 'a', layout) as writer:
            for first in range(0, 70_000, size):
                writer.write(
                    {
                        name: values[first : first + size] if np.ndim(values) else values
                        for name, values in rows.items()
                    }
                )
            writer.close({'bag': 'walk'})
    one, other = tmp_path / 'part-a.parquet', tmp_path / 'b' / 'part-a.parquet'
    assert one.read_bytes() == other.read_bytes()
    assert pq.read_metadata(one).row_group(0).num_rows == 2**16


def test_arrays_may_be_reused_after_a_call(tmp_path):
    rows = columns(TEACHERS[0], 10)
    rows['observation'] = rows['observation'].astype(np.float32)
    before = {name: np.copy(rows[name]) for name in ('observation', 'step', 'label_target')}
    with PartWriter(tmp_path, 'a', LAYOUT) as writer:
        writer.write(rows)
        for name in before:
            rows[name][:] = 7
        path = writer.close({'bag': 'walk'})
    table = pq.read_table(path)
    for name, values in before.items():
        np.testing.assert_array_equal(table[name].to_pylist(), values)


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        ({'height': 1.0}, r"columns \['height'\] are unknown"),
        ({'valid': None}, 'column valid is missing'),
        ({'step': np.arange(3)}, r'column step has shape \(3,\), expected \(10,\)'),
        ({'action': np.zeros((10, 2))}, r'column action has shape \(10, 2\), expected \(10, 3\)'),
        ({'label': np.zeros(10)}, r'column label has shape \(10,\)'),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else '',
)
def test_wrong_columns_are_refused_and_nothing_remains(change, message, tmp_path):
    with pytest.raises(ShapeError, match=message), PartWriter(tmp_path, 'a', LAYOUT) as writer:
        writer.write({**columns(TEACHERS[0], 10), **change})
    assert list(tmp_path.iterdir()) == []


def test_interrupt_and_missing_close_leave_nothing(tmp_path):
    def interrupted():
        with PartWriter(tmp_path, 'a', LAYOUT) as writer:
            writer.write(columns(TEACHERS[0], 70_000))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    with PartWriter(tmp_path, 'a', LAYOUT) as writer:
        writer.write(columns(TEACHERS[0], 10))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize('limit', [0, 2_000, 400_000], ids=['start', 'footer', 'middle'])
def test_full_disk_is_one_message_and_leaves_finished_parts(limit, tmp_path):
    finished = write_part(tmp_path, 'done', num_rows=10)
    before = finished.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        with pytest.raises(
            DatasetError, match=r'part-a\.parquet cannot be written: File too large'
        ):
            write_part(tmp_path, 'a', num_rows=70_000 if limit > 2_000 else 10)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(tmp_path.iterdir()) == [finished]
    assert finished.read_bytes() == before


def test_killed_writers_leave_whole_parts_and_a_resumed_run_the_same_bytes(tmp_path):
    undisturbed, killed = tmp_path / 'a', tmp_path / 'b'
    program = (
        'import sys; from pathlib import Path; from support.datasets import *\n'
        'folder = Path(sys.argv[1])\n'
        "manifest = open_manifest(folder, STUDENT, TEACHERS, {'rules': None})\n"
        'for number in range(12):\n'
        '    if not manifest.is_done(str(number)):\n'
        '        write_part(folder, str(number), f"bag {number}", 3000)\n'
        '        print(number, flush=True)\n'
        'manifest.write()\n'
    )
    path = os.pathsep.join([str(TEST), str(TEST.parent)])

    def start(folder):
        return subprocess.Popen(
            [sys.executable, '-c', program, str(folder)],
            env={**os.environ, 'PYTHONPATH': path},
            stdout=subprocess.PIPE,
        )

    def finish(folder):
        process = start(folder)
        process.communicate()
        assert process.returncode == 0

    finish(undisturbed)
    wait = random.Random(0)
    for _ in range(4):
        process = start(killed)
        process.stdout.readline()  # it writes the next part now
        time.sleep(wait.uniform(0.0, 0.05))
        process.kill()
        process.communicate()
        for part in find_parts(killed):
            assert part.path.read_bytes() == (undisturbed / part.path.name).read_bytes()
    finish(killed)
    files = {path.name: path.read_bytes() for path in undisturbed.iterdir()}
    assert {path.name: path.read_bytes() for path in killed.iterdir()} == files


def test_leftovers_of_dead_writers_alone_are_removed(tmp_path):
    dead = [tmp_path / f'.{name}.0123456789ab.tmp' for name in ('part-a.parquet', 'manifest.json')]
    for path in dead:
        path.write_bytes(b'PAR1')
    with PartWriter(tmp_path, 'b', LAYOUT) as writer:
        writer.write(columns(TEACHERS[0], 10))
        open_manifest(tmp_path, STUDENT, TEACHERS)
        assert not any(path.exists() for path in dead)
        assert writer.close({'bag': 'walk'}).exists()


def test_memory_does_not_grow_with_the_length_of_a_part(tmp_path):
    layout = PartLayout(observation=5, action=3, command=3, label=None, extra=dict(LAYOUT.extra))

    def peak(num_rows):
        pool = pa.default_memory_pool()
        tracemalloc.start()
        most = 0
        with PartWriter(tmp_path, str(num_rows), layout) as writer:
            for first in range(0, num_rows, 4096):
                writer.write(columns(TEACHERS[0], 4096, first))
                most = max(most, pool.bytes_allocated() + tracemalloc.get_traced_memory()[0])
            writer.close({'bag': 'walk'})
        tracemalloc.stop()
        return most

    assert peak(4 * 2**16) < 1.3 * peak(2 * 2**16)


def test_damaged_and_foreign_files_are_named(tmp_path):
    damaged = write_part(tmp_path, 'a')
    damaged.write_bytes(damaged.read_bytes()[:-100])
    with pytest.raises(DatasetError, match=r'part-a\.parquet cannot be read'):
        read_part(damaged)
    foreign = tmp_path / 'part-b.parquet'
    pq.write_table(pa.table({'a': [1]}), foreign)
    with pytest.raises(DatasetError, match='has no facts of distill_runtime'):
        read_part(foreign)
    with pytest.raises(DatasetError, match=r"key '\.\./a' is not a file name"):
        PartWriter(tmp_path, '../a', LAYOUT)
    with pytest.raises(DatasetError, match='cannot be written: No such file'):
        PartWriter(tmp_path / 'missing', 'a', LAYOUT)
