# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""The parameters of student_node: dataclass, checks, and config/student_node.yaml."""

from __future__ import annotations

import dataclasses
from dataclasses import replace

from distill_runtime.core.checks.registry import DEFAULT_CHECKS
from distill_runtime.core.config import RunnerConfig
from distill_runtime.core.swap.swap import SwapOptions
from distill_runtime.errors import ConfigError
from distill_runtime.ros.node_config import (
    CHECK_PARAMETERS,
    PARAMETERS,
    read_checks,
    StudentNodeConfig,
)
from distill_runtime.ros.parameters import (
    declare_parameters,
    given_names,
    read_parameters,
    unknown_names,
)
from distill_runtime.ros.student_node import StudentNode
from distill_runtime.share import share_path
import pytest
from rclpy.node import Node
from rclpy.parameter import Parameter

LAUNCH_ARGUMENTS = {'model', 'spec', 'robot', 'start_in', 'autostart'}
"""What student.launch.py sets, whatever the file says."""


def runner_config(period=0.02, **changes):
    return StudentNodeConfig(**changes).runner_config(period, DEFAULT_CHECKS)


def test_options_of_the_runner_are_passed_on():
    assert runner_config() == RunnerConfig()
    options = {
        'interpolation': 'linear', 'start_in': 'policy', 'ramp_time': 3.0, 'max_input_age': 0.2,
        'cmd_vel_timeout': 0.3, 'tilt_limit': 0.4, 'fault_action': 'hold', 'max_joint_step': 0.5,
    }  # fmt: skip
    assert runner_config(control_rate=200.0, **options) == RunnerConfig(
        ticks_per_step=4, **options
    )
    assert runner_config(command_type='trajectory').position_limits == 'clip'
    terms = {'blend_time': 1.0, 'shadow_time': 2.0, 'max_divergence': 3.0, 'probation_time': 4.0}
    assert StudentNodeConfig(**terms).terms == SwapOptions(**terms)


@pytest.mark.parametrize(
    ('rate', 'period', 'ticks'),
    [(0.0, 0.02, 1), (50.0, 0.02, 1), (500.0, 0.02, 10), (100.0, 1 / 33.333333, 3), (1.0, 2.0, 2)],
)
def test_control_rate_is_a_whole_number_of_ticks_per_policy_step(rate, period, ticks):
    assert runner_config(period, control_rate=rate).ticks_per_step == ticks


@pytest.mark.parametrize('rate', [1e-9, 25.0, 49.9, 75.0, 100.01])
def test_control_rate_between_two_multiples_is_refused(rate):
    message = rf"control_rate is {rate} Hz, expected a whole multiple of the policy's 50 Hz"
    with pytest.raises(ConfigError, match=message):
        runner_config(control_rate=rate)


def test_robot_is_named_once():
    with pytest.raises(ConfigError, match='robot and robot_description are both set'):
        StudentNodeConfig(robot='a', robot_description='b')


FIELDS = {field.name: field for field in dataclasses.fields(StudentNodeConfig)}
RANGES = {name: f.metadata['span'] for name, f in FIELDS.items() if f.metadata['span'] is not None}
ENUMERATIONS = {name: f.metadata['one_of'] for name, f in FIELDS.items() if f.metadata['one_of']}


def assert_taken(name, value, is_taken):
    """Assert that a value is taken or refused, alike by the node and by what it is passed to."""
    for config in (StudentNodeConfig, SwapOptions, RunnerConfig):
        if name not in config.__dataclass_fields__:
            continue
        if is_taken:
            config(**{name: value})
        else:
            with pytest.raises(ConfigError, match=f'{name} is .*, expected '):
                config(**{name: value})


def test_every_number_has_a_range():
    numbers = {name for name, field in FIELDS.items() if field.type in ('int', 'float')}
    assert numbers == set(RANGES), 'give it a span, for ros2 param describe'


@pytest.mark.parametrize('name', RANGES)
def test_ranges_are_those_that_the_runner_has(name):
    least, most = RANGES[name]
    margin = 1 if FIELDS[name].type == 'int' else 1e-6 * max(1.0, most)
    for value in (least + margin, most - margin):
        assert_taken(name, value, True)
    for value in (least - margin, most + margin, float('nan')):
        assert_taken(name, value, False)


@pytest.mark.parametrize('name', ENUMERATIONS)
def test_values_are_those_that_the_runner_has(name):
    for value in ENUMERATIONS[name]:
        assert_taken(name, value, True)
    assert_taken(name, 'x', False)


@pytest.fixture(scope='module')
def node(ros):
    with ros.node(Node, 'checks') as node:
        declare_parameters(node, CHECK_PARAMETERS)
        yield node


def test_changes_of_checks_replace_what_the_node_has(node):
    assert read_checks(node) == DEFAULT_CHECKS
    changes = [
        Parameter('checks.tilt.debounce', value=1),
        Parameter('checks.joint_velocity.action', value='warn'),
    ]
    checks = read_checks(node, changes)
    assert checks['tilt'] == replace(DEFAULT_CHECKS['tilt'], debounce=1.0)
    assert type(checks['tilt'].debounce) is float
    assert checks['joint_velocity'].action == 'warn'


@pytest.mark.parametrize(
    ('name', 'value', 'reason'),
    [
        ('tilt.debounce', 'long', "checks.tilt.debounce is 'long', expected float"),
        ('tilt.debounce', True, 'checks.tilt.debounce is True, expected float'),
        ('tilt.action', 1, 'checks.tilt.action is 1, expected str'),
        ('tilt.action', 'off', "checks.tilt.action is 'off', expected one of"),
        ('joint_velocity.limit', -1.0, 'checks.joint_velocity.limit is -1.0, expected at least 0'),
    ],
)
def test_value_that_no_check_takes_is_refused(node, name, value, reason):
    with pytest.raises(ConfigError, match=reason):
        read_checks(node, [Parameter(f'checks.{name}', value=value)])


def test_description_of_a_check_says_range_values_and_when_it_may_change(node):
    frozen = 'read at configure: clean up, set it, configure again'
    (span,) = node.describe_parameter('checks.tilt.debounce').floating_point_range
    assert (span.from_value, span.to_value) == (0.0, 1e6)
    action = node.describe_parameter('checks.tilt.action')
    assert action.description == "what is done about it; '' for fault_action"
    values = "'', hold, default_pose, damp, stop, warn, ignore"
    assert action.additional_constraints == f'one of {values}; {frozen}'


def test_parameter_file_has_every_parameter_with_its_default(ros):
    path = share_path() / 'config' / 'student_node.yaml'
    with ros.node(StudentNode, cli_args=['--ros-args', '--params-file', str(path)]) as node:
        assert given_names(node) == {entry.name for entry in PARAMETERS} - LAUNCH_ARGUMENTS
        assert unknown_names(node, StudentNodeConfig) == []
        assert read_parameters(node, StudentNodeConfig) == StudentNodeConfig()
        assert read_checks(node) == DEFAULT_CHECKS
