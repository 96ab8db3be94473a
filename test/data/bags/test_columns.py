# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from distill_runtime.data.bags.bag import Bag
from distill_runtime.data.bags.columns import array_parts, fixed_parts, has_header, joint_parts
import pytest
from support.bags import (
    float64_array,
    imu,
    joint_state,
    labelled_array,
    MS,
    odometry,
    pose,
    STORE1,
    trajectory,
    twist,
    undecodable,
    write_bag,
    write_bag1,
)


def parts_of(path, read):
    """Return what is alike, the places of what is undecodable, and whether there is a header."""
    with Bag(path) as bag:
        (chunk,) = bag.chunks(bag.topics[0])
        found = read(bag, bag.topics[0], chunk)
        alike = [
            (
                part.places.tolist(),
                None if part.stamp_ns is None else part.stamp_ns.tolist(),
                part.names,
                [part.numbers(kind).tolist() for kind in range(len(part.counts))],
            )
            for part in found.alike
        ]
        return alike, found.undecodable.tolist(), has_header(bag.topics[0])


def test_joint_states_that_are_alike_come_at_once(tmp_path):
    messages = [joint_state(t, ['a', 'b'], [t, 2], [3, t]) for t in (1, 2)]
    messages += [undecodable(joint_state(3, [], [])), joint_state(4, ['a'], [5])]
    alike, broken, is_stamped = parts_of(write_bag(tmp_path / 'bag', messages), joint_parts)
    assert sorted(alike) == [
        ([0, 1], [1, 2], ('a', 'b'), [[[1, 2], [2, 2]], [[3, 1], [3, 2]], [[], []]]),
        ([3], [4], ('a',), [[[5]], [[]], [[]]]),
    ]
    assert (broken, is_stamped) == ([2], True)


def test_of_a_trajectory_the_first_point_counts(tmp_path):
    path = write_bag(tmp_path / 'bag', [trajectory(5 * MS, ['a', 'b'], [[1, 2], [3, 4]])])
    assert parts_of(path, joint_parts)[0] == [([0], [5 * MS], ('a', 'b'), [[[1, 2]], [[]], [[]]])]


def test_numbers_of_an_array_are_positions(tmp_path):
    path = write_bag(tmp_path / 'bag', [float64_array(5, [1, 2])])
    ((places, stamp_ns, _, kinds),), _, is_stamped = parts_of(path, joint_parts)
    assert (places, stamp_ns, kinds, is_stamped) == ([0], None, [[[1, 2]], [[]], [[]]], False)


@pytest.mark.parametrize('kind', ['Float32MultiArray', 'Int64MultiArray'])
def test_arrays_are_named_by_their_labels(kind, tmp_path):
    messages = [labelled_array(t, [('a', 1), ('b', 2)], [t, 2, 3], '/x', kind) for t in (1, 2)]
    broken = undecodable(labelled_array(3, [], [], '/x', kind))
    path = write_bag(tmp_path / 'bag', [*messages, broken])
    assert parts_of(path, array_parts)[:2] == (
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
def test_messages_of_fixed_form_give_their_numbers(message, stamp_ns, numbers, tmp_path):
    path = write_bag(tmp_path / 'bag', [message])
    stamps = None if stamp_ns is None else [stamp_ns]
    assert parts_of(path, fixed_parts)[0] == [([0], stamps, (), [[numbers]])]


def test_messages_of_rosbag1_are_read_one_by_one(tmp_path):
    messages = [imu(t, (1, 2, 3, 4), (5, 6, t), store=STORE1) for t in (7, 8)]
    alike, _, _ = parts_of(write_bag1(tmp_path / 'old.bag', messages), fixed_parts)
    assert alike == [
        ([place], [t], (), [[[1, 2, 3, 4, 0, 5, 6, t]]]) for place, t in enumerate((7, 8))
    ]
