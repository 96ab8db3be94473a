# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from distill_runtime.data.bags.bag import Bag
from distill_runtime.data.recording.commands import (
    command_rows,
    logged_command_rows,
    nearest_rows,
    read_joint_commands,
)
from distill_runtime.data.recording.recording import read_inputs
from distill_runtime.data.recording.tick_log import read_tick_log
from distill_runtime.data.ticks.by_stamp import find_ticks
from distill_runtime.errors import RecordingError
from distill_runtime.spec.compile import compile_spec
import numpy as np
import pytest
from support.bags import float64_array, joint_state, MS, tick, trajectory, write_bag
from support.specs import JOINTS, make_spec

TOPIC = '/joint_command'
PERIOD_NS = 20 * MS


def commands_of(tmp_path, *messages, **changes):
    compiled = compile_spec(make_spec(**changes))
    with Bag(write_bag(tmp_path / 'bag', messages)) as bag:
        topic = next(topic for topic in bag.topics if topic.name == TOPIC)
        return read_joint_commands(bag, topic, compiled.joints)


def test_positions_are_found_by_name(tmp_path):
    names = ['other', *JOINTS[::-1]]
    found = commands_of(tmp_path, joint_state(7, names, [9, 3, 2, 1], topic=TOPIC, receive_ns=8))
    assert (found.kind, found.stamp_ns.tolist(), found.receive_ns.tolist()) == (
        'commands',
        [7],
        [8],
    )
    assert found.values.tolist() == [[1, 2, 3]]


def test_joint_that_is_not_commanded_has_no_number(tmp_path):
    found = commands_of(tmp_path, joint_state(7, JOINTS[:2], [1, 2], topic=TOPIC))
    np.testing.assert_array_equal(found.values, [[1, 2, np.nan]])


def test_joints_of_other_modes_have_theirs(tmp_path):
    message = joint_state(7, JOINTS, [1, 2, 3], [4, 5, 6], [7, 8, 9], topic=TOPIC)
    found = commands_of(tmp_path, message, mode=['position', 'velocity', 'effort'])
    assert found.values.tolist() == [[1, 5, 9]]


def test_efforts_alone_are_those_of_the_pd_law(tmp_path):
    found = commands_of(tmp_path, joint_state(7, JOINTS, [], [], [7, 8, 9], topic=TOPIC))
    assert found.kind == 'efforts'
    assert found.values.tolist() == [[7, 8, 9]]


def test_trajectory_and_array_are_read(tmp_path):
    found = commands_of(tmp_path, trajectory(7, JOINTS[::-1], [[3, 2, 1]]))
    assert found.values.tolist() == [[1, 2, 3]]
    found = commands_of(tmp_path / 'b', float64_array(8, [1, 2, 3]))
    assert (found.values.tolist(), found.stamp_ns) == ([[1, 2, 3]], None)


def test_message_without_the_joints_is_left_out_and_counted(tmp_path):
    messages = [
        joint_state(t, names, [1.0], topic=TOPIC) for t, names in ((1, ['x']), (2, ['hip']))
    ]
    found = commands_of(tmp_path, *messages, joint_state(3, [], [], topic=TOPIC))
    assert (found.stamp_ns.tolist(), found.num_skipped) == ([2], 2)


def test_topic_without_the_joints_is_refused(tmp_path):
    with pytest.raises(RecordingError, match=r'/joint_command .* has no command for the joints'):
        commands_of(tmp_path, joint_state(1, ['x'], [1.0], topic=TOPIC))


def test_logged_tick_has_the_first_command_of_its_stamp(tmp_path):
    compiled = compile_spec(make_spec())
    stamps = [1000, 1020, 1040, 1040]
    messages = [joint_state(t * MS, JOINTS, [t] * 3, topic=TOPIC) for t in stamps]
    messages += [tick(number, (1000 + 20 * number) * MS) for number in range(4)]
    messages.sort(key=lambda message: message.receive_ns)
    with Bag(write_bag(tmp_path / 'bag', messages)) as bag:
        topic = next(topic for topic in bag.topics if topic.name == TOPIC)
        commands, log = read_joint_commands(bag, topic, compiled.joints), read_tick_log(bag)
    assert logged_command_rows(commands, log, PERIOD_NS).tolist() == [0, 1, 2, -1]


def test_tick_that_nobody_logged_has_the_first_command_of_its_period(tmp_path):
    compiled = compile_spec(make_spec())
    messages = [joint_state(t * MS, JOINTS, [0] * 3) for t in (1000, 1020, 1040)]
    messages += [joint_state(t * MS, JOINTS, [t] * 3, topic=TOPIC) for t in (1003, 1019, 1041)]
    messages.sort(key=lambda message: message.receive_ns)
    with Bag(write_bag(tmp_path / 'bag', messages)) as bag:
        topic = next(topic for topic in bag.topics if topic.name == TOPIC)
        commands, recording = (
            read_joint_commands(bag, topic, compiled.joints),
            read_inputs(bag, {}),
        )
    ticks = find_ticks(recording, PERIOD_NS)
    rows = command_rows(commands, ticks, recording.joints.receive_ns, PERIOD_NS)
    assert rows.tolist() == [0, -1, 2]


@pytest.mark.parametrize(
    ('received', 'expected'),
    [
        ([101, 121, 141], [0, 1, 2]),  # one for each
        ([121, 141], [-1, 0, 1]),
        ([101, 141], [0, -1, 1]),
        ([101, 102, 141, 142], [0, -1, 2]),  # the first counts
        ([10, 200], [-1, -1, -1]),
    ],
)
def test_what_has_no_stamp_belongs_to_the_tick_next_to_it(received, expected):
    rows = nearest_rows(np.array(received), np.array([100, 120, 140]), 20)
    assert rows.tolist() == expected


def test_recorder_that_was_late_for_a_moment_exchanges_nothing():
    ticks = 20 * np.arange(100)
    received = ticks[3:] + 1
    received[50:53] = received[53]
    assert nearest_rows(received, ticks, 20).tolist() == [-1, -1, -1, *range(97)]
