# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Figures of the error of a student, of a dataset whose errors are known."""

from __future__ import annotations

from distill_runtime.data.dataset.columns import PartLayout
from distill_runtime.data.dataset.dataset import Dataset
from distill_runtime.data.dataset.label_error import coverage, label_error
from distill_runtime.data.dataset.manifest import open_manifest
from distill_runtime.data.dataset.part import PartWriter
from distill_runtime.data.dataset.plot import dataset_page
import numpy as np
import pytest
from support.datasets import columns, STUDENT, TEACHERS, write_dataset


def test_errors_are_those_of_the_joints(tmp_path):
    # targets of both teachers are 0.1, 0.2, 0.3 rad above the student's
    write_dataset(tmp_path, walk=3000, trot=1000)
    dataset = Dataset(tmp_path)
    covered = coverage(dataset)
    assert covered.vx_vy.sum() == covered.vx_yaw.sum() == 3200
    found = label_error(dataset, TEACHERS[1]['sha256'], covered)
    assert found.joint_rms == pytest.approx([0.1, 0.2, 0.3])
    assert found.joint_max == pytest.approx([0.1, 0.2, 0.3])
    rms = np.sqrt((0.01 + 0.04 + 0.09) / 3)
    assert found.interval_rms == pytest.approx(np.full(800, rms))
    assert found.interval_bag == ['trot'] * 200 + ['walk'] * 600
    assert found.command_rms[covered.vx_yaw > 0] == pytest.approx(rms)


def test_error_is_found_at_its_time_and_command(tmp_path):
    rows = {**columns(TEACHERS[0], 1600), 'valid': True, 'reason': ''}
    fast = rows['step'] >= 1200
    rows['velocity_command'] = np.outer(fast, [1.0, 0.0, 0.5])
    rows['label_target'] = rows['student_target'] + np.outer(fast, [0.0, 0.3, 0.0])
    extra = {'student_target': 3, 'velocity_command': 3, 'feature_0': 4, 'label_std': 3}
    layout = PartLayout(observation=5, action=3, command=3, label=3, extra=extra)
    open_manifest(tmp_path, STUDENT, TEACHERS)
    with PartWriter(tmp_path, 'a', layout) as writer:
        writer.write(rows)
        writer.close({'bag': 'walk'})
    dataset = Dataset(tmp_path)
    found = label_error(dataset, TEACHERS[0]['sha256'], coverage(dataset))
    assert found.joint_rms == pytest.approx([0.0, 0.15, 0.0])
    assert (found.interval_rms > 0.0).tolist() == [False] * 600 + [True] * 200
    assert found.command_rms[0, 0] == 0.0
    assert found.command_rms[-1, -1] == pytest.approx(0.3 / np.sqrt(3))
    assert np.isfinite(found.command_rms).sum() == 2


def test_nothing_is_made_up_where_columns_or_rows_are_missing(tmp_path):
    open_manifest(tmp_path, STUDENT, TEACHERS)
    layout = PartLayout(observation=5, action=3, command=3, label=3)
    with PartWriter(tmp_path, 'a', layout) as writer:
        rows = columns(TEACHERS[0], 10)
        writer.write({name: rows[name] for name in layout.schema().names})
        writer.close({'bag': 'walk'})
    dataset = Dataset(tmp_path)
    assert coverage(dataset) is None
    assert label_error(dataset, TEACHERS[0]['sha256'], None) is None
    page = dataset_page(dataset)
    assert 'The dataset has no velocity commands.' in page
    assert page.count('The dataset has no targets of the student: no errors to show.') == 2
