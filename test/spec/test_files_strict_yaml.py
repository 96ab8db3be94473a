# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from distill_runtime.errors import ConfigError
from distill_runtime.spec.files import MAX_BYTES, parse_yaml, read_yaml
import pytest


def test_plain_values_are_read(tmp_path):
    path = tmp_path / 'a.yaml'
    path.write_text('a: [1, 2.5, true, null]\nb: {c: x}\n')
    assert read_yaml(path) == {'a': [1, 2.5, True, None], 'b': {'c': 'x'}}


def test_equal_keys_of_different_mappings_are_fine():
    assert parse_yaml('a: {x: 1}\nb: {x: 2}\nx: 3', 'f') == {'a': {'x': 1}, 'b': {'x': 2}, 'x': 3}


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('a: 1\nb: 2\na: 3\n', r'^f: a is a duplicate key, again in line 3, expected once$'),
        ('x: [{a: 1, "a": 2}]', r'^f: a is a duplicate key, again in line 1, expected once$'),
        ('a: !!python/name:os.system', r'^f is not plain YAML: could not determine a constructor'),
        ('a: !mine 1', r'^f is not plain YAML: could not determine a constructor'),
        ('a: [1', r'^f is not plain YAML: .* line '),
        ('a: 1\n---\na: 2', r'^f is not plain YAML: expected a single document'),
        ('? [a, b]\n: 1', r'^f is not plain YAML: .*unhashable key'),
        ('a: 2026-99-99', r'^f is not plain YAML: month must be in 1..12'),
        (b'\xff\x00', r'^f is not plain YAML: '),
        ('[' * 20_000, r'^f is not plain YAML: '),
    ],
)
def test_anything_else_is_refused_in_one_line(text, message):
    with pytest.raises(ConfigError, match=message) as refusal:
        parse_yaml(text, 'f')
    assert '\n' not in str(refusal.value)


def test_huge_file_is_refused(tmp_path):
    path = tmp_path / 'a.yaml'
    path.write_bytes(b'#' * (MAX_BYTES + 1))
    with pytest.raises(ConfigError, match=rf'a\.yaml is larger than {MAX_BYTES} bytes'):
        read_yaml(path)


def test_missing_file_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r'a\.yaml cannot be read: No such file or directory$'):
        read_yaml(tmp_path / 'a.yaml')
