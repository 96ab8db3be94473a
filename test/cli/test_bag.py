# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json

from distill_runtime.cli.main import main
from distill_runtime.data.recording.node_info import STATUS_TYPE
from distill_runtime.policy.model import load_policy
import pytest
from support.bags import imu, joint_state, MS, RecordedMessage, STORE, undecodable, write_bag
from support.logged_run import run_node, write_log
from support.ros_policies import write_policy
from support.specs import JOINTS

pytestmark = pytest.mark.needs('data')


def info(*words):
    return main(['bag', 'info', *map(str, words)])


@pytest.fixture(scope='module')
def log(tmp_path_factory):
    """Return the messages of a node, ~/model included."""
    found = run_node(load_policy(write_policy(tmp_path_factory.mktemp('model'))))
    entry = STORE.types['diagnostic_msgs/msg/KeyValue'](
        key='parameters', value='{"tilt_limit": 1.0}'
    )
    status = STORE.types[STATUS_TYPE](level=0, name='', message='', hardware_id='', values=[entry])
    found.messages.append(RecordedMessage('/student_node/model', STATUS_TYPE, 990 * MS, status))
    return found


def test_page_describes_the_recording_of_a_node(log, tmp_path, capsys):
    assert info(write_log(tmp_path / 'bag', log)) == 0
    page = capsys.readouterr().out
    lines = {' '.join(line.split()) for line in page.splitlines()}
    assert 'duration 1.191 s' in lines
    joints = next(line for line in lines if line.startswith('/joint_states joint_states'))
    assert joints.startswith('/joint_states joint_states JointState 60 50.0 Hz 0.0 ms 20.0 ms')
    assert 'imu 60 of 60 used samples' in lines
    assert 'cmd_vel by receive time' in lines
    assert 'recorded /joint_command, ~/observation, ~/action, ~/model' in lines
    assert 'missing nothing: a replay is exact' in lines
    assert page.rstrip().endswith('\nvalid (errors: 0, warnings: 0, notes: 0)')


def test_report_has_the_numbers_of_the_page(log, tmp_path, capsys):
    assert info(write_log(tmp_path / 'bag', log), '--json', '-') == 0
    report = json.loads(capsys.readouterr().out)
    assert (report['is_sound'], report['findings']) == (True, [])
    topics = {topic['name']: topic for topic in report['topics']}
    joints = topics['/joint_states']
    assert (joints['taken_for'], joints['messages']) == ('joint_states', 60)
    assert joints['rate'] == pytest.approx(50.0)
    assert joints['stamps']['period'] == pytest.approx(0.02)
    assert joints['latency']['median'] == 0.0
    assert joints['joints'] == [list(JOINTS[::-1])]
    assert topics['/cmd_vel']['stamps'] is None
    assert report['imus'][0]['norm'] == [pytest.approx(1.0), pytest.approx(1.0)]
    (node,) = report['nodes']
    assert (node['ticks'], node['missing'], node['parameters']) == (60, [], True)
    assert node['samples']['imu'] == {'topic': '/imu', 'named': 60, 'found': 60}


def test_joints_of_another_robot_and_damage_are_errors(tmp_path, capsys):
    messages = [joint_state(t * 20 * MS, JOINTS, [0.0] * 3) for t in range(1, 20)]
    messages[7] = undecodable(messages[7])
    path = write_bag(tmp_path / 'bag', [*messages, imu(400 * MS)])
    assert info(path, '--robot', 'unitree_go2', '--json', tmp_path / 'r.json') == 1
    page = capsys.readouterr().out
    assert 'of unitree_go2' in page
    assert '0 of 12' in page
    assert '0.140 s' in page
    assert 'NOT valid (errors: 2' in page
    topics = json.loads((tmp_path / 'r.json').read_text())['topics']
    assert topics[1]['undecodable'] == {
        'count': 1, 'first_at': pytest.approx(0.14), 'last_at': pytest.approx(0.14)
    }  # fmt: skip


def test_recording_of_a_simulation_has_no_date(tmp_path, capsys):
    assert info(write_bag(tmp_path / 'bag', [joint_state(2000 * MS, JOINTS, [0.0] * 3)])) == 0
    page = capsys.readouterr().out
    assert 'begin     2.000 s' in page
    assert 'ticks follow the stamps of joint_states' in page


def test_unreadable_recording_is_one_line_and_2(tmp_path, capsys):
    assert info('nowhere') == 2
    assert info(tmp_path) == 2
    assert info(tmp_path, '--topic', 'imu') == 2
    assert capsys.readouterr().err.count('\n') == 3
