# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
from pathlib import Path

from distill_runtime.data.flight_recorder.folders import expanded, free_path, make_folder
from distill_runtime.errors import RecordingError
import pytest


def test_home_and_ros_home_are_followed(monkeypatch):
    monkeypatch.setenv('HOME', '/home/robot')
    monkeypatch.setenv('ROS_HOME', '/data/ros')
    assert expanded('~/runs') == Path('/home/robot/runs')
    assert expanded('~/.ros/runs') == Path('/data/ros/runs')
    assert expanded('runs') == Path('runs')
    monkeypatch.delenv('ROS_HOME')
    assert expanded('~/.ros/runs') == Path('/home/robot/.ros/runs')


def test_names_of_one_second_get_numbers(tmp_path):
    paths = []
    for _ in range(3):
        paths.append(free_path(tmp_path, 'x'))
        paths[-1].mkdir()
    assert len({*paths}) == 3


def test_folder_is_made_with_its_parents(tmp_path):
    make_folder(tmp_path / 'a' / 'b', 'record_to')
    make_folder(tmp_path / 'a' / 'b', 'record_to')
    assert (tmp_path / 'a' / 'b').is_dir()


def test_file_with_the_path_of_the_folder_is_refused(tmp_path):
    (tmp_path / 'file').write_text('')
    with pytest.raises(RecordingError, match=r'^record_to .*file: File exists: make room or let'):
        make_folder(tmp_path / 'file', 'record_to')


@pytest.mark.skipif(os.geteuid() == 0, reason='root may write everywhere')
def test_folder_of_another_user_is_refused():
    with pytest.raises(RecordingError, match='Permission denied'):
        make_folder(Path('/'), 'record_to')
