# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from distill_runtime.data.bags.bag import Bag
from distill_runtime.data.recording.recording import read_inputs
from distill_runtime.data.recording.tick_log import read_tick_log
from distill_runtime.data.ticks.exact import find_exact_ticks
import pytest
from support.bags import imu, joint_state, MS, odometry, tick, twist, undecodable, write_bag

PERIOD_NS = 20 * MS


def found(tmp_path, messages, **options):
    messages = sorted(messages, key=lambda message: message.receive_ns)
    with Bag(write_bag(tmp_path / 'bag', messages)) as bag:
        return find_exact_ticks(read_inputs(bag, {}), read_tick_log(bag), PERIOD_NS, **options)


def states(*times_ms):
    return [joint_state(t * MS, ['hip'], [float(t)]) for t in times_ms]


def ticks(**names):
    """Return ticks every 20 ms from 1000 ms; of each input the samples in ms, None for none."""
    messages = []
    for number in range(len(next(iter(names.values())))):
        samples = {
            name: -1 if values[number] is None else values[number] * MS
            for name, values in names.items()
        }
        samples.setdefault('joint_states_ns', 5 * MS)
        messages.append(tick(number, (1000 + 20 * number) * MS, **samples))
    return messages


def test_samples_with_a_header_are_found_by_their_stamp(tmp_path):
    messages = [*states(5, 10, 15), imu(7 * MS), imu(9 * MS), odometry(8 * MS, (0, 0, 0))]
    messages += ticks(joint_states_ns=[5, 15], imu_ns=[None, 9], odom_ns=[8, 8])
    exact = found(tmp_path, messages)
    assert exact.lacks == {}
    assert exact.ticks.stamp_ns.tolist() == [1000 * MS, 1020 * MS]
    assert exact.ticks.joints.tolist() == [0, 2]
    assert exact.ticks.imu.tolist() == [-1, 1]
    assert exact.ticks.odometry.tolist() == [0, 0]
    assert exact.ticks.stamps.joints.tolist() == [5 * MS, 15 * MS]
    assert exact.ticks.stamps.imu.tolist() == [-1, 9 * MS]


def test_sample_that_was_not_recorded_is_told_and_not_replaced(tmp_path):
    messages = [*states(5, 15), *ticks(joint_states_ns=[5, 10, 15], imu_ns=[None, 3, None])]
    messages += [imu(9 * MS)]
    exact = found(tmp_path, messages)
    assert {name: lacks.tolist() for name, lacks in exact.lacks.items()} == {
        'joint_states': [False, True, False],
        'imu': [False, True, False],
    }
    assert exact.ticks.joints.tolist() == [0, -1, 1]


def test_age_can_count_from_the_tick_that_took_a_sample(tmp_path):
    messages = [*states(5, 10), *ticks(joint_states_ns=[5, 5, 10])]
    exact = found(tmp_path, messages, uses_arrival=True)
    assert (exact.ticks.stamps.joints / MS).tolist() == [1000, 1000, 1040]


@pytest.mark.parametrize(
    ('sent', 'received', 'expected'),
    [
        ([103, 158, 163, 217], [105, 111, 165, 166, 171, 219], [0, 2, 3, 5]),
        ([103, 103, 123, 143], [104, 124, 144], [0, 0, 1, 2]),
        ([103, 123, 143], [104, 144], [0, -1, 1]),  # one is lost
        ([103, 123, 143], [150, 151, 152], [0, 1, 2]),  # the recorder slept
        ([None, 103, 2500], [104], [-1, 0, -1]),
        ([103], [2100], [-1]),  # long after its tick it is another one
    ],
)
def test_twist_is_found_by_the_moment_it_was_sent(sent, received, expected, tmp_path):
    messages = [*states(5), *ticks(cmd_vel_ns=sent)]
    messages += [twist(t * MS, (t, 0, 0)) for t in received]
    exact = found(tmp_path, messages)
    assert exact.ticks.command.tolist() == expected
    lacks = [row == -1 and s is not None for row, s in zip(expected, sent, strict=True)]
    assert list(exact.lacks.get('cmd_vel', [False] * len(sent))) == lacks


def test_twist_counts_from_the_tick_that_took_it(tmp_path):
    messages = [*states(5), *ticks(cmd_vel_ns=[None, 1019, 1019, 1050])]
    messages += [twist(t * MS, (1, 0, 0)) for t in (1020, 1051)]
    exact = found(tmp_path, messages)
    assert [t // MS for t in exact.ticks.stamps.command.tolist()] == [-1, 1020, 1020, 1060]


def test_command_of_before_the_recording_was_taken_by_the_first_tick_after_it_was_sent(tmp_path):
    messages = [*states(5), twist(955 * MS, (1, 0, 0))]
    messages += [tick(50, 1000 * MS, joint_states_ns=5 * MS, cmd_vel_ns=955 * MS)]
    assert found(tmp_path, messages).ticks.stamps.command.tolist() == [960 * MS]


def test_stamped_twist_is_found_by_its_stamp(tmp_path):
    messages = [*states(5), *ticks(cmd_vel_ns=[7, 7])]
    messages += [twist(900 * MS, (1, 0, 0), stamp_ns=7 * MS)]
    exact = found(tmp_path, messages)
    assert exact.ticks.command.tolist() == [0, 0]
    assert exact.ticks.stamps.command.tolist() == [7 * MS, 7 * MS]


def test_twist_that_no_tick_used_is_given_by_the_rule(tmp_path):
    messages = [*states(5), *ticks(cmd_vel_ns=[None, None]), twist(1001 * MS, (1, 0, 0))]
    assert found(tmp_path, messages).ticks.command.tolist() == [-1, 0]


def test_twist_that_cannot_be_decoded_is_missing_and_not_the_next_one(tmp_path):
    messages = [*states(5), *ticks(cmd_vel_ns=[103, 143])]
    messages += [undecodable(twist(104 * MS, (1, 0, 0)))]
    messages += [twist(t * MS, (t, 0, 0)) for t in (124, 144)]
    exact = found(tmp_path, messages)
    assert exact.ticks.command.tolist() == [-1, 1]
    assert exact.lacks['cmd_vel'].tolist() == [True, False]


def test_of_equal_stamps_the_one_received_before_the_tick_counts(tmp_path):
    # a simulation that started over
    again = [joint_state(5 * MS, ['hip'], [9.0], receive_ns=9000 * MS)]
    messages = [*states(5), *again, *ticks(joint_states_ns=[5, 5])]
    messages += [tick(2, 9500 * MS, joint_states_ns=5 * MS)]
    assert found(tmp_path, messages).ticks.joints.tolist() == [0, 0, 1]


def test_input_that_the_node_did_not_have_is_the_newest_one(tmp_path):
    messages = [*states(5), *ticks(joint_states_ns=[5, 5]), imu(7 * MS), imu(1001 * MS)]
    exact = found(tmp_path, messages)
    assert exact.ticks.imu.tolist() == [0, 1]
    assert exact.ticks.stamps.imu.tolist() == [7 * MS, 1001 * MS]
