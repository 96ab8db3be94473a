# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from distill_runtime.data.bags.bag import Bag
from distill_runtime.data.recording.tick_log import is_interrupted, is_restart, read_tick_log
from distill_runtime.errors import RecordingError
import pytest
from support.bags import joint_state, MS, tick, write_bag

SHA = 'abcdef0123456789'


def log_of(tmp_path, messages, **options):
    with Bag(write_bag(tmp_path / 'bag', messages)) as bag:
        return read_tick_log(bag, **options)


def test_ticks_are_read_by_their_labels(tmp_path):
    log = log_of(tmp_path, [tick(3, 60 * MS, joint_states_ns=5, mode=2, receive_ns=61 * MS)])
    assert log.node == '/student_node'
    assert (log.tick.tolist(), log.stamp_ns.tolist()) == ([3], [60 * MS])
    assert (log.joint_states_ns.tolist(), log.imu_ns.tolist()) == ([5], [-1])
    assert log.receive_ns.tolist() == [61 * MS]


def test_message_of_another_shape_is_dropped(tmp_path):
    assert log_of(tmp_path / 'none', [joint_state(1, ['hip'], [0.0])]) is None
    other = tick(1, 2, labels=['what'] * 9)
    log = log_of(tmp_path / 'some', [tick(0, 1), other, tick(2, 3)])
    assert (log.tick.tolist(), log.num_skipped) == ([0, 2], 1)
    with pytest.raises(RecordingError, match='/student_node/tick has no message whose elements'):
        log_of(tmp_path / 'all', [other])


NODES = [tick(0, 1, topic='/a/tick'), tick(0, 1, topic='/r/b/tick', model=int(SHA[:15], 16))]


@pytest.mark.parametrize(
    'options', [{'sha256': SHA}, {'node': 'b'}, {'node': '/r/b'}, {'node': 'r/b'}]
)
def test_node_is_found_by_its_model_or_name(options, tmp_path):
    assert log_of(tmp_path, NODES, **options).node == '/r/b'


@pytest.mark.parametrize(
    ('options', 'refusal'),
    [
        ({}, r"\['/a', '/r/b'\], and 2 of them ran another model: name one with --node NAME"),
        ({'sha256': '0' * 15}, r'and 2 of them ran this model'),
        ({'node': 'c'}, r"--node is 'c', expected one of .*\['/a', '/r/b'\]"),
    ],
)
def test_several_nodes_must_be_told_apart(options, refusal, tmp_path):
    same = [NODES[0], tick(0, 1, topic='/r/b/tick')] if 'sha256' in options else NODES
    with pytest.raises(RecordingError, match=refusal):
        log_of(tmp_path, same, **options)


def test_lost_ticks_and_activations_are_told_apart(tmp_path):
    samples = {'joint_states_ns': 5, 'imu_ns': 5}
    messages = [
        tick(7, 1, **samples),
        tick(8, 2, **samples),
        tick(10, 3, **samples),  # 9 was lost
        tick(11, 4, joint_states_ns=5),  # no Imu again
        tick(12, 5, **samples),
        tick(0, 6, **samples),
        tick(5, 7),  # lost again, but the node has no sample yet
    ]
    log = log_of(tmp_path, messages)
    assert is_interrupted(log).tolist() == [True, False, True, False, False, False, False]
    assert is_restart(log).tolist() == [False, False, False, True, False, True, True]
