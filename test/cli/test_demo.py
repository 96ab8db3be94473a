# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import os
from pathlib import Path
import signal
import subprocess
import sys

from distill_runtime.cli.demo import RecordingFolder
from distill_runtime.cli.demo_output.processes import node_processes
from distill_runtime.cli.main import main
from distill_runtime.errors import ConfigError, MissingExtraError, RecordingError
from distill_runtime.policy.model import load_policy
from distill_runtime.share import share_path
import pytest

MODEL = share_path() / 'models' / 'quadruped_student.onnx'
pytestmark = pytest.mark.needs('ros', 'sim')


def demo(*arguments):
    return subprocess.run(
        [sys.executable, '-m', 'distill_runtime.cli.main', 'demo', *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, 'TERM': 'dumb'},
        check=False,
    )


def bag(folder, name, is_complete=True):
    """Write the files of a recording."""
    path = folder / name
    path.mkdir(parents=True)
    (path / f'{name}.mcap').touch()
    if is_complete:
        (path / 'metadata.yaml').touch()
    return path


def test_robot_walks(tmp_path):
    for _ in range(3):
        result = demo('--seconds', '6', '--json', str(tmp_path / 'demo.json'))
        if 'deadline.missed' not in result.stdout:  # the machine stalled: try again
            break
    assert result.returncode == 0, result.stdout + result.stderr
    report = json.loads((tmp_path / 'demo.json').read_text())
    assert report['walked']
    assert not report['fell']
    assert report['mode'] == 'policy'
    assert report['walked_distance'] > 0.5 * report['commanded_distance'] > 0.5
    assert report['ticks'] > 200
    assert 'walked' in result.stdout
    assert 'missed' in result.stdout


@pytest.mark.needs('data')
def test_recording_of_the_run_is_replayed_exactly_with_its_parameters(tmp_path):
    from distill_runtime.data.recording.policy_recording import read_policy_recording

    report, replayed = tmp_path / 'demo.json', tmp_path / 'replay.json'
    words = ('--record', str(tmp_path / "it's: runs"), '--json', str(report))
    for _ in range(3):
        result = demo('--seconds', '3', '-p', 'max_joint_step:=0.35', *words)
        if 'deadline.missed' not in result.stdout:
            break
    assert result.returncode == 0, result.stdout + result.stderr
    recording = json.loads(report.read_text())['recording']
    assert f'recording        {recording}' in result.stdout
    assert recording.startswith(str(tmp_path / "it's: runs"))
    assert main(['replay', recording, str(MODEL), '--json', str(replayed)]) == 0
    found = json.loads(replayed.read_text())
    assert found['is_same_model']
    assert found['commands_compared']['ticks'] == found['commands_compared']['equal'] > 100
    source = read_policy_recording(Path(recording), load_policy(MODEL))
    assert source.parameters['max_joint_step'] == 0.35


def test_robot_that_is_pushed_over_ends_the_demo_with_status_1():
    result = demo('--seconds', '20', '--pushes', '8', '--json', '-')
    assert result.returncode == 1, result.stdout + result.stderr
    report = json.loads(result.stdout)
    assert not report['walked']
    assert 'fell' in report['why_not'] or 'tilt.limit' in report['why_not']
    assert report['seconds'] < 20.0


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (['--seconds', '0.2'], '--seconds is 0.2, expected at least 1'),
        (['--model', 'no_such.onnx'], 'a node ended early with exit status 2'),
        (['-p', 'max_input_age:=-1.0'], 'a node ended early with exit status 2'),
        (['-p', 'record_to:=runs'], 'record_to is given by --record, not by -p'),
        (['-p', 'model:=a.onnx'], 'model is given by --model, not by -p'),
        (['--record', '/dev/null/runs'], '--record /dev/null/runs cannot be made'),
    ],
)
def test_demo_that_cannot_start_is_one_line_and_2(arguments, message):
    result = demo(*arguments)
    assert result.returncode == 2
    assert message in result.stderr
    assert 'Traceback' not in result.stderr


@pytest.mark.needs('data')
def test_missing_library_for_recordings_is_named(tmp_path, monkeypatch):
    for name in [name for name in sys.modules if name.startswith('rosbags')]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delitem(
        sys.modules, 'distill_runtime.data.flight_recorder.bag_writer', raising=False
    )
    monkeypatch.setitem(sys.modules, 'rosbags', None)
    with pytest.raises(MissingExtraError, match=r'pip install "distill_runtime\[bags\]"'):
        RecordingFolder(tmp_path / 'runs')
    assert not (tmp_path / 'runs').exists()


ENDED = (0, -signal.SIGTERM)
"""Exit status after SIGTERM: of a running node, and of one that was still importing."""


def test_nodes_run_until_the_block_ends():
    with node_processes(
        {'sim_node': {'model': str(MODEL), 'seconds': '0.2'}, 'student_node': {'robot': ''}}
    ) as (simulator, student):
        assert simulator.wait(30.0) == 0
        assert student.poll() is None
    assert student.returncode in ENDED


def test_node_that_rejects_its_parameters_ends_alone():
    wrong = {'command_type': "''", 'autostart': 'true'}
    with node_processes({'sim_node': {'model': str(MODEL)}, 'student_node': wrong}) as (
        simulator,
        student,
    ):
        assert student.wait(30.0) != 0
        assert simulator.poll() is None
    assert simulator.returncode in ENDED


@pytest.mark.parametrize('is_interrupted', [False, True])
def test_nodes_end_if_the_block_raises_and_a_second_interrupt_skips_the_wait(
    is_interrupted, monkeypatch
):
    def interrupt(process, timeout=None):
        monkeypatch.undo()
        raise KeyboardInterrupt

    def fail():
        with node_processes({'student_node': {}, 'sim_node': {}}) as processes:
            started.extend(processes)
            if is_interrupted:
                monkeypatch.setattr(subprocess.Popen, 'wait', interrupt)
            raise KeyboardInterrupt

    started = []
    with pytest.raises(KeyboardInterrupt):
        fail()
    assert len(started) == 2
    assert is_interrupted or all(process.returncode in ENDED for process in started)
    assert all(process.poll() is not None for process in started)


@pytest.mark.needs('data')
@pytest.mark.parametrize('subfolder', ['', 'a/b'])
def test_recording_is_the_complete_one_that_was_added(subfolder, tmp_path):
    bag(tmp_path, '9_old')
    folder = RecordingFolder(tmp_path / subfolder)
    bag(tmp_path / subfolder, '2_new', is_complete=False)
    with pytest.raises(RecordingError, match='has no complete recording of this run'):
        folder.new_recording()
    added = bag(tmp_path / subfolder, '1_new')
    assert folder.new_recording() == added
    with pytest.raises(ConfigError, match=r'--record .*yaml cannot be made: File exists'):
        RecordingFolder(added / 'metadata.yaml')
