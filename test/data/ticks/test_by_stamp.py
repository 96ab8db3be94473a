# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from distill_runtime.data.bags.bag import Bag
from distill_runtime.data.recording.recording import read_inputs
from distill_runtime.data.ticks.by_stamp import ambiguous_samples, find_ticks
from distill_runtime.data.ticks.rows import RowSelection
from distill_runtime.errors import RecordingError
import pytest
from support.bags import imu, joint_state, MS, odometry, twist, undecodable, write_bag
from support.recordings import load_pair, PAIRS, read_recording

PERIOD_NS = 20 * MS


def ticks_of(tmp_path, messages, period_ns=PERIOD_NS):
    return find_ticks(read_recording(write_bag(tmp_path / 'bag', messages)), period_ns)


def states(*times_ms, offset_ms=0.0):
    return [
        joint_state(round(t * MS), ['hip'], [0.0], receive_ns=round((t + offset_ms) * MS))
        for t in times_ms
    ]


@pytest.mark.parametrize(
    ('times_ms', 'expected_ms'),
    [
        ([5, 10, 15, 20, 25, 30, 45], [5, 25, 45]),
        ([5, 24, 43, 62], [5, 24, 43, 62]),  # 19 ms is period - 1 ms: just enough
        ([5, 23.999, 24.1, 60], [5, 24.1, 60]),
        ([5, 100, 110, 120], [5, 100, 120]),
    ],
)
def test_stamps_are_thinned_to_the_period(times_ms, expected_ms, tmp_path):
    ticks = ticks_of(tmp_path, states(*times_ms))
    assert (ticks.stamp_ns / MS).tolist() == expected_ms


def test_joint_state_without_a_stamp_gives_no_tick(tmp_path):
    messages = [joint_state(0, ['hip'], [0], receive_ns=1), *states(5, 30)]
    ticks = ticks_of(tmp_path, messages)
    assert ticks.joints.tolist() == [1, 2]


def test_recording_without_stamps_is_refused(tmp_path):
    with pytest.raises(RecordingError, match=r'no message of /joint_states is stamped'):
        ticks_of(tmp_path, [joint_state(0, ['hip'], [0], receive_ns=1)])


def test_imu_and_odometry_are_the_newest_not_stamped_after(tmp_path):
    messages = [imu(25 * MS), *states(25, 45, 65), imu(45 * MS + 1), imu(64 * MS)]
    messages += [odometry(30 * MS, (0, 0, 0)), odometry(29 * MS, (1, 1, 1))]
    ticks = ticks_of(tmp_path, messages)
    assert ticks.imu.tolist() == [0, 0, 2]
    assert ticks.odometry.tolist() == [-1, 1, 1]  # rows are in order of receipt


def test_twist_counts_by_receipt_in_the_clock_of_the_recorder(tmp_path):
    # the recorder's clock is 1000 ms ahead of the stamps
    messages = [*states(5, 25, 45, offset_ms=1000), twist(1025 * MS, (1, 0, 0))]
    messages += [twist(1045 * MS + 1, (2, 0, 0))]
    ticks = ticks_of(tmp_path, sorted(messages, key=lambda message: message.receive_ns))
    assert ticks.command.tolist() == [-1, 0, 0]


def test_stamped_twist_counts_by_its_stamp(tmp_path):
    messages = [*states(5, 25, 45), twist(90 * MS, (1, 0, 0), stamp_ns=25 * MS)]
    assert ticks_of(tmp_path, messages).command.tolist() == [-1, 0, 0]


@pytest.mark.parametrize('bag', PAIRS)
def test_ticks_of_the_shared_recordings_are_the_expected_ones(bag, shared_data):
    pair = load_pair(bag, shared_data)
    ticks = find_ticks(pair.recording, PERIOD_NS)
    count = len(pair.expected['stamp_ns'])
    assert ticks.stamp_ns[:count].tolist() == pair.expected['stamp_ns'].tolist()
    assert len(ticks.stamp_ns) <= count + 1  # the sample after the last step of the simulation


def command(time_ms):
    return twist(time_ms * MS, (1, 0, 0))


AMBIGUOUS = {
    'nothing is lost': ([*states(10, 30), imu(9 * MS)], {}),
    'an Imu newer than the sample is lost': (
        [*states(10, 30, 50, 70), imu(9 * MS), imu(62 * MS), undecodable(imu(25 * MS))],
        {'imu': [False, True, True, False]},
    ),
    'the first Imu is lost': (
        [*states(10, 30), undecodable(imu(5 * MS)), imu(29 * MS)],
        {'imu': [True, False]},
    ),
    'JointStates are lost, one just before that of a tick': (
        [*states(10, 20, 30, 40, 50), *map(undecodable, states(15, 29))],
        {'joint_states': [False, True, False]},
    ),
    'a JointState is of other joints': (
        [*states(10, 30, 50), joint_state(25 * MS, ['arm'], [1])],
        {},
    ),
    'a JointState lacks a position': (
        [*states(10, 30, 50), joint_state(45 * MS, ['hip', 'arm'], [1])],
        {'joint_states': [False, False, True]},
    ),
    'a command is lost': (
        [*states(10, 30, 50, 70), command(5), undecodable(command(20)), command(60)],
        {'cmd_vel': [False, True, True, False]},
    ),
}


@pytest.mark.parametrize('selection', [RowSelection(PERIOD_NS, None), None], ids=['ticks', 'all'])
@pytest.mark.parametrize(('messages', 'expected'), AMBIGUOUS.values(), ids=AMBIGUOUS)
def test_sample_is_ambiguous_where_a_newer_message_is_lost(
    tmp_path, messages, expected, selection
):
    messages = sorted(messages, key=lambda message: message.receive_ns)
    with Bag(write_bag(tmp_path / 'bag', messages)) as bag:
        recording = read_inputs(bag, {}, joints=('hip',), selection=selection)
        found = ambiguous_samples(recording, find_ticks(recording, PERIOD_NS))
    assert {name: is_hidden.tolist() for name, is_hidden in found.items()} == expected
