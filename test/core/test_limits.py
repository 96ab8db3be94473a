# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import dataclasses
import math

from distill_runtime.core.arrays import locked_floats
from distill_runtime.core.limits import Limiter
from distill_runtime.spec.compile import compile_spec
from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest
from support.specs import make_spec


def joint_plan(lower=(-1.0, -1.0, -1.0), upper=(1.0, 1.0, 1.0), modes=('position',) * 3):
    plan = compile_spec(make_spec()).joints
    return dataclasses.replace(
        plan, lower=locked_floats(lower), upper=locked_floats(upper), modes=tuple(modes)
    )


def limited(limiter, target):
    command = np.full(3, np.nan)
    limiter.limit(np.array(target, float), command)
    return command.tolist()


def test_first_command_is_limited_in_range_alone():
    assert limited(Limiter(joint_plan(), 0.1), [0.9, -5.0, 1.1]) == [0.9, -1.0, 1.0]


def test_step_is_measured_from_the_command_before():
    limiter = Limiter(joint_plan(), 0.25)
    limited(limiter, [0.0, 0.0, 0.5])
    assert limited(limiter, [1.0, -1.0, 0.5]) == [0.25, -0.25, 0.5]
    assert limited(limiter, [1.0, -1.0, 0.375]) == [0.5, -0.5, 0.375]


def test_step_bound_is_inclusive():
    limiter = Limiter(joint_plan(), 0.25)
    limited(limiter, [0.0, 0.0, 0.0])
    assert limited(limiter, [0.25, -0.25, 0.2500001]) == [0.25, -0.25, 0.25]


def test_range_has_the_last_word_over_the_step():
    limiter = Limiter(joint_plan(), 0.25)
    limiter.previous[:] = 3.0
    limiter.has_previous = True
    assert limited(limiter, [3.0, 0.0, -1.0]) == [1.0, 1.0, 1.0]


def test_reset_frees_the_next_step():
    limiter = Limiter(joint_plan(), 0.25)
    limited(limiter, [0.0, 0.0, 0.0])
    limiter.reset()
    assert not limiter.has_previous
    assert limited(limiter, [1.0, -1.0, 0.5]) == [1.0, -1.0, 0.5]


def test_zero_step_turns_the_step_limit_off():
    limiter = Limiter(joint_plan(), 0.0)
    limited(limiter, [-1.0, -1.0, -1.0])
    assert limited(limiter, [1.0, 1.0, 1.0]) == [1.0, 1.0, 1.0]


def test_velocities_and_efforts_may_jump():
    limiter = Limiter(joint_plan(modes=('position', 'velocity', 'effort')), 0.25)
    limited(limiter, [0.0, 0.0, 0.0])
    assert limited(limiter, [1.0, 1.0, -1.0]) == [0.25, 1.0, -1.0]


def test_unlimited_joint_is_left_alone():
    limiter = Limiter(joint_plan(lower=(-math.inf,) * 3, upper=(math.inf,) * 3), 0.0)
    assert limited(limiter, [1e6, -1e6, 0.0]) == [1e6, -1e6, 0.0]


def test_command_may_be_the_target_itself():
    limiter = Limiter(joint_plan(), 0.25)
    values = np.zeros(3)
    limiter.limit(values, values)
    values[:] = [9.0, -9.0, 0.125]
    limiter.limit(values, values)
    assert values.tolist() == [0.25, -0.25, 0.125]


def test_target_is_not_written():
    target = np.array([9.0, 9.0, 9.0])
    Limiter(joint_plan(), 0.25).limit(target, np.zeros(3))
    assert target.tolist() == [9.0, 9.0, 9.0]


def test_target_of_another_width_is_a_programming_error():
    with pytest.raises(ValueError, match='broadcast'):
        Limiter(joint_plan(), 0.25).limit(np.zeros(2), np.zeros(3))


finite = st.floats(-1e6, 1e6)


@pytest.mark.fuzz
@given(
    ranges=st.lists(st.tuples(finite, st.floats(0.001, 1e6)), min_size=3, max_size=3),
    max_step=st.floats(0.001, 10.0),
    targets=st.lists(st.lists(finite, min_size=3, max_size=3), min_size=2, max_size=6),
)
def test_every_command_is_finite_in_range_and_within_a_step(ranges, max_step, targets):
    lower = np.array([low for low, _ in ranges])
    upper = lower + [width for _, width in ranges]
    limiter = Limiter(joint_plan(lower, upper), max_step)
    previous = None
    for target in targets:
        command = np.array(limited(limiter, target))
        assert np.all(np.isfinite(command))
        assert np.all((lower <= command) & (command <= upper))
        if previous is not None:
            assert np.all(np.abs(command - previous) <= max_step + 1e-9)
            reachable = np.clip(target, np.maximum(lower, previous - max_step), upper)
            reachable = np.minimum(reachable, np.minimum(upper, previous + max_step))
            assert command == pytest.approx(reachable, abs=1e-9)
        previous = command
