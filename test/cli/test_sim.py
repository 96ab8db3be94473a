# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from pathlib import Path
import re

from distill_runtime.cli.main import main
from distill_runtime.share import share_path
import pytest

SHIPPED = share_path() / 'models' / 'quadruped_student.onnx'
POLICIES = Path(__file__).resolve().parents[1] / 'policies'


def command(*words):
    """Return the exit status of `distill-runtime sim` with some words."""
    return main(['sim', *map(str, words)])


@pytest.fixture
def go1(shared_data):
    """Return the words that name a real policy which walks in our scene."""
    model = shared_data / 'policies' / 'playground_go1' / 'policy.onnx'
    return [model, '--spec', POLICIES / 'playground_go1.yaml']


def test_json_has_the_documented_keys(go1, tmp_path, capsys):
    path = tmp_path / 'result.json'
    assert command(*go1, '--seconds', 1, '--command', -0.5, 0, 0, '--json', path) == 0
    report = json.loads(path.read_text())
    assert report['fell'] is False
    assert report['displacement'][0] < -0.2
    assert report['seconds'] == 1.0
    assert len(report['commands_sha256']) == 64
    assert {'min_height', 'max_tilt', 'mean_velocity_error'} <= report.keys()
    assert list(tmp_path.iterdir()) == [path]
    output = capsys.readouterr().out
    assert 'did not fall' in output
    assert 'm ahead' in output


def test_same_seed_gives_the_same_commands(go1, capsys):
    reports = []
    for seed in (1, 1, 2):
        words = ['--seconds', 0.5, '--noise', 1, '--pushes', 0.3, '--seed', seed, '--json', '-']
        command(*go1, *words)
        reports.append(json.loads(capsys.readouterr().out)['commands_sha256'])
    assert reports[0] == reports[1] != reports[2]


def test_fall_ends_with_1(go1, capsys):
    words = ['--seconds', 3, '--pushes', 20, '--push-interval', 0.5]
    assert command(*go1, *words) == 1
    assert 'fell' in capsys.readouterr().out


def test_fault_without_a_fall_ends_with_1_and_is_the_result(tmp_path, capsys):
    path = tmp_path / 'result.json'
    assert command('--json', path, SHIPPED, '--seconds', 0.6, '--drop', 0.8) == 1
    report = json.loads(path.read_text())
    assert report['fell'] is False
    assert report['fault'].startswith('imu.stale: ')
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith('result')]
    assert line.split(maxsplit=1)[1] == f'fault: {report["fault"]}; did not fall'


@pytest.mark.parametrize(
    ('words', 'message'),
    [
        (['--scene', 'no.xml'], 'scene no.xml is not a file'),
        (['--seconds', '0'], r'seconds are 0\.0'),
        (['--command', 'nan', '0', '0'], 'expected 3 finite values'),
        (['--latency', '-1'], 'latency is -1 ticks'),
        (['--noise', '-1'], r'noise is -1\.0'),
        (['--timestep', '0.003'], 'expected a multiple of the physics step'),
        (['--imu-site', 'nose'], "imu_site 'nose' is not in the scene"),
        (['--actuators', 'scene'], "joint 'FR_hip_joint' has 0 actuators"),
        (['--spec', 'no.yaml'], 'no.yaml cannot be read'),
        (['--json', '/nowhere/a.json'], '--json /nowhere/a.json cannot be written'),
    ],
)
def test_wrong_input_is_one_line_and_2(go1, capsys, words, message):
    assert command(*go1, '--seconds', '0.1', *words) == 2
    captured = capsys.readouterr()
    assert re.search(message, captured.err)
    assert captured.err.count('\n') == 1
