# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from distill_runtime.data.bags.bag import Bag
from distill_runtime.data.info.topic_stats import read_topic
from distill_runtime.errors import RecordingError
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
    write_bag,
    write_bag1,
)

START = 1_700_000_000_000 * MS


def facts_of(path, topic):
    with Bag(path) as bag:
        return read_topic(bag, next(entry for entry in bag.topics if entry.name == topic))


def states(count, late=0, **options):
    return [
        joint_state(
            START + 10 * MS * number, ['a', 'b'], [0.0, number],
            receive_ns=START + 10 * MS * number + late, **options,
        )
        for number in range(count)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ('storage', 'compression'), [('mcap', None), ('sqlite3', None), ('sqlite3', 'message')]
)
def test_times_joints_and_latency_are_the_same_from_every_storage(storage, compression, tmp_path):
    found = facts_of(
        write_bag(tmp_path / 'bag', states(9, late=3 * MS), storage, compression), '/joint_states'
    )
    assert found.received.rate == pytest.approx(100.0)
    assert found.stamp_ns[0] == START
    assert found.latency.median == pytest.approx(0.003, abs=1e-9)
    assert found.latency.is_known
    assert found.joints == (('a', 'b'),)
    assert (len(found.undecodable_ns), found.damage, found.is_known_type) == (0, '', True)


def test_rosbag1_is_read_alike(tmp_path):
    path = write_bag1(tmp_path / 'walk.bag', states(9, late=3 * MS, store=STORE1))
    found = facts_of(path, '/joint_states')
    assert found.latency.median == pytest.approx(0.003, abs=1e-9)
    assert found.joints == (('a', 'b'),)


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


class _Spoilt:
    """Gives a recording with some messages cut short."""

    def __init__(self, bag, places):
        self._bag, self._places = bag, places
        self.is_cdr, self.deserialize = bag.is_cdr, bag.deserialize

    def chunks(self, topic):
        for chunk in self._bag.chunks(topic):
            sizes = chunk.sizes.copy()
            sizes[self._places] = 9
            yield chunk._replace(sizes=sizes)


def test_messages_that_cannot_be_decoded_are_told_with_their_times(tmp_path):
    path = write_bag(tmp_path / 'bag', [*states(6), imu(START + 70 * MS)])
    with Bag(path) as bag:
        topic = next(entry for entry in bag.topics if entry.name == '/joint_states')
        found = read_topic(_Spoilt(bag, [1, 4]), topic)
    np.testing.assert_array_equal(found.undecodable_ns, START + np.array([10, 40]) * MS)
    assert len(found.stamp_ns) == 4
    assert len(found.receive_ns) == 6


class _Torn:
    """Gives a recording that is damaged behind its first messages."""

    def __init__(self, bag):
        self._bag = bag
        self.is_cdr, self.deserialize = bag.is_cdr, bag.deserialize

    def chunks(self, topic):
        yield next(iter(self._bag.chunks(topic))).take(slice(0, 4))
        raise RecordingError('bag is damaged at /joint_states: torn')


def test_what_stands_before_the_damage_counts(tmp_path):
    with Bag(write_bag(tmp_path / 'bag', states(9))) as bag:
        found = read_topic(_Torn(bag), bag.topics[0])
    assert found.damage == 'bag is damaged at /joint_states: torn'
    assert (len(found.receive_ns), found.topic.num_messages) == (4, 9)
