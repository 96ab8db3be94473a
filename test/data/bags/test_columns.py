# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from distill_runtime.data.bags.bag import Bag
from distill_runtime.data.bags.columns import read_columns
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


def columns_of(path):
    """Return columns by layout group, and the index of the undecodable messages."""
    with Bag(path) as bag:
        (chunk,) = bag.chunks(bag.topics[0])
        groups, undecodable = read_columns(bag, bag.topics[0], chunk)
        found = [
            (
                group.index.tolist(),
                None if group.stamp_ns is None else group.stamp_ns.tolist(),
                group.names,
                [group.numbers(kind).tolist() for kind in range(len(group.counts))],
            )
            for group in groups
        ]
        return found, undecodable.tolist()


def test_joint_states_are_grouped_by_layout(tmp_path):
    messages = [joint_state(t, ['a', 'b'], [t, 2], [3, t]) for t in (1, 2)]
    messages += [undecodable(joint_state(3, [], [])), joint_state(4, ['a'], [5])]
    groups, broken = columns_of(write_bag(tmp_path / 'bag', messages))
    assert sorted(groups) == [
        ([0, 1], [1, 2], ('a', 'b'), [[[1, 2], [2, 2]], [[3, 1], [3, 2]], [[], []]]),
        ([3], [4], ('a',), [[[5]], [[]], [[]]]),
    ]
    assert broken == [2]


def test_trajectory_gives_its_first_point(tmp_path):
    path = write_bag(tmp_path / 'bag', [trajectory(5 * MS, ['a', 'b'], [[1, 2], [3, 4]])])
    assert columns_of(path)[0] == [([0], [5 * MS], ('a', 'b'), [[[1, 2]], [[]], [[]]])]


@pytest.mark.parametrize('kind', ['Float32MultiArray', 'Int64MultiArray'])
def test_arrays_are_named_by_their_labels(kind, tmp_path):
    messages = [multi_array(t, [('a', 1), ('b', 2)], [t, 2, 3], '/x', kind) for t in (1, 2)]
    broken = undecodable(multi_array(3, [], [], '/x', kind))
    path = write_bag(tmp_path / 'bag', [*messages, broken])
    assert columns_of(path) == (
        [([0, 1], None, ('a', 'b'), [[[1, 2, 3], [2, 2, 3]]])],
        [2],
    )


@pytest.mark.parametrize(
    ('message', 'stamp_ns', 'numbers'),
    [
        (imu(7, (1, 2, 3, 4), (5, 6, 7)), 7, [1, 2, 3, 4, 0, 5, 6, 7]),
        (odometry(7, (1, 2, 3)), 7, [1, 2, 3, 1, 0, 0, 0]),
        (twist(7, (1, 2, 3)), None, [1, 2, 3]),
        (twist(9, (1, 2, 3), stamp_ns=7), 7, [1, 2, 3]),
        (pose(7, range(1, 8)), 7, [1, 2, 3, 4, 5, 6, 7]),
    ],
)
def test_message_of_a_fixed_layout_gives_its_numbers(message, stamp_ns, numbers, tmp_path):
    path = write_bag(tmp_path / 'bag', [message])
    stamps = None if stamp_ns is None else [stamp_ns]
    assert columns_of(path)[0] == [([0], stamps, (), [[numbers]])]


def test_messages_of_rosbag1_are_read_one_by_one(tmp_path):
    messages = [imu(t, (1, 2, 3, 4), (5, 6, t), store=STORE1) for t in (7, 8)]
    assert columns_of(write_bag1(tmp_path / 'old.bag', messages))[0] == [
        ([index], [t], (), [[[1, 2, 3, 4, 0, 5, 6, t]]]) for index, t in enumerate((7, 8))
    ]
