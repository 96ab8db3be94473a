# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from xml.etree import ElementTree as ET

from distill_runtime.cli.main import main
from distill_runtime.policy.model import load_policy
import numpy as np
import pytest
from support.bags import joint_state, MS, undecodable, write_bag
from support.logged_run import run_node, write_log
from support.real_policies import real_words
from support.recordings import PAIRS
from support.ros_policies import JOINT_TERM, write_policy
from support.specs import DEFAULT, JOINTS

SETTINGS = ('-p', 'start_pose_limit:=0.0', '-p', 'start_tilt_limit:=0.0')


def run(*words):
    return main(['replay', *map(str, words)])


def test_same_model_passes(bag, model, capsys):
    assert run(bag, model, *SETTINGS) == 0
    text = capsys.readouterr().out
    assert 'all equal bit for bit' in text
    assert text.rstrip().endswith('\nverdict\npass')


def test_other_limit_fails_and_every_output_names_the_joint(bag, model, tmp_path, capsys):
    names = ['r.json', 'r.xml', 'r.npz']
    json_file, junit, ticks = (tmp_path / name for name in names)
    words = ['--json', json_file, '--junit', junit, '--ticks', ticks, *SETTINGS]
    assert run(bag, model, *words, '-p', 'max_joint_step:=0.01') == 1
    assert capsys.readouterr().out.rstrip().endswith('FAIL')
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(names)  # nothing unfinished
    report = json.loads(json_file.read_text())
    assert (report['verdict'], report['passed']) == ('outside', False)
    assert (report['ticks'], report['invalid']) == (60, 0)
    hip = report['joints']['hip']
    assert hip['max'] > hip['rms'] > 0.0
    assert hip['first_exceeded']['seconds'] == pytest.approx(0.02 * hip['first_exceeded']['tick'])
    assert set(report['versions']) == {'distill_runtime', 'numpy', 'onnxruntime', 'rosbags'}
    assert report['terms']['projected_gravity']['max'] == 0.0
    failed = {
        case.get('name')
        for case in ET.parse(junit).iter('testcase')
        if case.find('failure') is not None and case.get('classname') == 'replay.commands'
    }
    assert 'hip' in failed
    with np.load(ticks) as arrays:
        shapes = {name: arrays[name].shape for name in arrays}
    assert shapes['observation'] == (60, 18)
    assert shapes['command'] == shapes['target'] == shapes['action'] == (60, 3)
    assert shapes['stamp_ns'] == shapes['mode'] == shapes['valid'] == (60,)


@pytest.mark.parametrize('options', [[], ['--explain']])
def test_contract_is_searched_only_on_request(options, bag, model, capsys):
    wrong = ('-p', 'max_joint_step:=0.01')
    assert run(bag, model, '--json', '-', *SETTINGS, *wrong, *options) == 1
    codes = [finding['code'] for finding in json.loads(capsys.readouterr().out)['findings']]
    assert codes == (['bag.no_reference'] if options else [])


