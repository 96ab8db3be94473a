# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json

from distill_runtime.cli.main import main
import pytest
from support.real_policies import real_words
from support.recordings import PAIRS

pytestmark = pytest.mark.needs('data')


def check(words, bag, *more):
    return main(['check', *map(str, words), '--bag', str(bag), *map(str, more)])


@pytest.fixture(params=PAIRS)
def pair(request, shared_data):
    """Return the arguments of a real policy, and the path of its recording."""
    words = real_words(PAIRS[request.param], shared_data)
    return words, shared_data / 'recordings' / request.param


@pytest.fixture
def go2(shared_data):
    words = real_words('rl_sar_go2_himloco', shared_data)
    return words, shared_data / 'recordings' / 'go2_sim_walk_db3'


def test_right_contract_explains_its_recording(pair, capsys):
    words, bag = pair
    assert check(words, bag, '--json', '-') == 0
    found = json.loads(capsys.readouterr().out)
    assert [f for f in found['findings'] if f['code'].startswith('bag.')] == []
    assert found['bag']['reference'] == 'efforts'
    assert found['bag']['topics']['imu'] == '/imu/data'
    assert found['bag']['valid_ticks'] == found['bag']['ticks'] >= 200
    assert min(found['bag']['explained'].values()) > 0.9
    assert list(found['bag']['explained']) == found['spec']['joints']


def test_page_shows_the_recording(go2, capsys):
    assert check(*go2) == 0
    page = capsys.readouterr().out
    assert 'joint_states  /joint_states  JointState      1501  250.0 Hz' in page
    assert 'the policy was run over it: 301 ticks, 301 valid' in page
    assert 'explain 100.0% of the recorded efforts' in page


def test_wrong_contract_is_named_and_not_deployable(go2, tmp_path, capsys):
    (model, _, spec, *robot), bag = go2
    wrong = tmp_path / 'wrong.yaml'
    wrong.write_text(spec.read_text().replace('newest_first', 'oldest_first'))
    assert check([model, '--spec', wrong, *robot], bag, '--json', '-') == 1
    findings = json.loads(capsys.readouterr().out)['findings']
    assert findings[0]['code'] == 'bag.contract_differs'
    assert findings[0]['message'].endswith('if history.order were newest_first')


def test_recordings_of_rosbag2_are_read(shared_data, capsys):
    words = real_words('unitree_rl_lab_g1', shared_data)
    for name in ('mcap', 'mcap_split', 'sqlite3_filezstd'):
        bag = shared_data / 'recordings' / 'written_by_rosbag2' / name
        assert check(words, bag, '--json', '-') == 0
        findings = json.loads(capsys.readouterr().out)['findings']
        assert [f for f in findings if f['code'].startswith('bag.')] == []


def test_sensors_are_checked_for_a_rejected_model(shared_data, capsys):
    model, *_ = real_words('playground_go1', shared_data)
    _, *options = real_words('rl_sar_go2_himloco', shared_data)
    bag = shared_data / 'recordings' / 'go2_sim_walk_db3'
    assert check([model, *options], bag, '--json', '-') == 1
    found = json.loads(capsys.readouterr().out)
    assert found['findings'][0]['code'] == 'graph.mismatch'
    assert found['bag']['ticks'] == 0


@pytest.mark.parametrize(
    ('words', 'message'),
    [
        (['--topic', 'imu'], "--topic is 'imu', expected NAME:=TOPIC"),
        (['--topic', 'scan:=/scan'], "topic 'scan' is unknown"),
        (['--topic', 'imu:=/cmd_vel'], '/cmd_vel is of type geometry_msgs/msg/Twist'),
        (['--bag', 'absent'], 'absent does not exist'),
    ],
)
def test_wrong_topic_or_bag_is_one_message(go2, words, message, capsys):
    assert check(*go2, *words) == 2
    assert message in capsys.readouterr().err
