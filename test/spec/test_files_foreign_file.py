# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from distill_runtime.errors import ConfigError
from distill_runtime.spec.files import read_foreign
import pytest

SLICE = '!!python/object/apply:builtins.slice'


@pytest.fixture
def read(tmp_path):
    def write_and_read(name, text):
        path = tmp_path / name
        path.write_text(text)
        return read_foreign(path)

    return write_and_read


def test_full_slice_is_null(read):
    assert read('a.yaml', f'joint_ids: {SLICE} [null, null, null]\n') == {'joint_ids': None}


@pytest.mark.parametrize(
    'bounds', ['[0, null, null]', '[]', '[null, null, null, null]', '3', '{a: 1}']
)
def test_any_other_slice_is_refused(read, bounds):
    with pytest.raises(
        ConfigError, match=r'a\.yaml: slice is .*, expected \[null, null, null\], '
    ):
        read('a.yaml', f'joint_ids: {SLICE} {bounds}\n')


@pytest.mark.parametrize('tag', ['python/object/apply:os.system', 'python/tuple', 'python/name:x'])
def test_any_other_tag_is_refused(read, tag):
    with pytest.raises(ConfigError, match=r'a\.yaml is not plain YAML: could not determine'):
        read('a.yaml', f'joint_ids: !!{tag} [ls]\n')


def test_json_is_recognized_by_its_suffix(read):
    assert read('a.json', '{"a": [1, 2.5]}') == {'a': [1, 2.5]}


@pytest.mark.parametrize('text', ['', '{"a": NaN}', '{"a": 1', '[' * 100_000])
def test_what_is_no_json_is_refused(read, text):
    with pytest.raises(ConfigError, match=r'a\.json is not JSON: '):
        read('a.json', text)
