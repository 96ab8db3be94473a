# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from distill_runtime.data.bags import Bag
from distill_runtime.data.streams import read_command, read_imu, read_joints, read_odometry
from distill_runtime.errors import RecordingError
import numpy as np
import pytest
from support.bags import (
    float64_array,
    imu,
    joint_state,
    MS,
    odometry,
    trajectory,
    twist,
    write_bag,
)


def read(tmp_path, messages, reader, *args):
    with Bag(write_bag(tmp_path / 'bag', messages)) as bag:
        return reader(bag, bag.topics[0], *args)


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


def test_without_names_those_of_the_largest_message_count(tmp_path):
    messages = [joint_state(1, ['gripper'], [0]), joint_state(2, ['hip', 'knee'], [1, 2])]
    joints = read(tmp_path, messages, read_joints)
    assert joints.joints == ('hip', 'knee')
    assert joints.position.tolist() == [[1, 2]]
    assert joints.num_skipped == 1


def test_velocities_that_one_message_lacks_count_as_none(tmp_path):
    messages = [joint_state(1, ['hip'], [0], [1]), joint_state(2, ['hip'], [0])]
    joints = read(tmp_path, messages, read_joints)
    assert joints.velocity is None
    assert joints.effort is None
    assert len(joints.position) == 2


def test_message_with_too_few_positions_is_left_out(tmp_path):
    messages = [joint_state(1, ['hip', 'knee'], [0]), joint_state(2, ['hip', 'knee'], [1, 2])]
    joints = read(tmp_path, messages, read_joints)
    assert joints.position.tolist() == [[1, 2]]


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


def test_odometry_gives_the_velocity_in_the_child_frame(tmp_path):
    stream = read(tmp_path, [odometry(9 * MS, (1, 2, 3))], read_odometry)
    assert stream.values.tolist() == [[1, 2, 3, 1, 0, 0, 0]]


def test_command_has_a_stamp_only_if_its_type_has(tmp_path):
    plain = read(tmp_path / 'a', [twist(5 * MS, (1, 2, 3))], read_command)
    assert plain.values.tolist() == [[1, 2, 3]]
    assert plain.stamp_ns is None
    stamped = read(tmp_path / 'b', [twist(5 * MS, (1, 2, 3), stamp_ns=4 * MS)], read_command)
    assert stamped.stamp_ns.tolist() == [4 * MS]
    assert stamped.receive_ns.tolist() == [5 * MS]


def test_command_that_is_not_finite_is_left_out(tmp_path):
    messages = [twist(1, (1, 2, np.nan)), twist(2, (1, 2, 3))]
    stream = read(tmp_path, messages, read_command)
    assert stream.values.tolist() == [[1, 2, 3]]
    assert stream.num_skipped == 1
