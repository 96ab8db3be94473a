# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import sys

from distill_runtime.cli.demo_recording import Recorder
from distill_runtime.errors import ConfigError, MissingExtraError, RecordingError
import pytest

pytestmark = pytest.mark.needs('data')


def bag(folder, name, is_complete=True):
    """Write what a recording leaves."""
    path = folder / name
    path.mkdir(parents=True)
    (path / f'{name}.mcap').touch()
    if is_complete:
        (path / 'metadata.yaml').touch()
    return path


def test_recording_is_the_one_that_was_added(tmp_path):
    bag(tmp_path, '9_old')
    recorder = Recorder(tmp_path)
    added = bag(tmp_path, '1_new')
    assert recorder.recording() == added


def test_folder_is_made(tmp_path):
    recorder = Recorder(tmp_path / 'a' / 'b')
    added = bag(tmp_path / 'a' / 'b', 'run')
    assert recorder.recording() == added


@pytest.mark.parametrize('is_there', [False, True])
def test_run_without_a_complete_recording_is_an_error(is_there, tmp_path):
    bag(tmp_path, 'old')
    recorder = Recorder(tmp_path)
    if is_there:
        bag(tmp_path, 'new', is_complete=False)
    with pytest.raises(RecordingError, match='has no complete recording of this run'):
        recorder.recording()


def test_folder_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / 'file').touch()
    with pytest.raises(ConfigError, match=r'--record .*file cannot be made: File exists'):
        Recorder(tmp_path / 'file')


def test_what_writes_recordings_must_be_there(tmp_path, monkeypatch):
    for name in [name for name in sys.modules if name.startswith('rosbags')]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delitem(
        sys.modules, 'distill_runtime.data.flight_recorder.bag_writer', raising=False
    )
    monkeypatch.setitem(sys.modules, 'rosbags', None)
    with pytest.raises(MissingExtraError, match=r'pip install "distill_runtime\[bags\]"'):
        Recorder(tmp_path / 'runs')
    assert not (tmp_path / 'runs').exists()
