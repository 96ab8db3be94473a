# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from distill_runtime.data.replay.config import assignment, parameters_in, replay_config
from distill_runtime.errors import ConfigError
from distill_runtime.share import share_path
import pytest


def test_parameters_have_the_names_of_the_node():
    config = replay_config(
        {
            'max_input_age': 0.2,
            'fault_action': 'hold',
            'checks.tilt.debounce': 1,
            'checks.estop.action': 'stop',
            'control_rate': 100.0,
            'input_stamps': 'arrival',
        }
    )
    assert (config.runner.max_input_age, config.runner.fault_action) == (0.2, 'hold')
    assert config.runner.start_in == 'policy'
    assert config.runner.checks['tilt'].debounce == 1.0
    assert config.runner.checks['estop'].action == 'stop'
    assert (config.control_rate, config.uses_arrival) == (100.0, True)


@pytest.mark.parametrize(
    ('name', 'value', 'message'),
    [
        (
            'tilt',
            1.0,
            r"parameter 'tilt' is unknown to a replay, expected one of \['cmd_vel_timeout'",
        ),
        ('max_input_age', 'long', "max_input_age is 'long', expected a number"),
        ('max_input_age', -1.0, 'max_input_age is -1.0 s'),
        ('checks.what.limit', 1.0, "'what' is not a check, expected one of"),
        (
            'checks.tilt.what',
            1.0,
            r"checks.tilt.what is unknown, expected one of \['action', 'debounce', 'limit'\]",
        ),
        ('checks.tilt.action', False, 'checks.tilt.action is False, expected one of'),
        ('checks.tilt.limit', 'a', "checks.tilt.limit is 'a', expected a number"),
        (
            'input_stamps',
            'clock',
            r"input_stamps is 'clock', expected one of \['header', 'arrival'\]",
        ),
        ('control_rate', -1, 'control_rate is -1.0, expected at least 0 Hz'),
    ],
)
def test_parameter_that_cannot_be_used_is_refused(name, value, message):
    with pytest.raises(ConfigError, match=message):
        replay_config({name: value})


def test_assignment_has_a_yaml_value():
    assert assignment('max_input_age:=0.2') == ('max_input_age', 0.2)
    assert assignment('student_node:checks.tilt.limit:=1') == ('checks.tilt.limit', 1)
    with pytest.raises(ConfigError, match="-p is 'a=1', expected name:=value"):
        assignment('a=1')


def test_file_of_the_node_is_read_and_parameters_of_others_are_ignored(tmp_path):
    path = tmp_path / 'robot.yaml'
    path.write_text(
        '/**:\n  ros__parameters:\n    trigger: timer\n    tilt_limit: 0.5\n'
        '    checks: {tilt: {debounce: 0.1}}\n'
    )
    assert parameters_in(path) == {'tilt_limit': 0.5, 'checks.tilt.debounce': 0.1}


def test_shipped_file_is_read():
    shipped = parameters_in(share_path() / 'config' / 'student_node.yaml')
    assert replay_config(shipped).runner.max_input_age == 0.1


def test_file_without_ros_parameters_is_refused(tmp_path):
    path = tmp_path / 'robot.yaml'
    path.write_text('student_node: {tilt_limit: 0.5}\n')
    with pytest.raises(ConfigError, match='student_node has no ros__parameters'):
        parameters_in(path)
