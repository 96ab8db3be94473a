# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import replace

from distill_runtime.data.bags.chunk import make_chunk
from distill_runtime.wire.layouts import FIXED, has_header, JOINT_STATE
from distill_runtime.wire.rows import read_rows
from hypothesis import given
from hypothesis import strategies as st
import numpy as np
from support.bags import imu, joint_state, odometry, pose, STORE, twist

MESSAGES = [
    (lambda t: imu(t, (1, t, 2, 3), (4, 5, t)), lambda t: [1, t, 2, 3, 0, 4, 5, t]),
    (lambda t: odometry(t, (t, 2, 3)), lambda t: [t, 2, 3, 1, 0, 0, 0]),
    (lambda t: twist(t, (t, 2, 3)), lambda t: [t, 2, 3]),
    (lambda t: twist(t, (t, 2, 3), stamp_ns=t), lambda t: [t, 2, 3]),
    (lambda t: pose(t, (t, 2, 3, 4, 5, 6, 7)), lambda t: [t, 2, 3, 4, 5, 6, 7]),
]
"""A message of every fixed layout, and its row."""


def chunk_of(messages, change=lambda content: content):
    contents = [bytes(change(STORE.serialize_cdr(m.message, m.type))) for m in messages]
    return make_chunk([m.receive_ns for m in messages], contents)


def test_fixed_messages_give_their_numbers_and_stamps():
    types = set()
    for make, row in MESSAGES:
        messages = [make(t) for t in range(1, 50)]
        types.add(messages[0].type)
        (group,) = read_rows(chunk_of(messages), messages[0].type)
        assert group.numbers().tolist() == [row(t) for t in range(1, 50)]
        stamps = list(range(1, 50)) if has_header(messages[0].type) else None
        assert stamps == (None if group.stamp_ns is None else group.stamp_ns.tolist())
    assert types == set(FIXED)


def test_frame_ids_of_any_length_are_separate_layouts():
    messages = []
    for number in range(1, 20):
        message = imu(number, (number, 0, 0, 0))
        header = replace(message.message.header, frame_id='x' * (number % 5))
        messages.append(message._replace(message=replace(message.message, header=header)))
    values = np.zeros(len(messages))
    for group in read_rows(chunk_of(messages), messages[0].type):
        values[group.index] = group.numbers()[:, 0]
    assert values.tolist() == list(range(1, 20))


def test_trailing_bytes_and_padding_do_not_matter():
    counts = iter(range(100))
    messages = [joint_state(t, ['a', 'hip'], [t, 2], [3, t], [5, 6]) for t in range(1, 9)]
    chunk = chunk_of(messages, lambda content: bytes(content) + b'\xff' * (next(counts) % 3 * 4))
    rows = np.zeros((8, 2))
    for group in read_rows(chunk, JOINT_STATE):
        assert group.names == ('a', 'hip')
        rows[group.index] = group.numbers()
    assert rows[:, 0].tolist() == list(range(1, 9))


@given(
    st.lists(
        st.tuples(
            st.sampled_from([('a', 'b'), ('b', 'a'), ('b', 'a', 'long_name'), ()]),
            st.booleans(),
            st.booleans(),
        ),
        max_size=30,
    )
)
def test_joint_states_of_any_arrangement_are_read_as_rosbags_does(kinds):
    messages = [
        joint_state(
            1 + index,
            names,
            np.arange(len(names)) + index,
            np.arange(len(names)) - index if has_velocity else (),
            np.arange(len(names)) * index if has_effort else (),
        )
        for index, (names, has_velocity, has_effort) in enumerate(kinds)
    ]
    seen = set()
    for group in read_rows(chunk_of(messages), JOINT_STATE):
        for row, index in enumerate(group.index.tolist()):
            message = messages[index].message
            seen.add(index)
            assert list(group.names) == message.name
            assert group.stamp_ns[row] == 1 + index
            for kind, name in enumerate(('position', 'velocity', 'effort')):
                np.testing.assert_array_equal(group.numbers(kind)[row], getattr(message, name))
    assert seen == set(range(len(messages)))


@given(st.binary(max_size=200), st.integers(0, 200))
def test_garbage_has_no_layout_and_does_not_disturb_other_messages(content, cut):
    good = bytes(STORE.serialize_cdr(imu(1).message, 'sensor_msgs/msg/Imu'))
    chunk = make_chunk([1, 2, 3], [content, good[:cut], good])
    groups = read_rows(chunk, 'sensor_msgs/msg/Imu')
    assert 2 in [index for group in groups for index in group.index.tolist()]
    list(read_rows(make_chunk([1], [content]), JOINT_STATE))
