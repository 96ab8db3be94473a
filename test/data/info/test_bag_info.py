# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from distill_runtime.data.info.bag_info import read_info
from distill_runtime.errors import ConfigError, RecordingError
from distill_runtime.spec.robots import load_robot
import numpy as np
import pytest
from support.bags import imu, joint_state, MS, STORE1, twist, write_bag, write_bag1
from support.specs import DEFAULT, JOINTS

START = 1_700_000_000_000 * MS


def walk(path, count=50, **options):
    """Write a recording of a robot that stands."""
    messages = []
    for number in range(count):
        now_ns = START + 20 * MS * number
        messages += [joint_state(now_ns, JOINTS, DEFAULT), imu(now_ns)]
    return write_bag(path, [*messages, twist(START + 20 * MS * count, (0, 0, 0))], **options)


def codes(found):
    return [finding.code for finding in found.findings]


def test_regular_recording_is_described(tmp_path):
    calls = []
    found = read_info(walk(tmp_path / 'bag'), progress=lambda *numbers: calls.append(numbers))
    assert found.duration == pytest.approx(1.0)
    assert found.start_ns == START
    assert found.roles == {
        '/joint_states': 'joint_states', '/imu': 'imu', '/cmd_vel': 'cmd_vel'
    }  # fmt: skip
    assert [entry.topic.name for entry in found.topics] == ['/cmd_vel', '/imu', '/joint_states']
    assert [entry.topic for entry in found.imus] == ['/imu']
    assert (found.findings, found.is_valid, found.nodes) == ((), True, ())
    assert calls[-1] == (101, 101)


def test_recording_that_was_cut_off_says_what_is_missing(tmp_path):
    path = tmp_path / 'cut.mcap'
    content = next(walk(tmp_path / 'bag', 4000).glob('*.mcap')).read_bytes()
    path.write_bytes(content[: len(content) // 2])
    found = read_info(path)
    assert codes(found) == ['bag.damaged']
    assert 'it was cut off' in found.findings[0].message
    assert not found.is_valid
    assert found.topics[-1].received.rate > 0


def test_ambiguous_topic_is_no_input(tmp_path):
    messages = [imu(START, topic='/front/imu'), imu(START + MS, topic='/rear/imu')]
    path = write_bag(tmp_path / 'bag', [joint_state(START, JOINTS, DEFAULT), *messages])
    found = read_info(path)
    assert codes(found) == ['bag.ambiguous']
    assert list(found.roles.values()) == ['joint_states']
    assert codes(read_info(path, {'imu': '/rear/imu'})) == []


@pytest.mark.parametrize(
    ('messages', 'robot', 'code', 'is_valid'),
    [
        ([imu(START)], None, 'bag.no_joint_states', True),
        ([joint_state(START, JOINTS, DEFAULT)], 'unitree_go2', 'bag.joints_missing', False),
        (
            [twist(0, (0, 0, 0)), joint_state(START, JOINTS, DEFAULT)],
            None,
            'bag.time_jump',
            False,
        ),
    ],
)
def test_findings_about_all_topics(messages, robot, code, is_valid, tmp_path):
    path = write_bag(tmp_path / 'bag', messages)
    found = read_info(path, robot=None if robot is None else load_robot(robot))
    assert (codes(found), found.is_valid) == ([code], is_valid)


def test_worst_findings_come_first(shared_data):
    found = read_info(shared_data / 'recordings/real/husky_imu_odom_test1.bag')
    assert 'bag.gravity' in codes(found)  # its sensor is mounted on its side
    assert found.imus[0].acceleration[2] == pytest.approx(9.8, abs=0.02)
    assert found.is_valid


@pytest.mark.parametrize('name', ['mcap', 'mcap_split', 'sqlite3_filezstd'])
def test_recordings_of_rosbag2_are_read(name, shared_data):
    found = read_info(shared_data / 'recordings/written_by_rosbag2' / name)
    assert {*codes(found)} == {'bag.clocks'}
    assert found.topics[1].received.rate == pytest.approx(100.0, abs=2.0)


@pytest.mark.parametrize('form', ['mcap', 'sqlite3', 'bag'])
def test_file_that_was_cut_off_anywhere_is_described_or_refused(form, tmp_path):
    if form == 'bag':
        states = [joint_state(START + t * MS, JOINTS, DEFAULT, store=STORE1) for t in range(90)]
        source = write_bag1(tmp_path / 'walk.bag', states)
    else:
        source = next(walk(tmp_path / 'bag', 30, storage=form).glob('*.[md][cb]*'))
    content = source.read_bytes()
    path = tmp_path / f'cut{source.suffix}'
    whole = sum(len(entry.receive_ns) for entry in read_info(source).topics)
    refusals = []
    for size in np.linspace(0, len(content) - 1, 60).astype(int).tolist():
        path.write_bytes(content[:size])
        try:
            found = read_info(path)
        except RecordingError as error:
            refusals.append(error)
            continue
        # a cut after the last message may not matter
        assert not found.is_valid or sum(len(t.receive_ns) for t in found.topics) == whole
    assert refusals  # cut before the first message


def test_what_cannot_be_opened_is_refused(tmp_path):
    with pytest.raises(ConfigError, match='nowhere does not exist'):
        read_info('nowhere')
    with pytest.raises(ConfigError, match="topic 'scan' is unknown"):
        read_info(tmp_path, {'scan': '/scan'})
    path = walk(tmp_path / 'bag', storage='sqlite3')
    file = next(path.glob('*.db3'))
    file.write_bytes(file.read_bytes()[:5000])
    with pytest.raises(RecordingError, match='cannot be read as a recording'):
        read_info(path)