def test_truncated_recording_is_replayed_up_to_its_end(bag, model, tmp_path, capsys):
    path = tmp_path / 'cut.mcap'
    content = next(bag.glob('*.mcap')).read_bytes()
    path.write_bytes(content[: len(content) // 3])
    assert run(path, model, *SETTINGS) == 0
    assert 'it was cut off, what came later is missing' in ' '.join(
        capsys.readouterr().out.split()
    )


def test_anomaly_of_a_recording_is_in_every_output(model, tmp_path, capsys):
    pytest.importorskip('jinja2')
    pytest.importorskip('plotly')
    log = run_node(load_policy(model))
    log.messages = [
        undecodable(said) if said.topic == '/imu' and said.receive_ns == 1397 * MS else said
        for said in log.messages
    ]
    bag = write_log(tmp_path / 'bag', log)
    json_file, html = tmp_path / 'r.json', tmp_path / 'r.html'
    assert run(bag, model, '--json', json_file, '--html', html, *SETTINGS) == 0
    (anomaly,) = json.loads(json_file.read_text())['recording']['troubles']
    assert (anomaly['code'], anomaly['count']) == ('imu.left_out', 1)
    assert anomaly['text'].startswith('/imu: 1 message')
    assert anomaly['text'] in ' '.join(capsys.readouterr().out.split())
    page = html.read_text(encoding='utf-8')
    assert page.startswith('<!doctype html>')
    assert load_policy(model).sha256 in page
    assert anomaly['text'] in page


def test_thresholds_and_tolerance_decide(bag, model, tmp_path):
    rules = tmp_path / 'rules.yaml'
    rules.write_text('commands: {max: 3.0}\nobservation: {max: 10}\naction: {max: 10}\n')
    words = (bag, model, *SETTINGS, '-p', 'max_joint_step:=0.01')
    assert run(*words, '--rules', rules) == 0
    assert run(*words, '--tolerance', 10) == 0


def test_another_model_is_the_reference(bag, model, tmp_path):
    same = write_policy(tmp_path, name='same.onnx')
    assert run(bag, model, *SETTINGS, '--against', same) == 0
    other = write_policy(tmp_path, name='other.onnx', action={'scale': 0.2})
    assert run(bag, model, *SETTINGS, '--against', other) == 1


def test_parameters_of_the_node_are_read_from_its_file(bag, model, tmp_path):
    file = tmp_path / 'robot.yaml'
    file.write_text(
        'student_node:\n  ros__parameters: {max_joint_step: 0.01, start_pose_limit: 0.0}\n'
    )
    assert run(bag, model, '--params-file', file) == 1
    for option, node in (('-p', ''), ('--param', 'student_node:')):
        words = (option, f'{node}max_joint_step:=1.0')
        assert run(bag, model, '--params-file', file, *words) == 0


def test_recording_without_a_reference_is_inconclusive_and_2(tmp_path, capsys):
    model = write_policy(tmp_path, JOINT_TERM)
    path = write_bag(
        tmp_path / 'bag', [joint_state(t * 20 * MS, JOINTS, DEFAULT) for t in range(1, 80)]
    )
    assert run(path, model) == 2
    assert 'INCONCLUSIVE' in capsys.readouterr().out
    ticks = tmp_path / 'ticks.npz'
    assert run(path, model, '--ticks', ticks) == 2
    with np.load(ticks) as arrays:
        assert arrays['valid'].any()


@pytest.mark.parametrize('bag', PAIRS)
def test_ticks_of_real_recordings_match_the_expected_ones(bag, shared_data, tmp_path):
    path = tmp_path / 'ticks.npz'
    folder = shared_data / 'recordings' / bag
    assert run(folder, *real_words(PAIRS[bag], shared_data), '--ticks', path) == 0
    with np.load(path) as ticks, np.load(folder / 'expected.npz') as expected:
        count = len(expected['stamp_ns'])
        assert ticks['valid'].all()
        np.testing.assert_array_equal(ticks['stamp_ns'][:count], expected['stamp_ns'])
        for name, other in (('observation', 'obs'), ('action', 'action'), ('target', 'target')):
            np.testing.assert_allclose(
                ticks[name][:count], expected[other], rtol=0.0, atol=1e-5, err_msg=name
            )


@pytest.mark.parametrize(
    ('words', 'message'),
    [
        (['nowhere'], 'recording nowhere does not exist'),
        (['BAG', '-p', 'tilt:=1'], "parameter 'tilt' is unknown to a replay"),
        (['BAG', '--node', 'other'], "--node is 'other', expected one of the nodes"),
        (['BAG', '--rules', 'nowhere.yaml'], 'nowhere.yaml cannot be read'),
        (['BAG', '--tolerance', '-1'], 'tolerance is -1.0, expected at least 0'),
        (['BAG', '--json', 'no/folder.json'], '--json no/folder.json cannot be written'),
    ],
)
def test_wrong_input_is_one_line_and_2(words, message, bag, model, capsys):
    first, *rest = [bag if word == 'BAG' else word for word in words]
    assert run(first, model, *rest) == 2
    output = capsys.readouterr().err
    assert message in output
    assert output.count('\n') == 1
