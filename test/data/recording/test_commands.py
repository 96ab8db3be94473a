# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from distill_runtime.data.bags.bag import Bag
from distill_runtime.data.recording.commands import (
    command_rows,
    logged_command_rows,
    nearest_rows,
    read_joint_commands,
)
from distill_runtime.data.recording.recording import read_inputs
from distill_runtime.data.recording.tick_log import read_tick_log
from distill_runtime.data.ticks.by_stamp import find_ticks
from distill_runtime.errors import RecordingError
from distill_runtime.spec.compile import compile_spec
import numpy as np
import pytest
from support.bags import float64_array, joint_state, MS, tick, trajectory, write_bag
from support.specs import JOINTS, make_spec

TOPIC = '/joint_command'
PERIOD_NS = 20 * MS


def commands_of(tmp_path, *messages, read=lambda bag: None, **changes):
    """Return the commands of some messages, and what else is read of the recording."""
    compiled = compile_spec(make_spec(**changes))
    messages = sorted(messages, key=lambda message: message.receive_ns)
    with Bag(write_bag(tmp_path / 'bag', messages)) as bag:
        topic = next(topic for topic in bag.topics if topic.name == TOPIC)
        return read_joint_commands(bag, topic, compiled.joints), read(bag)


def state(stamp_ns, names, *numbers, **options):
    return joint_state(stamp_ns, names, *numbers, topic=TOPIC, **options)


@pytest.mark.parametrize(
    ('message', 'kind', 'values'),
    [
        (state(7, ['other', *JOINTS[::-1]], [9, 3, 2, 1]), 'commands', [1, 2, 3]),
        (state(7, JOINTS[:2], [1, 2]), 'commands', [1, 2, np.nan]),
        (state(7, JOINTS, [], [], [7, 8, 9]), 'efforts', [7, 8, 9]),
        (trajectory(7, JOINTS[::-1], [[3, 2, 1]]), 'commands', [1, 2, 3]),
        (float64_array(7, [1, 2, 3]), 'commands', [1, 2, 3]),
    ],
    ids=['by name', 'missing joint', 'efforts of the PD law', 'trajectory', 'array'],
)
def test_commands_are_in_policy_order(message, kind, values, tmp_path):
    found, _ = commands_of(tmp_path, message)
    assert found.kind == kind
    np.testing.assert_array_equal(found.values, [values])
    assert (found.stamp_ns is None) == message.type.endswith('MultiArray')


def test_joints_of_other_modes_have_theirs(tmp_path):
    message = state(7, JOINTS, [1, 2, 3], [4, 5, 6], [7, 8, 9])
    found, _ = commands_of(tmp_path, message, mode=['position', 'velocity', 'effort'])
    assert found.values.tolist() == [[1, 5, 9]]


def test_message_without_the_joints_is_dropped_or_refused(tmp_path):
    other, empty = state(1, ['x'], [1.0]), state(3, [], [])
    found, _ = commands_of(tmp_path, other, state(2, ['hip'], [1.0], receive_ns=2), empty)
    assert (found.stamp_ns.tolist(), found.receive_ns.tolist()) == ([2], [2])
    assert found.num_skipped == 2
    with pytest.raises(RecordingError, match=r'/joint_command .* has no command for the joints'):
        commands_of(tmp_path / 'other', other)


def test_logged_tick_has_the_first_command_of_its_stamp(tmp_path):
    messages = [state(t * MS, JOINTS, [t] * 3) for t in (1000, 1020, 1040, 1040)]
    messages += [tick(number, (1000 + 20 * number) * MS) for number in range(4)]
    commands, log = commands_of(tmp_path, *messages, read=read_tick_log)
    assert logged_command_rows(commands, log, PERIOD_NS).tolist() == [0, 1, 2, -1]


def test_tick_that_nobody_logged_has_the_first_command_of_its_period(tmp_path):
    messages = [joint_state(t * MS, JOINTS, [0] * 3) for t in (1000, 1020, 1040, 1060)]
    for number, command in enumerate((state, lambda t, _, values: float64_array(t, values))):
        sent = [command(t * MS, JOINTS, [t] * 3) for t in (1003, 1019, 1041)]
        commands, recording = commands_of(
            tmp_path / str(number), *messages, *sent, read=lambda bag: read_inputs(bag, {})
        )
        ticks = find_ticks(recording, PERIOD_NS)
        rows = command_rows(commands, ticks, recording.joints.receive_ns, PERIOD_NS)
        assert rows.tolist() == [0, -1, 2, -1]


@pytest.mark.parametrize(
    ('received', 'expected'),
    [
        ([101, 121, 141], [0, 1, 2]),  # one for each
        ([121, 141], [-1, 0, 1]),
        ([101, 141], [0, -1, 1]),
        ([101, 102, 141, 142], [0, -1, 2]),  # the first counts
        ([10, 200], [-1, -1, -1]),
    ],
)
def test_what_has_no_stamp_belongs_to_the_tick_next_to_it(received, expected):
    rows = nearest_rows(np.array(received), np.array([100, 120, 140]), 20)
    assert rows.tolist() == expected


def test_recorder_that_was_late_for_a_moment_exchanges_nothing():
    ticks = 20 * np.arange(100)
    received = ticks[3:] + 1
    received[50:53] = received[53]
    assert nearest_rows(received, ticks, 20).tolist() == [-1, -1, -1, *range(97)]
