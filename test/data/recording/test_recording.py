# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from distill_runtime.errors import ConfigError, RecordingError
import pytest
from support.bags import float64_array, imu, joint_state, trajectory, twist, write_bag
from support.recordings import read_recording


def test_topics_are_read_where_they_are_recorded(tmp_path):
    messages = [joint_state(1, ['hip', 'knee'], [0.5, 0.6]), float64_array(2, [1, 2])]
    path = write_bag(tmp_path / 'few', messages)
    recording = read_recording(path)
    assert recording.joints.joints == ('hip', 'knee')
    assert (recording.imu, recording.odometry, recording.command) == (None, None, None)
    assert recording.joint_command is None, 'an array has no names'
    recording = read_recording(path, policy_joints=('knee', 'hip'))
    assert recording.joint_command.joints == ('knee', 'hip')

    messages[1:] = [
        imu(1),
        twist(1, (1, 0, 0)),
        joint_state(2, ['knee', 'hip'], [0.7, 0.8], topic='/joint_command'),
    ]
    recording = read_recording(write_bag(tmp_path / 'all', messages))
    assert len(recording.imu.values) == len(recording.command.values) == 1
    assert recording.joint_command.joints == ('knee', 'hip')


def test_commands_that_say_no_positions_are_left_out_unless_named(tmp_path):
    messages = [joint_state(1, ['hip'], [0]), trajectory(2, ['hip'], [])]
    path = write_bag(tmp_path / 'bag', messages)
    assert read_recording(path).joint_command is None
    with pytest.raises(RecordingError, match='/joint_command has no message with joints'):
        read_recording(path, {'joint_command': '/joint_command'})


def test_unknown_name_of_a_topic_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="topic 'joints' is unknown"):
        read_recording(tmp_path, {'joints': '/a'})
