# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from types import SimpleNamespace

from distill_runtime.distill.sim_rollout import BehaviorPolicy, set_active
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


def test_policy_is_active_by_default():
    policy = BehaviorPolicy(constant_policy(3.0))
    policy.run()
    np.testing.assert_array_equal(policy.action, [3.0, 3.0])


def test_passive_policy_gets_the_active_action_and_keeps_its_output():
    teacher, student = BehaviorPolicy(constant_policy(1.0)), BehaviorPolicy(constant_policy(2.0))
    set_active(teacher, student)
    teacher.run()
    student.run()
    np.testing.assert_array_equal(student.action, [1.0, 1.0])
    np.testing.assert_array_equal(student.output, [2.0, 2.0])
    set_active(student, teacher)
    student.run()
    teacher.run()
    np.testing.assert_array_equal(teacher.action, [2.0, 2.0])
    np.testing.assert_array_equal(teacher.output, [1.0, 1.0])


def test_reset_reaches_the_wrapped_policy():
    policy = constant_policy(1.0)
    BehaviorPolicy(policy).reset()
    assert policy.resets == 1


def test_actions_of_different_widths_are_refused():
    active, passive = (BehaviorPolicy(constant_policy(1.0, width)) for width in (2, 3))
    with pytest.raises(ShapeError, match=r'shape \(3,\), expected that of the active one, \(2,\)'):
        set_active(active, passive)
