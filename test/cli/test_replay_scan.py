# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import io
import json
import shutil
import sys
from xml.etree import ElementTree as ET

from distill_runtime.cli.main import main, make_parser
from distill_runtime.policy.model import load_policy
import pytest
from support.bags import joint_state, MS, twist, write_bag
from support.logged_run import run_node, write_log
from support.ros_policies import JOINT_TERM, write_policy
from support.specs import DEFAULT, JOINTS

pytestmark = pytest.mark.needs('data')
SETTINGS = ('-p', 'start_pose_limit:=0.0', '-p', 'start_tilt_limit:=0.0')


@pytest.fixture(scope='module')
def folder(model, bag, tmp_path_factory):
    """Return recordings that pass, fail a little and a lot, and are unusable."""
    found = tmp_path_factory.mktemp('bags')
    policy = load_policy(model)
    shutil.copytree(bag, found / 'monday/good')
    write_log(found / 'monday/little', run_node(policy, max_joint_step=0.05))
    write_log(found / 'tuesday/lot', run_node(policy, max_joint_step=0.01))
    write_bag(found / 'tuesday/empty', [twist(MS, (0, 0, 0))])
    return found


def scan(*words):
    return main(['replay', '--scan', *map(str, words), *SETTINGS])


def test_worst_recording_comes_first_and_decides(folder, model, tmp_path, capsys):
    files = tmp_path / 'r.json', tmp_path / 'r.xml'
    assert scan(folder, model, '--json', files[0], '--junit', files[1]) == 1
    page = capsys.readouterr().out
    names = ('tuesday/lot', 'monday/little', 'tuesday/empty', 'monday/good')
    positions = [page.index(name) for name in names]
    assert positions == sorted(positions)
    assert 'has no sensor_msgs/msg/JointState for joint_states' in ' '.join(page.split())
    assert page.rstrip().endswith('2 fail, 1 unusable, 1 pass')
    rows = {words[0]: words for words in map(str.split, page.splitlines()) if words}
    assert rows['monday/good'] == ['monday/good', 'pass', '60', '100%', '100%']
    assert rows['tuesday/lot'][1:4] == ['fail', '60', '100%']
    assert rows['tuesday/lot'][7] == 'rad'
    report = json.loads(files[0].read_text())
    assert (report['verdict'], report['passed']) == ('outside', False)
    assert report['model']['name'] == 'small'
    assert [entry['passed'] for entry in report['recordings']] == [False, False, False, True]
    assert report['counts'] == {'outside': 2, 'unusable': 1, 'not_compared': 0, 'within': 1}
    lot, little, empty, well = report['recordings']
    assert lot['joints']['hip']['max'] > little['joints']['hip']['max'] > 0.0
    assert lot['recording']['path'] == str(folder / 'tuesday/lot')
    assert 'no sensor_msgs/msg/JointState' in empty['error']
    assert well['commands_compared'] == {'ticks': 60, 'equal': 60}
    root = ET.parse(files[1]).getroot()
    names = [suite.get('name').rpartition(' over ')[2] for suite in root]
    assert names == ['tuesday/lot', 'monday/little', 'tuesday/empty', 'monday/good']
    assert [int(suite.get('failures')) > 0 for suite in root] == [True, True, True, False]


def test_path_may_be_that_of_a_recording(bag, model, capsys):
    assert scan(bag, model) == 0
    page = capsys.readouterr().out
    assert '\nwalk ' in page
    assert page.rstrip().endswith('1 pass')


def test_inconclusive_recording_is_not_a_pass(bag, tmp_path, capsys):
    good = tmp_path / 'bags'
    shutil.copytree(bag, good / 'good')
    still = [joint_state(t * 20 * MS, JOINTS, DEFAULT) for t in range(1, 80)]
    write_bag(good / 'still', still)
    blind = write_policy(tmp_path, JOINT_TERM, name='blind.onnx')
    (good / 'note.bag').write_text('no recording')
    assert scan(good, blind, '--tolerance', '10') == 2
    page = capsys.readouterr().out
    assert 'neither commands nor efforts are recorded' in ' '.join(page.split())
    assert page.rstrip().endswith('1 unusable, 1 inconclusive, 1 pass')


@pytest.mark.parametrize('words', [['--workers', '2'], ['--ray', 'local', '--workers', '2']])
@pytest.mark.filterwarnings('ignore')
def test_workers_change_nothing(words, folder, model, capsys):
    if '--ray' in words:
        pytest.importorskip('ray')
    assert scan(folder, model, '--json', '-') == 1
    report = capsys.readouterr().out
    assert scan(folder, model, '--json', '-', *words) == 1
    assert capsys.readouterr().out == report


def test_workers_need_many_recordings(folder, model, capsys):
    assert main(['replay', str(folder / 'monday/good'), str(model), '--workers', '2']) == 2
    assert 'expected them with --scan' in capsys.readouterr().err


@pytest.mark.parametrize(
    ('words', 'message'),
    [
        (['--html', 'r.html'], '--html is of one recording, expected none with --scan'),
        (['--ticks', 'r.npz'], '--ticks is of one recording, expected none with --scan'),
        (['--rules', 'nowhere.yaml'], 'nowhere.yaml cannot be read'),
        (['-p', 'tilt:=1'], "parameter 'tilt' is unknown to a replay"),
        ([], 'has no recordings'),
    ],
)
def test_wrong_argument_is_one_line_and_2(words, message, model, tmp_path, capsys):
    assert scan(tmp_path, model, *words) == 2
    output = capsys.readouterr().err
    assert message in output
    assert output.count('\n') == 1


def model_under_test(*words):
    from distill_runtime.cli.replay_output.outcome import ModelUnderTest

    return ModelUnderTest(
        make_parser('replay').parse_args(['replay', *map(str, words), *SETTINGS])
    )


class ProgressLog:
    """Records all calls of a progress display."""

    def __init__(self):
        self.stages, self.calls = [], []

    def stage(self, text):
        self.stages.append(text)

    def __call__(self, done, total):
        self.calls.append((done, total))


def test_progress_shows_every_stage_and_its_fraction(bag, model):
    log = ProgressLog()
    outcome = model_under_test(bag, model, '--against', model).run(bag, log)
    assert log.stages == [
        'reading walk', 'replaying walk', 'replaying policy.onnx over walk', 'comparing walk'
    ]  # fmt: skip
    assert log.calls == [(60, 60), (60, 60)]
    assert outcome.found.verdict == 'within'
    assert outcome.other is not None


def test_bar_goes_to_the_terminal_and_not_into_the_result(bag, model, capsys, monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    screen = Terminal()
    monkeypatch.setenv('TERM', 'xterm')
    monkeypatch.setattr(sys, 'stderr', screen)
    assert main(['replay', str(bag), str(model), *SETTINGS, '--json', '-']) == 0
    assert json.loads(capsys.readouterr().out)['verdict'] == 'within'
    assert 'replaying walk' in screen.getvalue()
