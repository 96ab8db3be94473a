# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from itertools import pairwise
from pathlib import Path

from distill_runtime.errors import ConfigError
from distill_runtime.spec.files import (
    confined,
    MAX_ALIASES,
    MAX_BYTES,
    MAX_VALUES,
    parse_yaml,
    read_foreign,
    read_yaml,
)
import pytest


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / 'models'
    folder.mkdir()
    (folder / 'walk.onnx').touch()
    (tmp_path / 'secret.onnx').touch()
    return folder


def test_path_in_the_root_is_resolved_and_without_a_root_stays(root, tmp_path):
    assert confined(Path('a/../b.onnx'), None) == Path('a/../b.onnx')
    (root / 'newest.onnx').symlink_to('walk.onnx')
    (tmp_path / 'link').symlink_to(root)
    assert confined(root / 'newest.onnx', root) == root / 'walk.onnx'
    assert confined(root / 'sub' / '..' / 'walk.onnx', root) == root / 'walk.onnx'
    assert confined(root / 'walk.onnx', tmp_path / 'link') == root / 'walk.onnx'
    assert confined(root / 'new' / 'run.onnx', root) == root / 'new' / 'run.onnx'


OUTSIDE = r'^spec .* is outside model_root, expected it below .*/models'


@pytest.mark.parametrize(
    ('name', 'message'),
    [
        *((name, OUTSIDE) for name in ('../secret.onnx', 'sub/../../secret.onnx', '.', '..', '/')),
        ('link.onnx', OUTSIDE + r': it is .*/secret\.onnx$'),
        ('folder/secret.onnx', OUTSIDE),
        ('../models_of_others/walk.onnx', OUTSIDE),
        ('a', 'is not a path that can be resolved'),
        ('a\0b', 'is not a path that can be resolved: embedded null byte'),
    ],
)
def test_path_out_of_the_root_is_refused(root, tmp_path, name, message):
    (root / 'link.onnx').symlink_to(tmp_path / 'secret.onnx')
    (root / 'folder').symlink_to(tmp_path)
    (tmp_path / 'models_of_others').mkdir()
    (root / 'a').symlink_to(root / 'b')
    (root / 'b').symlink_to(root / 'a')
    with pytest.raises(ConfigError, match=message):
        confined(root / name, root, 'spec')


SLICE = '!!python/object/apply:builtins.slice'


@pytest.fixture
def read(tmp_path):
    def write_and_read(name, text):
        path = tmp_path / name
        path.write_text(text)
        return read_foreign(path)

    return write_and_read


@pytest.mark.parametrize(
    ('name', 'text', 'content'),
    [
        ('a.yaml', f'joint_ids: {SLICE} [null, null, null]\n', {'joint_ids': None}),
        ('a.yaml', 'a: [1, 2.5, true]\nb: {a: x}\n', {'a': [1, 2.5, True], 'b': {'a': 'x'}}),
        ('a.json', '{"a": [1, 2.5]}', {'a': [1, 2.5]}),
    ],
)
def test_plain_values_are_read(read, name, text, content):
    assert read(name, text) == content


@pytest.mark.parametrize(
    ('tag', 'message'),
    [
        *(
            (f'{SLICE} {bounds}', r'a\.yaml: slice is .*, expected \[null, null, null\], ')
            for bounds in ('[0, null, null]', '[]', '[null, null, null, null]', '3', '{a: 1}')
        ),
        *(
            (f'!!python/{tag} [ls]', r'a\.yaml is not plain YAML: could not determine')
            for tag in ('object/apply:os.system', 'tuple', 'name:x')
        ),
    ],
)
def test_any_other_slice_or_tag_is_refused(read, tag, message):
    with pytest.raises(ConfigError, match=message):
        read('a.yaml', f'joint_ids: {tag}\n')


@pytest.mark.parametrize('text', ['', '{"a": NaN}', '{"a": 1', '[' * 100_000])
def test_what_is_no_json_is_refused(read, text):
    with pytest.raises(ConfigError, match=r'a\.json is not JSON: '):
        read('a.json', text)


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
        ('a: *b', r'^f is not plain YAML: found undefined alias'),
        ('[' * 20_000, r'^f is not plain YAML: '),
    ],
)
def test_anything_else_is_refused_in_one_line(text, message):
    with pytest.raises(ConfigError, match=message) as refusal:
        parse_yaml(text, 'f')
    assert '\n' not in str(refusal.value)


def test_huge_or_missing_file_is_refused(tmp_path):
    path = tmp_path / 'a.yaml'
    path.write_bytes(b'#' * (MAX_BYTES + 1))
    with pytest.raises(ConfigError, match=rf'a\.yaml is larger than {MAX_BYTES} bytes'):
        read_yaml(path)
    path.unlink()
    with pytest.raises(ConfigError, match=r'a\.yaml cannot be read: No such file or directory$'):
        read_yaml(path)


LETTERS = 'abcdefghi'


def bomb(form):
    """Return nine lines, each of nine aliases of the line before: 9^9 values."""
    first = 'a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1]'
    lines = [
        f'{letter}: &{letter} {form.format(", ".join(["*" + before] * 9))}'
        for before, letter in pairwise(LETTERS)
    ]
    return '\n'.join([first, *lines])


def test_aliases_are_read_and_other_stars_stay():
    assert parse_yaml('names: [.*]\nx: "*a"', 'f') == {'names': ['.*'], 'x': '*a'}
    text = 'a: &a {kp: [1, 2], kd: &kd 3}\nb: *a\nc: {<<: *a, x: *kd}'
    assert parse_yaml(text, 'f') == {
        'a': {'kp': [1, 2], 'kd': 3},
        'b': {'kp': [1, 2], 'kd': 3},
        'c': {'kp': [1, 2], 'kd': 3, 'x': 3},
    }


@pytest.mark.parametrize('form', ['[{}]', '{{<<: [{}]}}'])
def test_exponential_aliases_are_refused(form):
    with pytest.raises(
        ConfigError, match=rf'^f: it has more than {MAX_VALUES} values with its al'
    ):
        parse_yaml(bomb(form), 'f')


@pytest.mark.parametrize('number', [MAX_ALIASES, MAX_ALIASES + 1])
def test_number_of_aliases_is_bounded(number):
    text = f'a: &a 1\nb: [{", ".join(["*a"] * number)}]'
    if number == MAX_ALIASES:
        assert len(parse_yaml(text, 'f')['b']) == number
    else:
        with pytest.raises(ConfigError, match=rf'^f: it has more than {MAX_ALIASES} aliases'):
            parse_yaml(text, 'f')


@pytest.mark.parametrize('text', ['a: &a [*a]', 'a: &a {b: [{c: *a}]}', '&a [1, *a]'])
def test_alias_inside_its_anchor_is_refused(text):
    with pytest.raises(
        ConfigError, match=r"^f: alias 'a' is inside the anchor that it refers to$"
    ):
        parse_yaml(text, 'f')
