# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from functools import partial

from distill_runtime.data.bags.bag import Bag
from distill_runtime.data.info.topic_stats import rate_stats, read_topic
import numpy as np
import pytest
from support.bags import (
    imu,
    joint_state,
    MS,
    RecordedMessage,
    STORE,
    STORE1,
    twist,
    undecodable,
    write_bag,
    write_bag1,
)

START = 1_700_000_000_000 * MS


def facts_of(path, topic):
    with Bag(path) as bag:
        return read_topic(bag, next(entry for entry in bag.topics if entry.name == topic))


@pytest.mark.parametrize(
    ('times_ms', 'expected'),
    [
        (
            range(0, 220, 20),
            {'rate': 50.0, 'period': 0.02, 'jitter': 0.0, 'num_gaps': 0, 'first_back_ns': None},
        ),
        (
            [0, 10, 20, 170, 180, 300],
            {'longest_gap': 0.15, 'longest_gap_at_ns': 20 * MS, 'num_gaps': 2},
        ),
        # a jump back is no gap and does not reduce the rate
        (
            [0, 10, 20, 5, 15, 25],
            {'num_back': 1, 'first_back_ns': 5 * MS, 'longest_gap': 0.01, 'rate': 125.0},
        ),
        ([7, 7, 7], {'rate': 0.0}),
    ],
    ids=['even', 'gaps', 'jump back', 'equal'],
)
def test_rate_stats(times_ms, expected):
    found = rate_stats(np.array(times_ms) * MS)
    assert {name: getattr(found, name) for name in expected} == pytest.approx(expected)
    assert rate_stats(np.array(times_ms[:1])) is None


def states(count, late=0, **options):
    return [
        joint_state(
            START + 10 * MS * number, ['a', 'b'], [0.0, number],
            receive_ns=START + 10 * MS * number + late, **options,
        )
        for number in range(count)
    ]  # fmt: skip


@pytest.mark.parametrize(
    'write',
    [
        write_bag,
        partial(write_bag, storage='sqlite3'),
        partial(write_bag, storage='sqlite3', compression='message'),
        lambda path, messages: write_bag1(path.with_suffix('.bag'), messages),
    ],
    ids=['mcap', 'sqlite3', 'sqlite3 compressed', 'rosbag1'],
)
def test_times_joints_and_latency_are_the_same_from_every_storage(write, tmp_path, request):
    store = STORE1 if 'rosbag1' in request.node.name else STORE
    found = facts_of(write(tmp_path / 'bag', states(9, late=3 * MS, store=store)), '/joint_states')
    assert found.received.rate == pytest.approx(100.0)
    assert found.stamp_ns[0] == START
    assert found.latency.median == pytest.approx(0.003, abs=1e-9)
    assert found.latency.is_known
    assert found.joints == (('a', 'b'),)
    assert (len(found.undecodable_ns), found.damage, found.is_known_type) == (0, '', True)


def test_messages_that_cannot_be_decoded_are_reported_with_their_times(tmp_path):
    messages = [*states(6), imu(START + 70 * MS)]
    for index in (1, 4):
        messages[index] = undecodable(messages[index])
    found = facts_of(write_bag(tmp_path / 'bag', messages), '/joint_states')
    np.testing.assert_array_equal(found.undecodable_ns, START + np.array([10, 40]) * MS)
    assert (len(found.stamp_ns), len(found.receive_ns)) == (4, 6)


def test_messages_without_header_have_no_stamps(tmp_path):
    found = facts_of(write_bag(tmp_path / 'bag', [twist(START, (1, 0, 0))]), '/cmd_vel')
    assert (found.stamp_ns, found.stamped, found.latency, found.received) == (None,) * 4


def test_stamps_of_a_simulation_are_of_another_clock(tmp_path):
    said = [imu(10 * MS * number)._replace(receive_ns=START + number) for number in range(3)]
    assert not facts_of(write_bag(tmp_path / 'bag', said), '/imu').latency.is_known


def test_header_of_a_type_that_no_policy_reads_is_read_too(tmp_path):
    kind = 'sensor_msgs/msg/Temperature'
    said = [
        RecordedMessage(
            '/temperature', kind, START + MS,
            STORE.types[kind](header=imu(START).message.header, temperature=20.0, variance=0.0),
        )
    ]  # fmt: skip
    found = facts_of(write_bag(tmp_path / 'bag', said), '/temperature')
    np.testing.assert_array_equal(found.stamp_ns, [START])


def test_both_lists_of_joints_are_told_the_frequent_one_first(tmp_path):
    said = states(5)
    said.insert(2, joint_state(START + 12 * MS, ['c'], [0.0]))
    assert facts_of(write_bag(tmp_path / 'bag', said), '/joint_states').joints == (
        ('a', 'b'),
        ('c',),
    )
