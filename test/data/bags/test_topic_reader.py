# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from distill_runtime.data.bags.bag import Bag
from distill_runtime.data.bags.dropped import (
    LACKS_JOINTS,
    lost_sample_times,
    OTHER_JOINTS,
    UNDECODABLE,
)
from distill_runtime.data.bags.topic_reader import TopicReader
import numpy as np
import pytest
from support.bags import (
    imu,
    joint_state,
    MS,
    multi_array,
    odometry,
    pose,
    STORE1,
    trajectory,
    twist,
    undecodable,
    write_bag,
    write_bag1,
)


def read(path, **options):
    """Return the reader of the only topic, and the rows of its only chunk."""
    with Bag(path) as bag:
        reader = TopicReader(bag, bag.topics[0], **options)
        (rows,) = reader
        # numbers are read from the open file
        numbers = [
            [group.numbers(kind).tolist() for kind in range(len(group.counts))]
            for group in rows.groups
        ]
        return reader, rows, numbers


def test_rows_of_several_layouts_are_in_order_of_receipt(tmp_path):
    messages = [
        joint_state(1, ['a', 'b'], [1, 2], [3, 4]),
        joint_state(2, ['a'], [5]),
        undecodable(joint_state(3, [], [])),
        joint_state(4, ['a', 'b'], [6, 7], [8, 9], receive_ns=5),
        joint_state(6, ['c'], [0]),
    ]

    def select(group):
        return OTHER_JOINTS if group.names == ('c',) else group

    path = write_bag(tmp_path / 'bag', messages)
    reader, rows, numbers = read(path, select=select)
    assert sorted(zip((group.names for group in rows.groups), numbers, strict=True)) == [
        (('a',), [[[5]], [[]], [[]]]),
        (('a', 'b'), [[[1, 2], [6, 7]], [[3, 4], [8, 9]], [[], []]]),
    ]
    assert (reader.stamp_ns.tolist(), reader.receive_ns.tolist()) == ([1, 2, 4], [1, 2, 5])
    assert reader.num_usable == 3
    dropped = {reason: times.tolist() for reason, times in reader.dropped.items()}
    assert dropped == {UNDECODABLE: [3], OTHER_JOINTS: [6]}


def test_only_wanted_rows_have_numbers(tmp_path):
    messages = [joint_state(t, ['a'] * n, [t] * n, [9] * (n == 2)) for t, n in ((1, 2), (2, 1))]
    with Bag(write_bag(tmp_path / 'bag', messages)) as bag:
        for wanted in ([1, 2], [2], [1]):
            reader = TopicReader(bag, bag.topics[0], choose=lambda t, _, w=wanted: np.isin(t, w))
            (rows,) = reader
            assert rows.gather(1, lambda g, chosen: g.numbers(0, chosen)[:, :1]).tolist() == [
                [t] for t in wanted
            ]
            assert (rows.lacks(0), rows.lacks(1), rows.lacks(2)) == (False, 2 in wanted, True)
            assert reader.stamp_ns.tolist() == wanted
            assert reader.num_usable == 2


TRAJECTORY = trajectory(7, ['a', 'b'], [[1, 2], [3, 4]])
FLOATS = multi_array(7, [('a', 1), ('b', 2)], [1, 2, 3], '/x')
INTEGERS = multi_array(7, [('a', 1), ('b', 2)], [1, 2, 3], '/x', 'Int64MultiArray')


@pytest.mark.parametrize(
    ('message', 'stamp_ns', 'names', 'numbers'),
    [
        (imu(7, (1, 2, 3, 4), (5, 6, 7)), 7, (), [[1, 2, 3, 4, 0, 5, 6, 7]]),
        (odometry(7, (1, 2, 3)), 7, (), [[1, 2, 3, 1, 0, 0, 0]]),
        (twist(9, (1, 2, 3)), 9, (), [[1, 2, 3]]),
        (twist(9, (1, 2, 3), stamp_ns=7), 7, (), [[1, 2, 3]]),
        (pose(7, range(1, 8)), 7, (), [[1, 2, 3, 4, 5, 6, 7]]),
        (TRAJECTORY, 7, ('a', 'b'), [[1, 2], [], []]),
        (FLOATS, 7, ('a', 'b'), [[1, 2, 3]]),
        (INTEGERS, 7, ('a', 'b'), [[1, 2, 3]]),
    ],
    ids=['imu', 'odometry', 'twist', 'stamped', 'pose', 'trajectory', 'float32', 'int64'],
)
def test_numbers_names_and_stamp_of_each_type(message, stamp_ns, names, numbers, tmp_path):
    path = write_bag(tmp_path / 'bag', [message, undecodable(message)])
    reader, rows, found = read(path)
    ((kinds,), (group,)) = found, rows.groups
    assert (group.names, [values[0] for values in kinds]) == (names, numbers)
    assert reader.stamp_ns.tolist() == [stamp_ns]
    assert len(reader.dropped[UNDECODABLE]) == 1


def test_messages_of_rosbag1_are_read_one_by_one(tmp_path):
    messages = [imu(t * MS, (1, 2, 3, 4), (5, 6, t), store=STORE1) for t in (7, 8)]
    path = write_bag1(tmp_path / 'old.bag', messages)
    with Bag(path) as bag:
        assert bag.topics == (('/imu', 'sensor_msgs/msg/Imu', 2),)
    reader, rows, _ = read(path)
    assert len(rows.groups) == 2
    assert rows.gather(8)[:, 7].tolist() == [7, 8]
    assert reader.stamp_ns.tolist() == [7 * MS, 8 * MS]


def test_message_of_other_joints_is_no_lost_sample():
    found = {UNDECODABLE: np.array([3]), OTHER_JOINTS: np.array([1]), LACKS_JOINTS: np.array([2])}
    assert lost_sample_times(found).tolist() == [2, 3]
    assert lost_sample_times({}).tolist() == []
