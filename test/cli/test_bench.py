# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json

from distill_runtime.cli import bench
from distill_runtime.cli.main import main
from distill_runtime.share import share_path
import pytest

SHIPPED = share_path() / 'models' / 'quadruped_student.onnx'
PERCENTILES = {'p50_us', 'p99_us', 'p999_us', 'max_us', 'missed', 'periods'}


def command(*words):
    """Return the exit status of `distill-runtime bench` with some words."""
    return main(['bench', *map(str, words)])


@pytest.fixture(scope='module')
def report(tmp_path_factory, request):
    """Return the report of a quick run with the shipped student, or else a real policy."""
    words = ['--model', SHIPPED]
    if not SHIPPED.is_file():
        data = request.getfixturevalue('shared_data')
        model = data / 'policies' / 'unitree_rl_lab_g1' / 'policy.onnx'
        words = ['--model', model, '--robot', 'unitree_g1_29dof']
    path = tmp_path_factory.mktemp('bench') / 'bench.json'
    assert command(*words, '--quick', '--json', path) == 0
    return json.loads(path.read_text())


def test_tick_costs_more_than_inference_and_less_than_a_textbook_node(report):
    (subject,) = report['tick']['subjects']
    for pace in ('warm', 'paced'):
        result = subject[pace]
        bare, ours, textbook = (result[name]['p50_us'] for name in ('bare', 'ours', 'textbook'))
        assert 0.0 < bare < ours < textbook
        assert result['ours_to_bare']['median'] == pytest.approx(ours / bare, abs=0.01)
        assert result['textbook_to_ours']['median'] == pytest.approx(textbook / ours, abs=0.01)
        assert bare < result['ours_parts']['step'] < ours
        assert result['largest_difference'] <= 1e-5


def test_timing_covers_every_condition(report):
    timing = report['timing']
    cells = [(cell['rate_hz'], cell['fifo'] > 0, cell['hogs'] > 0) for cell in timing['cells']]
    schedulings = (False,) if timing['fifo_skipped'] else (False, True)
    assert cells == [
        (200, has_fifo, is_loaded) for has_fifo in schedulings for is_loaded in (False, True)
    ]
    for cell in timing['cells']:
        for loop in ('ours', 'bare'):
            assert cell[loop].keys() == PERCENTILES
            assert cell[loop]['p50_us'] <= cell[loop]['p999_us'] <= cell[loop]['max_us']


def test_absent_model_is_refused(capfd):
    assert command('--model', 'no.onnx', '--only', 'tick') == 2
    assert "none of the models ['no.onnx'] exists" in capfd.readouterr().err


def test_absent_suite_is_refused(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(bench, 'share_path', lambda: tmp_path)
    assert command() == 2
    assert 'expected the benchmark suite' in capsys.readouterr().err


def test_textbook_node_uses_nothing_of_ours():
    source = (share_path() / 'benchmarks' / 'textbook_node.py').read_text()
    imports = [line for line in source.splitlines() if line.startswith(('from', 'import'))]
    assert imports
    assert not [line for line in imports if 'distill_runtime' in line]


def test_startup_machine_and_goals_are_reported(report):
    startup, machine = report['startup'], report['machine']
    for name in ('ours', 'plain'):
        assert 0.1 < startup[name]['median_s'] < 30.0
    assert 20.0 < startup['resident_mb'] <= startup['peak_mb']
    assert machine['cores'] >= 1
    assert len(machine['load_average']) == 3
    assert machine['versions'].keys() >= {'python', 'rclpy', 'numpy', 'onnxruntime'}
    assert report['is_quick'] is True
    for goal in report['goals']:
        assert goal['met'] in (True, False, None)
        assert (goal['met'] is None) == (goal['value'] is None)
