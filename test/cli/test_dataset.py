# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""`distill-runtime dataset info`, `dataset plot` and `export --lerobot`."""

from __future__ import annotations

import json
import re

from distill_runtime.cli.main import main
import pytest
from support.datasets import write_dataset


@pytest.fixture
def folder(tmp_path):
    write_dataset(tmp_path / 'labels', walk=1000, trot=50)
    return tmp_path / 'labels'


def test_info_shows_models_bags_and_reasons(folder, capsys):
    assert main(['dataset', 'info', str(folder)]) == 0
    page = capsys.readouterr().out
    assert 'student  walker, sha256 555555555555' in page
    assert 'teacher  expert, sha256 eeeeeeeeeeee' in page
    assert re.search(r'walk +2000 +80\.0% +0\.\d +stale_imu', page)
    assert re.search(r' 420 +20\.0% +stale_imu: Imu is 0\.2 s old', page)

    assert main(['dataset', 'info', str(folder), '--json', '-']) == 0
    report = json.loads(capsys.readouterr().out)
    assert report['rows'] == 2100
    assert report['valid'] == 1680
    assert report['reasons'] == {'stale_imu: Imu is 0.2 s old': 420}
    assert [part['bag'] for part in report['parts']] == ['trot', 'walk']
    assert report['student']['joints'] == ['left_hip', 'left_knee', 'right_knee']


def test_plot_writes_one_page_with_every_figure(folder, tmp_path):
    page = tmp_path / 'labels.html'
    assert main(['dataset', 'plot', str(folder), '-o', str(page)]) == 0
    text = page.read_text()
    titles = re.findall('<h2>(.*?)</h2>', text)
    assert titles == [
        'Velocity commands',
        'Error of the student towards old, over time',
        'Error of the student towards old, by joint',
        'Error of the student towards old, by velocity command',
        'Error of the student towards expert, over time',
        'Error of the student towards expert, by joint',
        'Error of the student towards expert, by velocity command',
        'Validity',
    ]
    assert text.count('class="plotly-graph-div"') == len(titles)
    assert 'right_knee' in text
    assert 'stale_imu' in text
    assert not re.search(r'<(script|link)[^>]* (src|href)=', text)


def test_export_says_what_it_wrote(folder, tmp_path, capsys):
    out = tmp_path / 'out'
    assert main(['export', str(folder), '--lerobot', str(out)]) == 0
    assert capsys.readouterr().out == (
        f'{out}: 210 episodes, 840 frames at 50 Hz, LeRobotDataset v3.0\n'
    )
    assert main(['export', str(folder), '--lerobot', str(out)]) == 2
    assert 'exists already, expected a new folder' in capsys.readouterr().err


@pytest.mark.parametrize(
    'command',
    [['dataset', 'info'], ['dataset', 'plot', '-o', 'x.html'], ['export', '--lerobot', 'x']],
)
def test_folder_that_is_no_dataset_is_one_line(command, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main([*command, str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert error == (
        f'distill-runtime: {tmp_path}/manifest.json cannot be read: No such file or directory: '
        'is it the folder of a dataset?\n'
    )
    assert list(tmp_path.iterdir()) == []
