# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

from distill_runtime.errors import DistillError
from distill_runtime.share import share_path
import pytest


def touch(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


def test_data_of_the_running_package_is_found():
    assert (share_path() / 'package.xml').is_file()
    assert (share_path() / 'config' / 'robots').is_dir()


def test_data_of_a_checkout_is_preferred(tmp_path):
    touch(tmp_path / 'share' / 'distill_runtime' / 'package.xml')
    touch(tmp_path / 'src' / 'package.xml')
    assert share_path(tmp_path / 'src' / 'distill_runtime') == tmp_path / 'src'


@pytest.mark.parametrize(
    'packages',
    [
        'lib/python3.12/site-packages',  # pip in an environment, colcon
        'local/lib/python3.12/dist-packages',  # colcon on Debian and Ubuntu
        'lib/python3/dist-packages',  # a Debian package
        'lib64/python3.9/site-packages',  # Fedora and RHEL
        '.',  # pip install --target
    ],
)
def test_installed_data_is_found_in_the_prefix(tmp_path, packages):
    share = touch(tmp_path / 'share' / 'distill_runtime' / 'package.xml').parent
    assert share_path(tmp_path / packages / 'distill_runtime') == share


def test_nearest_prefix_wins(tmp_path):
    touch(tmp_path / 'share' / 'distill_runtime' / 'package.xml')
    overlay = tmp_path / 'overlay'
    share = touch(overlay / 'share' / 'distill_runtime' / 'package.xml').parent
    package = overlay / 'lib' / 'python3.12' / 'site-packages' / 'distill_runtime'
    assert share_path(package) == share


def test_folder_of_another_package_is_not_taken(tmp_path):
    (tmp_path / 'share' / 'distill_runtime').mkdir(parents=True)  # what an uninstall may leave
    with pytest.raises(DistillError, match=r'share/distill_runtime is in no folder above .*lib'):
        share_path(Path(tmp_path) / 'lib' / 'distill_runtime')
