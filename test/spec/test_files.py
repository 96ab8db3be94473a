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


def test_without_a_root_a_path_stays_as_it_is():
    assert confined(Path('a/../b.onnx'), None) == Path('a/../b.onnx')


def test_file_in_the_root_is_read_from_its_resolved_path(root):
    (root / 'newest.onnx').symlink_to('walk.onnx')
    assert confined(root / 'newest.onnx', root) == root / 'walk.onnx'
    assert confined(root / 'sub' / '..' / 'walk.onnx', root) == root / 'walk.onnx'


def test_root_may_be_a_link(root, tmp_path):
    (tmp_path / 'link').symlink_to(root)
    assert confined(root / 'walk.onnx', tmp_path / 'link') == root / 'walk.onnx'


def test_missing_file_in_the_root_is_accepted(root):
    assert confined(root / 'new' / 'run.onnx', root) == root / 'new' / 'run.onnx'


@pytest.mark.parametrize('name', ['../secret.onnx', 'sub/../../secret.onnx', '.', '..', '/'])
def test_path_out_of_the_root_is_refused(root, name):
    message = 'spec .* is outside model_root, expected it below .*/models'
    with pytest.raises(ConfigError, match=message):
        confined(root / name, root, 'spec')


def test_link_out_of_the_root_is_refused_and_its_target_named(root, tmp_path):
    (root / 'link.onnx').symlink_to(tmp_path / 'secret.onnx')
    with pytest.raises(ConfigError, match=r'models: it is .*/secret\.onnx$'):
        confined(root / 'link.onnx', root)


def test_folder_that_is_a_link_out_of_the_root_is_refused(root, tmp_path):
    (root / 'sub').symlink_to(tmp_path)
    with pytest.raises(ConfigError, match='is outside model_root'):
        confined(root / 'sub' / 'secret.onnx', root)


def test_sibling_with_the_same_prefix_is_outside(root, tmp_path):
    (tmp_path / 'models_of_others').mkdir()
    with pytest.raises(ConfigError, match='is outside model_root'):
        confined(tmp_path / 'models_of_others' / 'walk.onnx', root)


def test_links_that_lead_to_each_other_are_refused(root):
    (root / 'a').symlink_to(root / 'b')
    (root / 'b').symlink_to(root / 'a')
    with pytest.raises(ConfigError, match='is not a path that can be resolved'):
        confined(root / 'a', root)


def test_name_that_no_file_can_have_is_refused(root):
    with pytest.raises(
        ConfigError, match='is not a path that can be resolved: embedded null byte'
    ):
        confined(root / 'a\0b', root)


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


LETTERS = 'abcdefghi'


def bomb(form):
    """Return nine lines, each of nine aliases of the line before: 9^9 values."""
    first = 'a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1]'
    lines = [
        f'{letter}: &{letter} {form.format(", ".join(["*" + before] * 9))}'
        for before, letter in pairwise(LETTERS)
    ]
    return '\n'.join([first, *lines])


def test_aliases_are_read():
    text = 'a: &a {kp: [1, 2], kd: &kd 3}\nb: *a\nc: {<<: *a, x: *kd}'
    assert parse_yaml(text, 'f') == {
        'a': {'kp': [1, 2], 'kd': 3},
        'b': {'kp': [1, 2], 'kd': 3},
        'c': {'kp': [1, 2], 'kd': 3, 'x': 3},
    }


def test_star_that_is_no_alias_is_read():
    assert parse_yaml('joint_names: [.*]\nx: "*a"', 'f') == {'joint_names': ['.*'], 'x': '*a'}


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


def test_alias_without_an_anchor_is_not_yaml():
    with pytest.raises(ConfigError, match=r'^f is not plain YAML: found undefined alias'):
        parse_yaml('a: *b', 'f')
