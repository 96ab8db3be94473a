# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from distill_runtime.core.sensors import NEVER
from distill_runtime.core.velocity_command import CommandGate, CommandRange
from distill_runtime.spec.compile import compile_spec
import numpy as np
from support.rig import COMMAND_TERM, Rig, TICK_NS
from support.specs import make_spec

LIMIT = 500_000_000
NO_ZERO = {'command': {'lower': [0.25, 0, 0], 'upper': [1, 0, 0]}}
RANGE = {'lower': [-0.5, -0.3, -0.2], 'upper': [1.0, 0.3, 0.2]}


def gated(asked, sample_ns, stamp_ns, max_age_ns=LIMIT, term='velocity_command', **spec):
    compiled = compile_spec(make_spec({'term': term}, **spec))
    values = np.array(asked, float)
    reason = CommandGate(compiled, values, max_age_ns).apply(sample_ns, stamp_ns)
    return values.tolist(), reason


def clipped(asked, **spec):
    compiled = compile_spec(make_spec(COMMAND_TERM, **spec))
    values = np.array(asked, float)
    CommandRange(compiled, values).apply()
    return values.tolist()


def seen(asked, age_ns=0, spec=NO_ZERO):
    """Return the command that a policy sees at the first step of a run."""
    rig = Rig(make_spec(COMMAND_TERM, **spec), start_in='policy')
    rig.sensors.velocity_command[:] = asked
    rig.now = 10 * LIMIT
    rig.sensors.command_stamp_ns = rig.now + TICK_NS - age_ns
    step = rig.tick(but={'command'})
    return step.observation.tolist(), step.reason.partition(':')[0]


def test_command_is_clipped_to_the_trained_range():
    assert clipped([2.0, -2.0, 0.1], command=RANGE) == [1.0, -0.3, 0.1]
    assert clipped([-2.0, 2.0, -2.0], command=RANGE) == [-0.5, 0.3, -0.2]


def test_trained_range_is_inclusive():
    for bound in ('lower', 'upper'):
        assert clipped(RANGE[bound], command=RANGE) == RANGE[bound]


def test_command_without_a_trained_range_is_left_alone():
    assert clipped([9.0, -9.0, 9.0]) == [9.0, -9.0, 9.0]
    assert gated([9.0, -9.0, 9.0], 0, 0) == ([9.0, -9.0, 9.0], '')


def test_age_alone_does_not_clip():
    assert gated([2.0, -2.0, 0.1], 0, 0, command=RANGE) == ([2.0, -2.0, 0.1], '')


def test_no_command_yet_is_zero_and_no_reason():
    assert gated([9.0, 9.0, 9.0], NEVER, 10**12) == ([0.0, 0.0, 0.0], '')


def test_age_bound_is_inclusive():
    assert gated([1.0, 0.0, 0.0], 10, 10 + LIMIT) == ([1.0, 0.0, 0.0], '')
    command, reason = gated([1.0, 0.0, 0.0], 10, 11 + LIMIT)
    assert command == [0.0, 0.0, 0.0]
    assert reason == 'cmd_vel.stale: the velocity command is 0.500 s old, counts as zero'


def test_command_from_the_far_future_counts_as_zero():
    assert gated([1.0, 0.0, 0.0], LIMIT, 0) == ([1.0, 0.0, 0.0], '')
    command, reason = gated([1.0, 0.0, 0.0], 4 * LIMIT, 0)
    assert command == [0.0, 0.0, 0.0]
    assert reason.startswith('cmd_vel.ahead: the velocity command is stamped 2.000 s after')


def test_zero_timeout_never_ages():
    assert gated([1.0, 0.0, 0.0], 0, 10**15, max_age_ns=0) == ([1.0, 0.0, 0.0], '')


def test_policy_without_a_command_has_no_command_to_lose():
    command, reason = gated([1.0, 0.0, 0.0], 0, 10**15, term='joint_velocity')
    assert (command, reason) == ([1.0, 0.0, 0.0], '')


def test_command_to_stand_remains_where_standing_was_not_trained():
    assert clipped([0.0, 0.0, 0.0], **NO_ZERO) == [0.0, 0.0, 0.0]
    assert clipped([-0.0, 0.0, -0.0], **NO_ZERO) == [0.0, 0.0, 0.0]
    assert clipped([0.1, 0.0, 0.0], **NO_ZERO) == [0.25, 0.0, 0.0]
    assert clipped([0.0, 0.0, 0.1], **NO_ZERO) == [0.25, 0.0, 0.0]


def test_stale_command_is_zero_even_where_zero_was_not_trained():
    assert gated([0.5, 0.0, 0.0], 0, 2 * LIMIT, **NO_ZERO)[0] == [0.0, 0.0, 0.0]
    assert seen([0.5, 0.0, 0.0], age_ns=2 * LIMIT) == ([0.0, 0.0, 0.0], 'cmd_vel.stale')


def test_policy_sees_commands_within_its_trained_range():
    assert seen([0.5, 0.5, 0.0]) == ([0.5, 0.0, 0.0], '')
    assert seen([0.1, 0.0, 0.0]) == ([0.25, 0.0, 0.0], '')
    assert seen([0.0, 0.0, 0.0]) == ([0.0, 0.0, 0.0], '')
