# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Small datasets of labels, written as relabeling writes them."""

from __future__ import annotations

from pathlib import Path

from distill_runtime.data.dataset.columns import PartLayout
from distill_runtime.data.dataset.manifest import Manifest, open_manifest
from distill_runtime.data.dataset.part import PartWriter
import numpy as np

JOINTS = ['left_hip', 'left_knee', 'right_knee']
STUDENT = {
    'name': 'walker',
    'sha256': '5' * 64,
    'spec': {'period': 0.02},
    'joints': JOINTS,
    'observation_names': [f'observation {index}' for index in range(5)],
}
TEACHERS = [{'name': 'expert', 'sha256': 'e' * 64}, {'name': 'old', 'sha256': '0' * 64}]
EXTRA = {'student_target': 3, 'velocity_command': 3, 'label_std': 3, 'feature_0': None}
LAYOUT = PartLayout(observation=5, action=3, command=3, label=None, extra=EXTRA)
PERIOD_NS = 20_000_000


def columns(teacher, num_rows, first=0, bag='walk'):
    """Return rows of a teacher, each fifth one not valid; the width of label is its own."""
    step = np.arange(first, first + num_rows)
    rng = np.random.default_rng(first)
    is_expert = teacher is TEACHERS[0]
    valid = step % 5 != 0
    target = rng.normal(size=(num_rows, 3))
    command = rng.uniform(-1.0, 1.0, (num_rows, 3))
    rows = {
        'bag': bag,
        'step': step,
        'stamp_ns': 10**9 + step * PERIOD_NS,
        'observation': rng.normal(size=(num_rows, 5)),
        'action': target / 2,
        'command': target,
        'mode': 1,
        'teacher': teacher['name'],
        'teacher_sha256': teacher['sha256'],
        'label': rng.normal(size=(num_rows, 3 if is_expert else 2)),
        'label_target': target + np.array([0.1, 0.2, 0.3]),
        'valid': valid,
        'reason': np.where(valid, '', 'stale_imu: Imu is 0.2 s old'),
        'chosen': is_expert,
        'weight': 1.0,
        'warm_up': False,
        'saturated': False,
        'limited': step % 7 == 0,
        'student_ran': True,
        'student_target': target,
        'velocity_command': command,
    }
    if is_expert:
        rows['feature_0'] = rng.normal(size=(num_rows, 4))
        rows['label_std'] = np.full((num_rows, 3), 0.5)
    return rows


def write_part(folder: Path, key: str, bag: str = 'walk', num_rows: int = 100, chunk: int = 512):
    """Write a part with rows of both teachers, in chunks."""
    with PartWriter(folder, key, LAYOUT) as writer:
        for first in range(0, num_rows, chunk):
            for teacher in TEACHERS:
                writer.write(columns(teacher, min(chunk, num_rows - first), first, bag))
        return writer.close({'bag': bag, 'bag_sha256': 'b' * 64})


def write_dataset(folder: Path, **bags: int) -> Manifest:
    """Write a dataset with a number of ticks per bag."""
    manifest = open_manifest(folder, STUDENT, TEACHERS, {'rules': None})
    for number, (bag, num_rows) in enumerate(bags.items()):
        write_part(folder, f'{number:04}', bag, num_rows)
    manifest.write()
    return manifest
