# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from distill_runtime.wire.cdr import DecodeError
from distill_runtime.wire.joint_state import JointStateDecoder
from hypothesis import given
import numpy as np
import pytest
from rclpy.serialization import serialize_message
from sensor_msgs.msg import JointState
from support.serialized import cut_short, outcome, spoilt

WANTED = ('hip', 'knee', 'ankle')


class Decoded:
    """A decoder and the arrays it writes."""

    def __init__(self, needs_velocity=True, wanted=WANTED):
        self.values = np.full(2 * len(wanted), np.nan)
        self.position, self.velocity = np.split(self.values, 2)
        self.decoder = JointStateDecoder(wanted, self.values, needs_velocity)

    def decode(self, message):
        """Decode, and return positions and velocities."""
        data = message if isinstance(message, bytes) else serialize_message(message)
        self.decoder.decode(data)
        return self.position.tolist(), self.velocity.tolist()


def joint_state(names=WANTED, position=None, velocity=None, effort=(), frame=''):
    """Return a JointState with the numbers 1, 2, ... and -1, -2, ... where none are given."""
    count = len(names)
    message = JointState(
        name=list(names),
        position=np.arange(1.0, count + 1) if position is None else position,
        velocity=-np.arange(1.0, count + 1) if velocity is None else velocity,
        effort=effort,
    )
    message.header.frame_id = frame
    return message


def expected(message, wanted=WANTED):
    """Return what rclpy's own object says of the wanted joints."""
    indices = [message.name.index(name) for name in wanted]
    return [message.position[i] for i in indices], [message.velocity[i] for i in indices]


def random_message(rng):
    """Return a JointState of any order, with other joints, frames and efforts."""
    others = [f'{"x" * rng.integers(0, 12)}_{number}' for number in range(rng.integers(0, 6))]
    names = rng.permutation([*WANTED, *others]).tolist()
    return joint_state(
        names,
        rng.normal(size=len(names)),
        rng.normal(size=len(names)),
        rng.normal(size=len(names) * rng.integers(0, 2)),
        'ä' * rng.integers(0, 5) + 'f' * rng.integers(0, 9),
    )


def test_joints_are_found_by_name_in_a_changing_layout():
    rng = np.random.default_rng(0)
    decoded = Decoded()
    messages = [random_message(rng) for _ in range(60)]
    for index in [*range(60), *rng.integers(0, 60, 200)]:
        assert decoded.decode(messages[index]) == expected(messages[index])


@pytest.mark.parametrize('length', range(9))
def test_any_length_of_frame_and_names_is_read(length):
    wanted = ('a' * length + '1', 'b' * length + '22')
    message = joint_state(wanted[::-1], frame='f' * length)
    for _ in range(2):
        assert Decoded(wanted=wanted).decode(message) == ([2.0, 1.0], [-2.0, -1.0])


def test_new_numbers_in_a_known_layout_are_read():
    decoded = Decoded()
    decoded.decode(joint_state())
    assert decoded.decode(joint_state(position=[7.0, 8.0, 9.0]))[0] == [7.0, 8.0, 9.0]


def test_message_that_outgrows_the_buffer_in_a_known_layout_is_read():
    """Bug: efforts that came later made the message larger than the room for it."""
    names = [f'joint_number_{number:02}' for number in range(27)]
    decoded = Decoded(wanted=tuple(names))
    small = joint_state(names)
    large = joint_state(names, effort=np.ones(27))
    assert len(serialize_message(small)) < 1024 + 8 < len(serialize_message(large))
    for message in (small, large, small, large):
        assert decoded.decode(message) == expected(message, names)
    assert decoded.decode(serialize_message(small) + bytes(5000)) == expected(small, names)


def test_garbage_in_padding_and_after_the_message_does_not_matter():
    decoded = Decoded(wanted=('hip', 'toe'))
    message = joint_state(('toe', 'hip'), frame='ab')
    for garbage in range(256):
        data = bytearray(serialize_message(message)) + bytes([garbage]) * 3
        assert data[16:19] == b'ab\0'
        data[19] = data[2] = data[3] = garbage
        assert decoded.decode(bytes(data)) == ([2.0, 1.0], [-2.0, -1.0])


def test_velocities_that_nobody_needs_may_be_absent_now_and_then():
    decoded = Decoded(needs_velocity=False)
    assert decoded.decode(joint_state())[1] == [-1.0, -2.0, -3.0]
    assert decoded.decode(joint_state(velocity=[], position=[4.0, 5.0, 6.0]))[0] == [4.0, 5.0, 6.0]
    assert decoded.decode(joint_state())[0] == [1.0, 2.0, 3.0]


@pytest.mark.parametrize('is_known', [False, True])
@pytest.mark.parametrize(
    ('message', 'reason'),
    [
        (
            joint_state(('hip', 'ankle', 'toe')),
            r"names: \['knee'\] are not in it, which has \['hip', 'ankle', 'toe'\]",
        ),
        (joint_state(()), r"names: \['hip', 'knee', 'ankle'\] are not in it, which has \[\]"),
        (joint_state(position=[]), 'position: 0 values for 3 names'),
        (joint_state(position=[1.0, 2.0]), 'position: 2 values for 3 names'),
        (joint_state(position=[1.0] * 4), 'position: 4 values for 3 names'),
        (joint_state(velocity=[1.0, 2.0]), 'velocity: 2 values for 3 names'),
        (joint_state(velocity=[]), 'velocity: none, expected 3 values: the policy reads joint'),
    ],
)
def test_message_that_lacks_something_is_refused_and_changes_nothing(message, reason, is_known):
    decoded = Decoded()
    if is_known:
        decoded.decode(joint_state())
    before = decoded.position.tobytes(), decoded.velocity.tobytes()
    for _ in range(2):
        with pytest.raises(DecodeError, match=reason):
            decoded.decode(message)
    assert (decoded.position.tobytes(), decoded.velocity.tobytes()) == before
    assert decoded.decode(joint_state())[0] == [1.0, 2.0, 3.0]


@pytest.mark.parametrize('is_known', [False, True])
def test_message_cut_short_at_any_byte_is_refused_or_read_right(is_known):
    message = joint_state(('toe', 'knee', 'ankle', 'hip'), effort=[1.0] * 4, frame='base')
    decoded = Decoded()
    if is_known:
        decoded.decode(message)
    for part in cut_short(serialize_message(message)):
        decoded.position.fill(np.nan)
        got = outcome(decoded.decode, part)
        assert got == expected(message) or np.isnan(decoded.position).all()


@pytest.mark.fuzz
@pytest.mark.parametrize('is_known', [False, True])
def test_damaged_message_is_read_or_refused(is_known):
    message = joint_state(('toe', 'knee', 'ankle', 'hip'), effort=[1.0] * 4, frame='base')
    decoded = Decoded()

    @given(spoilt(message))
    def check(data):
        if is_known:
            decoded.decode(serialize_message(message))
        outcome(decoded.decode, data)
        assert decoded.decode(serialize_message(message)) == expected(message)

    check()
