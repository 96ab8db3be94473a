# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from distill_runtime.data.diagnosis.bag_case import make_case
from distill_runtime.data.diagnosis.order_findings import correlations, follows_another
import numpy as np
from support.specs import JOINTS
from support.walks import joint_stream, recording, spec_of, swinging, times


def found(sent, names=JOINTS):
    commands = joint_stream(sent, names, '/joint_command')
    return list(follows_another(make_case(spec_of(), recording(joint_command=commands))))


def lagging(position, rows=6):
    return np.concatenate([position[rows:], position[-1:].repeat(rows, axis=0)])


def test_joints_that_follow_their_commands_are_no_finding():
    assert found(lagging(swinging())) == []


def test_two_joints_that_follow_each_other_s_command_are_named():
    (finding,) = found(lagging(swinging())[:, [1, 0, 2]])
    assert finding.code == 'bag.joints_swapped'
    assert 'hip follows the command of knee' in finding.message
    assert 'and the other way round; 2 of 3' in finding.message


def test_joint_that_follows_late_is_not_taken_for_the_next_one_of_the_gait():
    t = times()
    gait = np.column_stack(
        [0.2 * np.sin(2 * np.pi * 2.0 * t - leg * np.pi / 2) for leg in range(3)]
    )
    sent = lagging(gait, 20)  # 0.1 s earlier, almost a quarter of the stride
    given = recording(joint_stream(gait), joint_command=joint_stream(sent, JOINTS, '/c'))
    assert list(follows_another(make_case(spec_of(), given))) == []


def test_right_recordings_of_walks_give_no_alarm(shared_data):
    walks = sorted(shared_data.glob('policies/*/golden.npz'))
    assert len(walks) > 4
    for path in walks:
        with np.load(path) as walk:
            position = walk['q'] if 'q' in walk else walk['qpos'][:, 7:]
            target = walk['target']
        if position.shape != target.shape:
            continue
        names = tuple(f'joint_{place}' for place in range(position.shape[1]))
        stamp_ns = np.arange(len(target)) * 20_000_000 + 1
        streams = [
            joint_stream(values, names, topic, stamp_ns=stamp_ns, receive_ns=stamp_ns)
            for values, topic in ((position, '/joint_states'), (target, '/joint_command'))
        ]
        spec = spec_of(joints=list(names), default_position=[0.0] * len(names))
        given = recording(streams[0], joint_command=streams[1])
        assert list(follows_another(make_case(spec, given))) == [], path.parent.name


def test_commands_are_matched_by_name():
    assert found(lagging(swinging())[:, ::-1], JOINTS[::-1]) == []


def test_joint_that_does_not_move_says_nothing():
    sent = lagging(swinging())
    sent[:, 1] = 0.5
    assert found(sent) == []


def test_recording_without_commands_says_nothing():
    assert list(follows_another(make_case(spec_of(), recording()))) == []


def test_correlation_of_a_constant_is_zero():
    columns = np.column_stack([np.arange(5.0), np.ones(5)])
    np.testing.assert_allclose(correlations(columns, columns), [[1, 0], [0, 0]], atol=1e-12)
