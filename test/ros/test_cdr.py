# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from distill_runtime.wire import cdr
from distill_runtime.wire.cdr import DecodeError
from geometry_msgs.msg import PoseStamped, Twist, TwistStamped
from hypothesis import given
from hypothesis import strategies as st
from nav_msgs.msg import Odometry
import numpy as np
import pytest
from rclpy.serialization import serialize_message
from sensor_msgs.msg import Imu
from std_msgs.msg import Float32MultiArray, MultiArrayDimension
from support.serialized import cut_short, outcome, spoilt


def filled(message_type, rng, frame='', child=''):
    """Return a message with random numbers everywhere, and what must be read of it."""
    message = message_type()
    if hasattr(message, 'header'):
        message.header.frame_id = frame
        message.header.stamp.sec, message.header.stamp.nanosec = 12, 345
    if message_type in (Twist, TwistStamped):
        twist = message if message_type is Twist else message.twist
        set_vector(twist.linear, rng)
        set_vector(twist.angular, rng)
        return message, (twist.linear.x, twist.linear.y, twist.angular.z)
    if message_type is Imu:
        set_vector(message.orientation, rng)
        message.orientation.w = rng.normal()
        set_vector(message.angular_velocity, rng)
        set_vector(message.linear_acceleration, rng)
        message.orientation_covariance = rng.normal(size=9)
        message.angular_velocity_covariance = rng.normal(size=9)
        turn, rate = message.orientation, message.angular_velocity
        covariance = message.orientation_covariance[0]
        return message, (turn.x, turn.y, turn.z, turn.w, covariance, rate.x, rate.y, rate.z)
    if message_type is Odometry:
        message.child_frame_id = child
        set_vector(message.pose.pose.position, rng)
        message.pose.covariance = rng.normal(size=36)
        set_vector(message.twist.twist.linear, rng)
        set_vector(message.twist.twist.angular, rng)
        speed = message.twist.twist.linear
        return message, (speed.x, speed.y, speed.z)
    set_vector(message.pose.position, rng)
    set_vector(message.pose.orientation, rng)
    message.pose.orientation.w = rng.normal()
    point, turn = message.pose.position, message.pose.orientation
    return message, (point.x, point.y, point.z, turn.x, turn.y, turn.z, turn.w)


def set_vector(vector, rng):
    vector.x, vector.y, vector.z = rng.normal(size=3).tolist()


FIELDS = {
    Twist: cdr.TWIST,
    TwistStamped: cdr.TWIST_STAMPED,
    Imu: cdr.IMU,
    Odometry: cdr.ODOMETRY_TWIST,
    PoseStamped: cdr.POSE_STAMPED,
}
ALL = pytest.mark.parametrize(
    ('message_type', 'fields'), FIELDS.items(), ids=[t.__name__ for t in FIELDS]
)


@ALL
@pytest.mark.parametrize('length', range(9))
def test_fields_equal_those_of_rclpy_whatever_the_length_of_the_frame_names(
    message_type, fields, length
):
    rng = np.random.default_rng(length)
    for child in range(9):
        message, expected = filled(message_type, rng, 'f' * length, 'ö' * child)
        assert fields.read(serialize_message(message)) == expected


@ALL
def test_trailing_and_padding_bytes_do_not_matter(message_type, fields):
    message, expected = filled(message_type, np.random.default_rng(0), 'fram', 'c')
    data = bytearray(serialize_message(message)) + b'garbage!'
    data[2:4] = b'\xff\xff'
    if message_type is not Twist:
        # header 16, 'fram\0' 5; Odometry has a second string, of which the rest is padding
        assert data[16:21] == b'fram\0'
        data[21:24] = b'\xee\xee\xee'
    assert fields.read(bytes(data)) == expected


@ALL
def test_message_cut_short_at_any_byte_is_refused_or_read_right(message_type, fields):
    message, expected = filled(message_type, np.random.default_rng(0), 'frame', 'child')
    outcomes = [outcome(fields.read, part) for part in cut_short(serialize_message(message))]
    refusals = [str(got) for got in outcomes if got != expected]
    assert len(refusals) > 30
    assert all(text.startswith(('length: ', 'encapsulation: ')) for text in refusals)


@pytest.mark.fuzz
@ALL
def test_damaged_message_gives_floats_or_a_decode_error(message_type, fields):
    message, expected = filled(message_type, np.random.default_rng(0), 'frame', 'child')

    @given(spoilt(message))
    def check(data):
        got = outcome(fields.read, data)
        assert isinstance(got, DecodeError) or len(got) == len(expected)

    check()


@pytest.mark.parametrize('header', [b'\x00\x00\x00\x00', b'\x00\x03\x00\x00', b'\x00\x07\x00\x00'])
def test_other_encapsulations_are_refused(header):
    data = header + serialize_message(Twist())[4:]
    with pytest.raises(DecodeError, match=f'encapsulation: {header.hex()}, expected 0001'):
        cdr.TWIST.read(data)
    with pytest.raises(DecodeError, match='encapsulation'):
        cdr.read_floats(header + serialize_message(Float32MultiArray())[4:])


@pytest.mark.parametrize(('sec', 'nanosec'), [(0, 0), (12, 345), (2**31 - 1, 999_999_999)])
def test_stamp_is_read_in_nanoseconds(sec, nanosec):
    message = Imu()
    message.header.stamp.sec, message.header.stamp.nanosec = sec, nanosec
    assert cdr.read_stamp_ns(serialize_message(message)) == sec * 10**9 + nanosec


@pytest.mark.parametrize(('sec', 'nanosec'), [(-1, 0), (0, 10**9), (0, 2**32 - 1)])
def test_stamp_that_is_no_time_is_refused(sec, nanosec):
    message = Imu()
    message.header.stamp.sec, message.header.stamp.nanosec = sec, nanosec
    with pytest.raises(DecodeError, match=rf'stamp: {sec} s {nanosec} ns, expected a time from 0'):
        cdr.read_stamp_ns(serialize_message(message))


def test_stamp_of_a_message_without_room_for_one_is_refused():
    with pytest.raises(DecodeError, match='length: message of 11 bytes, expected a header'):
        cdr.read_stamp_ns(bytes(11))


def array_message(labels=(), offset=0, values=()):
    message = Float32MultiArray(data=np.array(values, np.float32))
    message.layout.data_offset = offset
    message.layout.dim = [MultiArrayDimension(label=label, size=2, stride=6) for label in labels]
    return message


@given(
    st.lists(
        st.text(st.characters(blacklist_characters='\0', codec='utf-8'), max_size=9), max_size=4
    ),
    st.integers(0, 2**32 - 1),
    st.lists(st.floats(width=32, allow_nan=False), max_size=9),
)
def test_float_array_equals_that_of_rclpy(labels, offset, values):
    data = serialize_message(array_message(labels, offset, values))
    assert cdr.read_floats(data) == tuple(values)
    assert cdr.read_floats(data + b'trailing') == tuple(values)


def test_float_array_cut_short_is_refused_or_read_right():
    values = (1.0, -2.0, 3.5)
    for part in cut_short(serialize_message(array_message(['a', 'height'], 0, values))):
        got = outcome(cdr.read_floats, part)
        assert got == values or str(got).startswith(('length: ', 'encapsulation: '))


@pytest.mark.fuzz
@given(spoilt(array_message(['rows', 'columns'], 0, range(6))))
def test_damaged_float_array_gives_floats_or_a_decode_error(data):
    got = outcome(cdr.read_floats, data)
    assert isinstance(got, DecodeError) or all(isinstance(value, float) for value in got)
