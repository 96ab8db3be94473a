# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import replace
import math

from distill_runtime.core.checks.registry import CHECKS, DEFAULT_CHECKS
from distill_runtime.core.config import RunnerConfig
from distill_runtime.errors import ConfigError
import pytest


@pytest.mark.parametrize('tilt', [0.0, math.pi])
def test_bounds_that_belong_to_the_range(tilt):
    names = ('ramp_time', 'cmd_vel_timeout', 'max_joint_step', 'escalation_time')
    zeros = dict.fromkeys([*names, 'start_pose_limit', 'torque_limit'], 0.0)
    RunnerConfig(**zeros, tilt_limit=tilt, start_tilt_limit=tilt, max_input_age=59.9)


@pytest.mark.parametrize(
    ('values', 'message'),
    [
        ({'ticks_per_step': 0}, r'^ticks_per_step is 0, expected at least 1$'),
        (
            {'interpolation': 'cubic'},
            r"^interpolation is 'cubic', expected one of \['hold', 'linear'\]$",
        ),
        ({'start_in': 'walk'}, r"^start_in is 'walk', expected one of \['standby', 'policy'\]$"),
        ({'fault_action': ''}, r"^fault_action is '', expected one of \['hold', .*'stop'\]$"),
        ({'max_input_age': 0.0}, r'^max_input_age is 0.0 s, expected above 0 s and below 60 s$'),
        ({'max_input_age': 60.0}, r'^max_input_age is 60.0 s, expected above 0 s and below 60 s$'),
        ({'max_input_age': math.nan}, r'^max_input_age is nan s'),
        ({'ramp_time': -0.1}, r'^ramp_time is -0.1, expected at least 0 and finite$'),
        (
            {'cmd_vel_timeout': math.inf},
            r'^cmd_vel_timeout is inf, expected at least 0 and',
        ),
        ({'max_joint_step': math.nan}, r'^max_joint_step is nan, expected at least 0 and finite$'),
        ({'tilt_limit': -0.1}, r'^tilt_limit is -0.1 rad, expected 0 rad to pi rad$'),
        ({'tilt_limit': 3.2}, r'^tilt_limit is 3.2 rad, expected 0 rad to pi rad$'),
        ({'start_tilt_limit': 3.2}, r'^start_tilt_limit is 3.2 rad, expected 0 rad to pi rad$'),
        ({'escalation_time': -1.0}, r'^escalation_time is -1.0, expected at least 0 and finite$'),
        ({'start_pose_limit': math.nan}, r'^start_pose_limit is nan, expected at least 0 and'),
        ({'torque_limit': math.inf}, r'^torque_limit is inf, expected at least 0 and finite$'),
        ({'checks': {}}, r"^checks are \[\], expected \['action_saturation', .*'tilt'\]$"),
    ],
)
def test_anything_else_is_refused_by_name_and_value(values, message):
    with pytest.raises(ConfigError, match=message):
        RunnerConfig(**values)


@pytest.mark.parametrize('name', ['input_age', 'action_value', 'estop'])
@pytest.mark.parametrize('action', ['warn', 'ignore'])
def test_checks_without_which_nothing_is_safe_cannot_be_turned_off(name, action):
    checks = {**DEFAULT_CHECKS, name: replace(CHECKS[name].default, action=action)}
    message = rf"^checks.{name}.action is '{action}', expected a fault action: .* be turned off$"
    with pytest.raises(ConfigError, match=message):
        RunnerConfig(checks=checks)
