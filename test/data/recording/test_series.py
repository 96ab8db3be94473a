# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from distill_runtime.data.bags import mcap_file
from distill_runtime.data.bags.bag import Bag
from distill_runtime.data.bags.dropped import (
    LACKS_JOINTS,
    NOT_FINITE,
    OTHER_JOINTS,
    OTHER_WIDTH,
    UNDECODABLE,
)
from distill_runtime.data.recording.series import (
    read_imu,
    read_joints,
    read_stream,
    read_vectors,
    read_velocity_command,
)
from distill_runtime.errors import RecordingError
import numpy as np
import pytest
from support.bags import (
    float64_array,
    imu,
    joint_state,
    MS,
    multi_array,
    trajectory,
    twist,
    undecodable,
    write_bag,
)


def read(tmp_path, messages, reader, *args):
    with Bag(write_bag(tmp_path / 'bag', messages)) as bag:
        return reader(bag, bag.topics[0], *args)


def test_quaternion_comes_as_w_x_y_z_and_without_one_as_nan(tmp_path):
    messages = [
        imu(7 * MS, (0.1, 0.2, 0.3, 0.4), (1, 2, 3)),
        imu(8 * MS, covariance=-1.0, rate=(4, 5, 6)),
    ]
    stream = read(tmp_path, messages, read_imu)
    assert stream.values[0].tolist() == [0.1, 0.2, 0.3, 0.4, 1, 2, 3]
    assert np.isnan(stream.values[1, :4]).all()
    assert stream.values[1, 4:].tolist() == [4, 5, 6]
    assert stream.stamp_ns.tolist() == [7 * MS, 8 * MS]


def test_command_has_a_stamp_only_if_its_type_has(tmp_path):
    plain = read(tmp_path / 'a', [twist(5 * MS, (1, 2, 3))], read_velocity_command)
    assert plain.values.tolist() == [[1, 2, 3]]
    assert plain.stamp_ns is None
    message = twist(5 * MS, (1, 2, 3), stamp_ns=4 * MS)
    stamped = read(tmp_path / 'b', [message], read_velocity_command)
    assert stamped.stamp_ns.tolist() == [4 * MS]
    assert stamped.receive_ns.tolist() == [5 * MS]


def test_command_that_is_not_finite_is_dropped(tmp_path):
    messages = [twist(1, (1, 2, np.nan)), twist(2, (1, 2, 3))]
    stream = read(tmp_path, messages, read_velocity_command)
    assert stream.values.tolist() == [[1, 2, 3]]
    assert stream.dropped[NOT_FINITE].tolist() == [1]


def test_external_array_is_read_by_its_width(tmp_path):
    messages = [
        multi_array(t, [('a', size)], range(size), '/scan') for t, size in ((1, 3), (2, 2))
    ]
    stream = read(tmp_path, messages, read_stream, 3)
    assert (stream.values.tolist(), stream.stamp_ns) == ([[0, 1, 2]], None)
    assert stream.dropped[OTHER_WIDTH].tolist() == [2]


def test_vectors_are_read_whatever_their_labels(tmp_path):
    topic = '/student_node/observation'
    messages = [
        multi_array(5, [('gravity', 2), ('command', 1)], [1, 2, 3], topic),
        undecodable(multi_array(6, [], [], topic)),
        multi_array(7, [('x', 2)], [0, 0], topic),
    ]
    with Bag(write_bag(tmp_path / 'bag', messages)) as bag:
        found = read_vectors(bag, topic, 3)
        assert read_vectors(bag, topic, 4) is None
        assert read_vectors(bag, '/other', 3) is None
    assert found.receive_ns.tolist() == [5, 6]
    assert found.values[:].dtype == np.float32
    np.testing.assert_array_equal(found.values[:], [[1, 2, 3], [np.nan] * 3])
    assert {reason: times.tolist() for reason, times in found.dropped.items()} == {
        UNDECODABLE: [6],
        OTHER_WIDTH: [7],
    }


