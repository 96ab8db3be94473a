# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import replace

from distill_runtime.core.checks.registry import DEFAULT_CHECKS
from distill_runtime.errors import ConfigError
from distill_runtime.ros.check_parameters import declare_checks, read_checks
import pytest
from rclpy.node import Node
from rclpy.parameter import Parameter


@pytest.fixture
def node(ros):
    with ros.node(Node, 'checks') as node:
        declare_checks(node)
        yield node


def test_defaults_are_those_of_the_table(node):
    assert read_checks(node) == DEFAULT_CHECKS


def test_changes_replace_what_the_node_has(node):
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
        ('tilt.debounce', 'long', "checks.tilt.debounce is 'long', expected a number"),
        ('tilt.debounce', True, 'checks.tilt.debounce is True, expected a number'),
        ('tilt.action', 1, 'checks.tilt.action is 1, expected a string'),
        ('tilt.action', 'off', "checks.tilt.action is 'off', expected one of"),
        ('joint_velocity.limit', -1.0, 'checks.joint_velocity.limit is -1.0, expected at least 0'),
    ],
)
def test_value_that_does_not_fit_is_refused(node, name, value, reason):
    with pytest.raises(ConfigError, match=reason):
        read_checks(node, [Parameter(f'checks.{name}', value=value)])


def test_description_says_range_values_and_when_it_may_change(node):
    frozen = 'read at configure: clean up, set it, configure again'
    (span,) = node.describe_parameter('checks.tilt.debounce').floating_point_range
    assert (span.from_value, span.to_value) == (0.0, 1e6)
    action = node.describe_parameter('checks.tilt.action')
    assert action.description == "what is done about it; '' for fault_action"
    values = "'', hold, default_pose, damp, stop, warn, ignore"
    assert action.additional_constraints == f'one of {values}; {frozen}'
