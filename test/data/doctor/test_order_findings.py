# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from distill_runtime.data.doctor.bag_case import make_case
from distill_runtime.data.doctor.order_findings import correlations, follows_another
import numpy as np
from support.specs import JOINTS
from support.walks import joint_stream, recording, spec_of, swinging


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