def test_joints_are_found_by_name_in_every_message(tmp_path):
    messages = [
        joint_state(10 * MS, ['hip', 'knee'], [1, 2], [3, 4], [5, 6], receive_ns=11 * MS),
        joint_state(20 * MS, ['knee', 'arm', 'hip'], [2.5, 9, 1.5], [4.5, 9, 3.5], [6.5, 9, 5.5]),
    ]
    joints = read(tmp_path, messages, read_joints, ('knee', 'hip'))
    assert joints.position.tolist() == [[2, 1], [2.5, 1.5]]
    assert joints.velocity.tolist() == [[4, 3], [4.5, 3.5]]
    assert joints.effort.tolist() == [[6, 5], [6.5, 5.5]]
    assert joints.stamp_ns.tolist() == [10 * MS, 20 * MS]
    assert joints.receive_ns.tolist() == [11 * MS, 20 * MS]


def test_names_are_those_of_the_largest_message_and_velocities_those_of_all(tmp_path):
    names = ['hip', 'knee']
    messages = [
        joint_state(1, ['gripper'], [0]),
        joint_state(2, names, [1, 2], [3, 4]),
        joint_state(3, names, [5, 6]),
    ]
    joints = read(tmp_path, messages, read_joints)
    assert (joints.joints, joints.num_skipped) == (('hip', 'knee'), 1)
    assert joints.position.tolist() == [[1, 2], [5, 6]]
    assert (joints.velocity, joints.effort) == (None, None)


def test_missing_joint_is_refused_with_the_names_there_are(tmp_path):
    with pytest.raises(RecordingError, match=r"joints \['elbow'\].*names are \['hip'\]"):
        read(tmp_path, [joint_state(1, ['hip'], [0])], read_joints, ('hip', 'elbow'))


def test_commands_come_from_trajectories_and_arrays_too(tmp_path):
    names = ['hip', 'knee']
    points = trajectory(3 * MS, names, [[1, 2], [3, 4]])
    joints = read(tmp_path / 'a', [points, trajectory(4 * MS, names, [])], read_joints)
    assert joints.position.tolist() == [[1, 2]]
    array = float64_array(5 * MS, [1, 2])
    joints = read(
        tmp_path / 'b', [array, float64_array(6 * MS, [1])], read_joints, ('hip', 'knee')
    )
    assert joints.position.tolist() == [[1, 2]]
    assert joints.stamp_ns.tolist() == [5 * MS]


def test_why_messages_are_left_out_is_told(tmp_path):
    messages = [
        joint_state(1, ['hip', 'knee'], [1, 2]),
        undecodable(joint_state(2, ['hip', 'knee'], [1, 2])),
        joint_state(3, ['gripper'], [1]),
        joint_state(4, ['hip'], [1]),
        joint_state(5, ['hip', 'knee'], []),
    ]
    joints = read(tmp_path, messages, read_joints, ('knee', 'hip'))
    assert {reason: times.tolist() for reason, times in joints.dropped.items()} == {
        UNDECODABLE: [2],
        OTHER_JOINTS: [3],
        LACKS_JOINTS: [4, 5],
    }


def test_of_chosen_rows_it_is_known_what_was_in_front_of_them(tmp_path, monkeypatch):
    monkeypatch.setattr(mcap_file, 'CHUNK_SIZE', 3)  # row 4 is the first of its chunk
    messages = [joint_state(t * MS, ['hip'], [t], [t], receive_ns=t * MS + 1) for t in range(1, 6)]
    joints = read(
        tmp_path,
        messages,
        read_joints,
        ('hip',),
        lambda stamp_ns, receive_ns: stamp_ns // MS % 3 == 1,
    )
    assert joints.position.tolist() == joints.velocity.tolist() == [[1], [4]]
    assert [times.tolist() for times in joints.previous] == [[0, 3 * MS], [0, 3 * MS + 1]]


def test_kinds_of_numbers_that_are_not_wanted_are_none(tmp_path):
    messages = [joint_state(t, ['hip'], [1], [2], [3]) for t in (5, 7)]
    joints = read(tmp_path, messages, read_joints, ('hip',), None, ('position', 'velocity'))
    assert (joints.velocity.tolist(), joints.effort) == ([[2], [2]], None)
    assert [times.tolist() for times in joints.previous] == [[0, 5], [0, 5]]
