# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from types import SimpleNamespace

from distill_runtime.distill.behavior import BehaviorPolicy, lead
from distill_runtime.errors import ShapeError
import numpy as np
import pytest


def constant_policy(value, width=2):
    policy = SimpleNamespace(
        observation=np.zeros(1, np.float32),
        inputs=(),
        action=np.zeros(width, np.float32),
        resets=0,
    )

    def run():
        policy.action[:] = value

    def reset():
        policy.resets += 1

    policy.run, policy.reset = run, reset
    return policy


def test_policy_leads_until_told_otherwise():
    policy = BehaviorPolicy(constant_policy(3.0))
    policy.run()
    np.testing.assert_array_equal(policy.action, [3.0, 3.0])


def test_follower_is_told_the_leaders_action_and_keeps_its_own():
    teacher, student = BehaviorPolicy(constant_policy(1.0)), BehaviorPolicy(constant_policy(2.0))
    lead(teacher, student)
    teacher.run()
    student.run()
    np.testing.assert_array_equal(student.action, [1.0, 1.0])
    np.testing.assert_array_equal(student.own, [2.0, 2.0])
    lead(student, teacher)
    student.run()
    teacher.run()
    np.testing.assert_array_equal(teacher.action, [2.0, 2.0])
    np.testing.assert_array_equal(teacher.own, [1.0, 1.0])


def test_reset_reaches_the_wrapped_policy():
    policy = constant_policy(1.0)
    BehaviorPolicy(policy).reset()
    assert policy.resets == 1


def test_actions_of_different_widths_are_refused():
    with pytest.raises(ShapeError, match=r'shape \(3,\), expected that of the leader, \(2,\)'):
        lead(BehaviorPolicy(constant_policy(1.0)), BehaviorPolicy(constant_policy(1.0, 3)))
