# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from distill_runtime.errors import ConfigError
from distill_runtime.spec.dialect import FileDialect, MetadataDialect, ModelContext
from distill_runtime.spec.readers import registry
from distill_runtime.spec.sources import SpecSource
import pytest


def toy(name, *files):
    """Return a dialect whose files have its name as their only key."""
    return FileDialect(
        name=name,
        files=files,
        matches=lambda values: name in values,
        read=lambda values, path, context: SpecSource(name=str(path), values=values[name]),
    )


@pytest.fixture
def context(tmp_path):
    return ModelContext(model=tmp_path / 'walk.onnx')


@pytest.fixture
def search(monkeypatch, context):
    def names(*dialects):
        monkeypatch.setattr(registry, 'FILE_DIALECTS', dialects)
        return [source.name.rpartition('/')[2] for source in registry.file_sources(context)]

    return names


def test_all_files_of_all_dialects_are_read_in_the_order_of_the_lists(search, tmp_path):
    for name, text in (('b.yaml', 'x: {}'), ('a.yaml', 'x: {}'), ('c.json', '{"y": {}}')):
        (tmp_path / name).write_text(text)
    (tmp_path / 'own.spec.yaml').write_text('x: {}')
    (tmp_path / 'other.yaml').write_text('z: {}')
    assert search(toy('y', '*.json'), toy('x', '*.yaml', 'a.yaml')) == [
        'c.json',
        'a.yaml',
        'b.yaml',
    ]


def test_stem_is_the_name_of_the_model_and_no_pattern(tmp_path, monkeypatch):
    for name in ('w[a]lk.json', 'walk.json'):
        (tmp_path / name).write_text('{"x": {}}')
    monkeypatch.setattr(registry, 'FILE_DIALECTS', (toy('x', '{stem}.json'),))
    found = registry.file_sources(ModelContext(model=tmp_path / 'w[a]lk.onnx'))
    assert [source.name for source in found] == [str(tmp_path / 'w[a]lk.json')]


def test_file_with_the_name_of_a_dialect_must_be_readable(search, tmp_path):
    (tmp_path / 'deploy.yaml').write_text('a: [')
    with pytest.raises(ConfigError, match=r'deploy\.yaml is not plain YAML: '):
        search(toy('x', 'deploy.yaml'))


@pytest.mark.parametrize('text', ['a: [', '- 1', '', 'x: !!python/name:os.system'])
def test_unrelated_files_are_ignored(search, tmp_path, text):
    (tmp_path / 'notes.yaml').write_text(text)
    assert search(toy('x', '*.yaml')) == []


def test_metadata_may_be_of_several_dialects(monkeypatch, context):
    dialects = [
        MetadataDialect(
            name=key,
            matches=lambda metadata, key=key: key in metadata,
            read=lambda metadata, context, key=key: SpecSource(
                name=f'{context.model.name}:{key}', values={}
            ),
        )
        for key in 'abc'
    ]
    monkeypatch.setattr(registry, 'METADATA_DIALECTS', tuple(dialects))
    found = registry.metadata_sources({'c': '', 'a': ''}, context)
    assert [source.name for source in found] == ['walk.onnx:a', 'walk.onnx:c']


@pytest.mark.parametrize(
    ('error', 'message'),
    [
        (KeyError('x'), r"a\.yaml is not a complete toy: KeyError\('x'\) in it$"),
        (ValueError('y' * 1000), r"a\.yaml is not a complete toy: ValueError\('yy.{180,} in it$"),
        (OverflowError(), r'a\.yaml is not a complete toy: OverflowError\(\) in it$'),
        (ConfigError('scale is 3'), r'a\.yaml: scale is 3$'),
        (RecursionError(), r'a\.yaml is nested too deeply$'),
    ],
)
def test_whatever_is_wrong_with_a_file_is_our_error_with_its_path(
    monkeypatch, context, tmp_path, error, message
):
    def read(values, path, context):
        raise error

    dialect = FileDialect(name='toy', files=(), matches=lambda values: True, read=read)
    monkeypatch.setattr(registry, 'FILE_DIALECTS', (dialect,))
    with pytest.raises(ConfigError, match=message):
        registry.read_content({}, tmp_path / 'a.yaml', context)
