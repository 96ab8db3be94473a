# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import replace
import math

from distill_runtime.core.checks.registry import (
    ANY_MOTION,
    CheckConfig,
    CHECKS,
    checks_without,
    Debounce,
    DEFAULT_CHECKS,
    Finding,
)
from distill_runtime.errors import ConfigError
import pytest

MS = 1_000_000
TILT = Finding('tilt', 'tilt.limit: far')
AGE = Finding('input_age', 'imu.stale: old')
ESTOP = Finding('estop', 'estop.topic: true')


def debounce_with(fault_action='hold', **checks):
    """Return a debounce of the default checks, with some changed."""
    configs = {name: replace(CHECKS[name].default, **changes) for name, changes in checks.items()}
    return Debounce({**DEFAULT_CHECKS, **configs}, fault_action)


@pytest.mark.parametrize(
    ('values', 'message'),
    [
        ({'action': 'sleep'}, r"^action is 'sleep', expected one of \['', 'hold', .*'ignore'\]$"),
        ({'limit': -0.1}, r'^limit is -0.1, expected at least 0 and finite$'),
        ({'limit': math.nan}, r'^limit is nan, expected at least 0 and finite$'),
        ({'debounce': math.inf}, r'^debounce is inf, expected at least 0 and finite$'),
    ],
)
def test_check_out_of_range_is_refused_by_name_and_value(values, message):
    with pytest.raises(ConfigError, match=message):
        CheckConfig(**values)


def test_checks_but_turns_off_what_it_names_and_nothing_else():
    checks = checks_without('tilt', 'clock')
    assert {name for name, config in checks.items() if config.action == 'ignore'} == {
        'tilt',
        'clock',
    }
    assert all(checks[name] == DEFAULT_CHECKS[name] for name in CHECKS.keys() - {'tilt', 'clock'})


def test_any_motion_still_checks_inputs_clock_and_tilt():
    acting = {name for name, config in ANY_MOTION.items() if config.action != 'ignore'}
    assert acting >= {'input_age', 'input_sample', 'clock', 'estop', 'tilt', 'action_value'}


def test_finding_is_a_warning_until_it_has_lasted_as_long_as_its_debounce():
    debounce = debounce_with(tilt={'debounce': 0.05})
    for stamp_ns in (100 * MS, 149 * MS, 150 * MS - 1):
        assert (debounce.judge([TILT], stamp_ns), debounce.warning) == (None, TILT.reason)
    assert (debounce.judge([TILT], 150 * MS), debounce.warning) == (TILT, '')


def test_tick_without_the_finding_restarts_its_debounce():
    debounce = debounce_with(tilt={'debounce': 0.05}, input_sample={'debounce': 1.0})
    debounce.judge([TILT], 0)
    debounce.judge([Finding('input_sample', 'imu.norm: 0')], 40 * MS)
    assert debounce.judge([TILT], 60 * MS) is None
    debounce.judge([], 100 * MS)
    assert debounce.judge([TILT], 120 * MS) is None
    assert debounce.judge([TILT], 170 * MS) == TILT


def test_each_check_is_debounced_separately():
    debounce = debounce_with(tilt={'debounce': 0.05}, joint_velocity={'debounce': 0.05})
    fast = Finding('joint_velocity', 'velocity.limit: fast')
    debounce.judge([TILT], 0)
    debounce.judge([TILT, fast], 30 * MS)
    assert debounce.judge([TILT, fast], 50 * MS) == TILT
    assert debounce.warning == fast.reason


def test_clock_that_runs_backwards_does_not_shorten_a_debounce():
    debounce = debounce_with(tilt={'debounce': 0.05})
    debounce.judge([TILT], 1000 * MS)
    assert debounce.judge([TILT], 0) is None
    assert debounce.judge([TILT], 49 * MS) is None
    assert debounce.judge([TILT], 50 * MS) == TILT


def test_first_of_equally_hard_findings_is_the_fault():
    debounce = debounce_with(tilt={'debounce': 0.0})
    assert debounce.judge([AGE, TILT], 0) == AGE
    assert debounce.judge([TILT, AGE], 0) == TILT


@pytest.mark.parametrize(
    ('softer', 'harder'),
    [('hold', 'damp'), ('default_pose', 'damp'), ('damp', 'stop'), ('hold', 'stop')],
)
def test_finding_with_the_harder_action_is_the_fault_in_any_order(softer, harder):
    debounce = debounce_with(input_age={'action': softer}, estop={'action': harder})
    assert debounce.judge([AGE, ESTOP], 0) == ESTOP
    assert debounce.judge([ESTOP, AGE], 0) == ESTOP


def test_warnings_are_joined_and_each_appears_once():
    debounce = debounce_with(tilt={'action': 'warn'}, clock={'action': 'warn'})
    clock = Finding('clock', 'clock.backwards: 1 s')
    debounce.judge([TILT, clock, TILT], 0)
    assert debounce.warning == 'tilt.limit: far; clock.backwards: 1 s'


def test_check_without_an_action_takes_the_common_one():
    debounce = debounce_with('default_pose', tilt={'action': 'stop'}, clock={'action': 'warn'})
    assert debounce.action('tilt') == 'stop'
    assert debounce.action('input_age') == 'default_pose'
    assert debounce.action('clock') == 'default_pose'


def test_debounce_of_one_check_can_be_restarted():
    debounce = debounce_with(tilt={'debounce': 0.05}, joint_velocity={'debounce': 0.05})
    fast = Finding('joint_velocity', 'velocity.limit: fast')
    debounce.judge([TILT, fast], 0)
    debounce.forget('joint_velocity')
    debounce.forget('clock')  # which has found nothing
    assert debounce.judge([fast, TILT], 50 * MS) == TILT
    assert debounce.judge([fast], 99 * MS) is None
    assert debounce.judge([fast], 100 * MS) == fast


def test_reset_restarts_every_debounce():
    debounce = debounce_with(tilt={'debounce': 0.05})
    debounce.judge([TILT], 0)
    debounce.reset()
    assert debounce.warning == ''
    assert debounce.judge([TILT], 50 * MS) is None
