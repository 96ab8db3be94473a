# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

from distill_runtime.errors import ConfigError
from distill_runtime.spec.files import confined
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
