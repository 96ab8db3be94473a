# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Manifest and reader: whose dataset it is, which rows are read, and as what."""

from __future__ import annotations

import json

from distill_runtime.data.dataset.dataset import Dataset, Selection
from distill_runtime.data.dataset.manifest import open_manifest, read_manifest
from distill_runtime.errors import ConfigError, DatasetError
import numpy as np
import pytest
from support.datasets import columns, STUDENT, TEACHERS, write_dataset, write_part


@pytest.fixture
def dataset(tmp_path):
    write_dataset(tmp_path / 'labels', walk=100, trot=50)
    return Dataset(tmp_path / 'labels')


def test_manifest_names_everything_and_is_made_from_the_parts(tmp_path):
    manifest = write_dataset(tmp_path, walk=100, trot=50)
    path = tmp_path / 'manifest.json'
    report = json.loads(path.read_text())
    assert report['format'] == 1
    assert report['student'] == STUDENT
    assert [teacher['name'] for teacher in report['teachers']] == ['old', 'expert']
    assert [(part['bag'], part['rows']) for part in report['parts']] == [
        ('trot', 100), ('walk', 200),
    ]  # fmt: skip

    # a kill between a part and the manifest
    write_part(tmp_path, 'late', 'late bag')
    assert manifest.is_done('late')
    assert not manifest.is_done('later')
    assert [part.bag for part in read_manifest(tmp_path).parts] == ['late bag', 'trot', 'walk']
    third = {'name': 'third', 'sha256': '3' * 64}
    open_manifest(tmp_path, STUDENT, [third], {'rules': 'by speed'})
    report = json.loads(path.read_text())
    assert len(report['parts']) == 3
    assert [teacher['name'] for teacher in report['teachers']] == ['old', 'third', 'expert']
    assert report['rules'] == 'by speed'


def test_folder_of_another_student_or_of_other_files_is_refused(tmp_path):
    write_dataset(tmp_path, walk=10)
    before = (tmp_path / 'manifest.json').read_bytes()
    other = {**STUDENT, 'name': 'runner', 'sha256': '7' * 64}
    with pytest.raises(
        ConfigError, match=r"of student 'walker', sha256 555.*'runner', sha256 777"
    ):
        open_manifest(tmp_path, other, TEACHERS)
    with pytest.raises(ConfigError, match="of student 'walker' with another spec"):
        open_manifest(tmp_path, {**STUDENT, 'spec': {}}, TEACHERS)
    assert (tmp_path / 'manifest.json').read_bytes() == before
    (tmp_path / 'manifest.json').unlink()
    with pytest.raises(ConfigError, match=r'has files but no manifest\.json'):
        open_manifest(tmp_path, STUDENT, TEACHERS)


def test_folder_that_cannot_be_made_or_has_no_rows_is_one_message(tmp_path):
    (tmp_path / 'file').touch()
    with pytest.raises(DatasetError, match='file/labels cannot be used: Not a directory'):
        open_manifest(tmp_path / 'file/labels', STUDENT, TEACHERS)
    write_dataset(tmp_path / 'labels')
    dataset = Dataset(tmp_path / 'labels')
    assert dataset.column_names() == dataset.bags() == []
    with pytest.raises(ConfigError, match='labels has no parts, expected a dataset with rows'):
        dataset.load(['step'])


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        (None, 'manifest.json cannot be read: No such file or directory: is it the folder of a'),
        ('{"format": 1', 'is not the manifest of a dataset'),
        ('{"format": 1, "parts": []}', "is not the manifest of a dataset: KeyError.'student'"),
        ('{"format": 2}', 'has format 2, expected 1'),
    ],
)
def test_unusable_manifest_is_named(text, message, tmp_path):
    if text is not None:
        (tmp_path / 'manifest.json').write_text(text)
    with pytest.raises(DatasetError, match=message):
        Dataset(tmp_path)


def test_columns_come_back_as_they_were_written(dataset):
    selection = Selection(bags=['walk'], teacher='expert')
    names = dataset.column_names()
    loaded = dataset.load(names, selection)
    written = columns(TEACHERS[0], 100)
    assert sorted(names) == sorted(written)
    for name, values in written.items():
        expected = np.broadcast_to(np.asarray(values), (100, *np.shape(values)[1:]))
        np.testing.assert_array_equal(loaded[name], expected.astype(loaded[name].dtype))
    assert loaded['label'].dtype == np.float32
    assert loaded['label_target'].dtype == loaded['student_target'].dtype == np.float64
    assert loaded['mode'].dtype == np.int8


def test_rows_are_selected_by_bag_teacher_validity_and_choice(dataset):
    def count(**selection):
        return len(dataset.load(['step'], Selection(**selection))['step'])

    assert dataset.bags() == ['trot', 'walk']
    assert count() == 300
    assert count(bags=['trot']) == 100
    assert count(teacher='old') == count(teacher='000') == count(chosen=False) == 150
    assert count(valid=False) == 60
    assert count(valid=True, chosen=True, bags=['trot']) == 40
    assert count(teacher='old', chosen=True) == 0
    empty = dataset.load(['label', 'bag', 'observation'], Selection(teacher='old', chosen=True))
    assert empty['observation'].shape == (0, 5)


def test_fixed_vectors_and_numbers_are_views_without_a_copy(dataset):
    (batch, _) = dataset.batches(['observation', 'label_target', 'stamp_ns'])
    for values in batch.values():
        assert not values.flags.owndata
        assert not values.flags.writeable


def test_labels_of_different_width_need_a_teacher(dataset):
    (batch, _) = dataset.batches(
        ['label', 'label_std', 'feature_0'], Selection(bags=['walk', 'trot'])
    )
    assert {len(label) for label in batch['label']} == {2, 3}
    # a teacher without them: NaN where the width is fixed, empty where not
    assert np.isnan(batch['label_std']).all(axis=1).tolist() == [
        not len(row) for row in batch['feature_0']
    ]
    with pytest.raises(ConfigError, match='label differs in width between teachers'):
        dataset.load(['label'])
    assert dataset.load(['label'], Selection(teacher='old'))['label'].shape == (150, 2)
    assert dataset.load(['label'], Selection(teacher='expert'))['label'].shape == (150, 3)


@pytest.mark.parametrize(
    ('names', 'selection', 'message'),
    [
        (['height'], {}, r"columns \['height'\] are not in .*parquet, which has \['bag', 'step'"),
        (['step'], {'bags': ['run']}, r"bags \['run'\] are not in .*, which has \['trot', 'walk'"),
        (['step'], {'teacher': 'x'}, r"teacher 'x' is unknown, expected one of \['old', 'expert'"),
    ],
    ids=['column', 'bag', 'teacher'],
)
def test_unknown_names_are_refused(names, selection, message, dataset):
    with pytest.raises(ConfigError, match=message):
        dataset.load(names, Selection(**selection))
