# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import dataclasses
import math

from distill_runtime.core.checks.registry import DEFAULT_CHECKS
from distill_runtime.core.config import RunnerConfig
from distill_runtime.core.swap.swap import SwapOptions
from distill_runtime.errors import ConfigError
from distill_runtime.ros.node_config import StudentNodeConfig
import pytest


def test_defaults_are_those_of_the_runner():
    assert StudentNodeConfig().runner_config(0.02, DEFAULT_CHECKS) == RunnerConfig()


def test_options_of_the_runner_are_passed_on():
    config = StudentNodeConfig(
        control_rate=200.0, interpolation='linear', start_in='policy', ramp_time=3.0,
        max_input_age=0.2, cmd_vel_timeout=0.3, tilt_limit=0.4, fault_action='hold',
        max_joint_step=0.5,
    )  # fmt: skip
    assert config.runner_config(0.02, DEFAULT_CHECKS) == RunnerConfig(
        ticks_per_step=4, interpolation='linear', start_in='policy', ramp_time=3.0,
        max_input_age=0.2, cmd_vel_timeout=0.3, tilt_limit=0.4, fault_action='hold',
        max_joint_step=0.5,
    )  # fmt: skip


@pytest.mark.parametrize(
    ('rate', 'period', 'ticks'),
    [(0.0, 0.02, 1), (50.0, 0.02, 1), (500.0, 0.02, 10), (100.0, 1 / 33.333333, 3), (1.0, 2.0, 2)],
)
def test_control_rate_is_a_whole_number_of_ticks_per_policy_step(rate, period, ticks):
    assert (
        StudentNodeConfig(control_rate=rate).runner_config(period, DEFAULT_CHECKS).ticks_per_step
        == ticks
    )


@pytest.mark.parametrize('rate', [1e-9, 25.0, 49.9, 75.0, 100.01])
def test_control_rate_between_two_multiples_is_refused(rate):
    message = rf"control_rate is {rate} Hz, expected a whole multiple of the policy's 50 Hz"
    with pytest.raises(ConfigError, match=message):
        StudentNodeConfig(control_rate=rate).runner_config(0.02, DEFAULT_CHECKS)


@pytest.mark.parametrize(
    ('changes', 'reason'),
    [
        ({'trigger': 'bell'}, r"trigger is 'bell', expected one of \['timer', 'joint_states'\]"),
        ({'input_stamps': ''}, r"input_stamps is '', expected one of \['header', 'arrival'\]"),
        ({'robot': 'a', 'robot_description': 'b'}, 'robot and robot_description are both set'),
        ({'decimation': 0}, 'decimation is 0, expected at least 1'),
        ({'control_rate': -1.0}, r'control_rate is -1\.0, expected at least 0'),
        ({'control_rate': math.nan}, 'control_rate is nan, expected at least 0'),
        ({'control_rate': math.inf}, 'control_rate is inf, expected at least 0'),
        ({'trigger_timeout': -0.1}, r'trigger_timeout is -0\.1, expected at least 0'),
        ({'trigger_timeout': math.nan}, 'trigger_timeout is nan, expected at least 0'),
        ({'realtime_priority': -1}, 'realtime_priority is -1, expected 0 to 99'),
        ({'realtime_priority': 100}, 'realtime_priority is 100, expected 0 to 99'),
    ],
)
def test_value_out_of_range_is_refused(changes, reason):
    with pytest.raises(ConfigError, match=reason):
        StudentNodeConfig(**changes)


@pytest.mark.parametrize(
    'changes', [{'decimation': 1}, {'trigger_timeout': 0.0}, {'realtime_priority': 99}]
)
def test_value_at_the_edge_of_its_range_is_accepted(changes):
    StudentNodeConfig(**changes)


FIELDS = {field.name: field for field in dataclasses.fields(StudentNodeConfig)}
RANGES = {name: f.metadata['span'] for name, f in FIELDS.items() if f.metadata['span'] is not None}
ENUMERATIONS = {name: f.metadata['one_of'] for name, f in FIELDS.items() if f.metadata['one_of']}
TERMS = ('blend_time', 'shadow_time', 'max_divergence', 'probation_time')


def runner_takes(name, value):
    """Return whether the runner takes a value that is not held to the range of a parameter."""
    if name in TERMS:
        config = SwapOptions
    elif name in RunnerConfig.__dataclass_fields__:
        config = RunnerConfig
    else:
        return None
    try:
        config(**{name: value})
    except ConfigError:
        return False
    return True


def test_every_number_has_a_range():
    numbers = {name for name, field in FIELDS.items() if field.type in ('int', 'float')}
    assert numbers == set(RANGES), 'give it a span, for ros2 param describe'


@pytest.mark.parametrize('name', RANGES)
def test_ranges_are_those_that_the_runner_has(name):
    least, most = RANGES[name]
    margin = 1 if FIELDS[name].type == 'int' else 1e-6 * max(1.0, most)
    for value in (least + margin, most - margin):
        StudentNodeConfig(**{name: value})
        assert runner_takes(name, value) in (True, None)
    for value in (least - margin, most + margin):
        with pytest.raises(ConfigError, match=f'{name} is .*, expected '):
            StudentNodeConfig(**{name: value})
        assert runner_takes(name, value) in (False, None)


@pytest.mark.parametrize('name', ENUMERATIONS)
def test_values_are_those_that_the_runner_has(name):
    for value in ENUMERATIONS[name]:
        StudentNodeConfig(**{name: value})
        assert runner_takes(name, value) in (True, None)
    with pytest.raises(ConfigError, match=f"{name} is 'x', expected one of"):
        StudentNodeConfig(**{name: 'x'})
    assert runner_takes(name, 'x') in (False, None)
