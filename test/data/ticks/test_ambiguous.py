# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from distill_runtime.data.bags.bag import Bag
from distill_runtime.data.recording.recording import read_inputs
from distill_runtime.data.ticks.ambiguous import ambiguous_samples
from distill_runtime.data.ticks.by_stamp import find_ticks
from distill_runtime.data.ticks.rows import RowSelection
import pytest
from support.bags import imu, joint_state, MS, twist, undecodable, write_bag

PERIOD_NS = 20 * MS


def ambiguous(tmp_path, messages, selection=None):
    messages = sorted(messages, key=lambda message: message.receive_ns)
    with Bag(write_bag(tmp_path / 'bag', messages)) as bag:
        recording = read_inputs(bag, {}, joints=('hip',), selection=selection)
        found = ambiguous_samples(recording, find_ticks(recording, PERIOD_NS))
    return {name: is_hidden.tolist() for name, is_hidden in found.items()}


def states(*times_ms):
    return [joint_state(t * MS, ['hip'], [float(t)]) for t in times_ms]


@pytest.fixture(params=[True, False])
def selection(request):
    """Read all rows, or those of the ticks only: it is the same."""
    return RowSelection(PERIOD_NS, None) if request.param else None


def test_recording_that_is_whole_hides_nothing(tmp_path, selection):
    assert ambiguous(tmp_path, [*states(10, 30), imu(9 * MS)], selection) == {}


def test_sample_is_hidden_by_a_newer_message_that_cannot_be_decoded(tmp_path, selection):
    messages = [*states(10, 30, 50, 70), imu(9 * MS), imu(62 * MS), undecodable(imu(25 * MS))]
    assert ambiguous(tmp_path, messages, selection) == {'imu': [False, True, True, False]}


def test_before_the_first_sample_it_may_be_hidden_too(tmp_path, selection):
    messages = [*states(10, 30), undecodable(imu(5 * MS)), imu(29 * MS)]
    assert ambiguous(tmp_path, messages, selection) == {'imu': [True, False]}


def test_joint_state_may_have_given_the_tick_only_right_in_front_of_it(tmp_path, selection):
    messages = [*states(10, 20, 30, 40, 50), *map(undecodable, states(15, 29))]
    assert ambiguous(tmp_path, messages, selection) == {'joint_states': [False, True, False]}


def test_joint_state_that_lacks_joints_counts_and_one_of_other_joints_does_not(tmp_path):
    messages = [*states(10, 30, 50), joint_state(25 * MS, ['arm'], [1])]
    assert ambiguous(tmp_path / 'a', messages) == {}
    messages += [joint_state(45 * MS, ['hip', 'arm'], [1])]
    assert ambiguous(tmp_path / 'b', messages) == {'joint_states': [False, False, True]}


def test_command_is_hidden_until_the_next_one(tmp_path, selection):
    messages = [*states(10, 30, 50, 70), twist(5 * MS, (1, 0, 0))]
    messages += [undecodable(twist(20 * MS, (1, 0, 0))), twist(60 * MS, (1, 0, 0))]
    assert ambiguous(tmp_path, messages, selection) == {'cmd_vel': [False, True, True, False]}
