# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Many messages at once against rosbags, message by message."""

from __future__ import annotations

from dataclasses import replace

from distill_runtime.data.bags.chunk import joined
from distill_runtime.data.bags.rows import (
    fixed_rows,
    IMU,
    joint_state_rows,
    ODOMETRY,
    TWIST,
    TWIST_STAMPED,
)
from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest
from support.bags import imu, joint_state, odometry, STORE, twist

FORMS = {
    'imu': (IMU, lambda t: imu(t, (1, t, 2, 3), (4, 5, t))),
    'odom': (ODOMETRY, lambda t: odometry(t, (t, 2, 3))),
    'twist': (TWIST, lambda t: twist(t, (t, 2, 3))),
    'stamped': (TWIST_STAMPED, lambda t: twist(t, (t, 2, 3), stamp_ns=t)),
}
EXPECTED = {
    'imu': lambda t: [1, t, 2, 3, 0, 4, 5, t],
    'odom': lambda t: [t, 2, 3, 1, 0, 0, 0],
    'twist': lambda t: [t, 2, 3],
    'stamped': lambda t: [t, 2, 3],
}


def chunk_of(messages, spoil=lambda content: content):
    contents = [bytes(spoil(STORE.serialize_cdr(m.message, m.type))) for m in messages]
    return joined([m.receive_ns for m in messages], contents)


@pytest.mark.parametrize('name', FORMS)
def test_fixed_messages_give_their_numbers_and_stamps(name):
    form, make = FORMS[name]
    found = list(fixed_rows(chunk_of([make(t) for t in range(1, 50)]), form))
    (alike,) = found
    assert alike.numbers().tolist() == [EXPECTED[name](t) for t in range(1, 50)]
    if form.strings:
        assert alike.stamp_ns.tolist() == list(range(1, 50))


def test_frames_of_any_length_are_told_apart():
    messages = [imu(t, (t, 0, 0, 0)) for t in range(1, 20)]
    named = []
    for number, said in enumerate(messages):
        header = replace(said.message.header, frame_id='x' * (number % 5))
        named.append(said._replace(message=replace(said.message, header=header)))
    values = np.zeros(len(named))
    for alike in fixed_rows(chunk_of(named), IMU):
        values[alike.places] = alike.numbers()[:, 0]
    assert values.tolist() == list(range(1, 20))


def test_trailing_bytes_and_padding_do_not_matter():
    counts = iter(range(100))
    messages = [joint_state(t, ['a', 'hip'], [t, 2], [3, t], [5, 6]) for t in range(1, 9)]
    chunk = chunk_of(messages, lambda content: bytes(content) + b'\xff' * (next(counts) % 3 * 4))
    rows = np.zeros((8, 2))
    for alike in joint_state_rows(chunk):
        assert alike.names == ('a', 'hip')
        rows[alike.places] = alike.numbers()
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
            1 + place,
            names,
            np.arange(len(names)) + place,
            np.arange(len(names)) - place if has_velocity else (),
            np.arange(len(names)) * place if has_effort else (),
        )
        for place, (names, has_velocity, has_effort) in enumerate(kinds)
    ]
    seen = set()
    for alike in joint_state_rows(chunk_of(messages)):
        for row, place in enumerate(alike.places.tolist()):
            message = messages[place].message
            seen.add(place)
            assert list(alike.names) == message.name
            assert alike.stamp_ns[row] == 1 + place
            for kind, name in enumerate(('position', 'velocity', 'effort')):
                np.testing.assert_array_equal(alike.numbers(kind)[row], getattr(message, name))
    assert seen == set(range(len(messages)))


@given(st.binary(max_size=200), st.integers(0, 200))
def test_garbage_is_left_to_others(content, cut):
    good = bytes(STORE.serialize_cdr(imu(1).message, 'sensor_msgs/msg/Imu'))
    chunk = joined([1, 2, 3], [content, good[:cut], good])
    places = [place for alike in fixed_rows(chunk, IMU) for place in alike.places.tolist()]
    assert 2 in places
    list(joint_state_rows(joined([1], [content])))
