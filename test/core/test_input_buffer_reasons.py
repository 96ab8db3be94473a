# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from distill_runtime.core.input_buffer import invalid_action, invalid_input, joined
from distill_runtime.core.sensors import ExternalInput, SensorLayout, Sensors
import numpy as np
import pytest


def sensors_with(view, element, value):
    sensors = Sensors(
        SensorLayout(joints=('a', 'b'), externals=(ExternalInput(topic='/scan', width=3),))
    )
    target = sensors.externals[0] if view == 'external' else getattr(sensors, view)
    target[element] = value
    return sensors


@pytest.mark.parametrize(
    ('view', 'element', 'name'),
    [
        ('joint_position', 1, 'joint_states.position'),
        ('joint_velocity', 0, 'joint_states.velocity'),
        ('angular_velocity', 2, 'imu.angular_velocity'),
        ('quat_base_to_world', 3, 'imu.orientation'),
        ('velocity_command', 0, 'cmd_vel'),
        ('base_linear_velocity', 1, 'odom.twist'),
        ('external', 2, '/scan'),
    ],
)
@pytest.mark.parametrize('value', [np.nan, np.inf, -np.inf])
def test_the_input_and_the_element_are_named(view, element, name, value):
    reason, check = invalid_input(sensors_with(view, element, value))
    assert reason == f'{name}.not_finite: element {element} is {value}, the last sound one is kept'
    assert check == ('' if view == 'velocity_command' else 'input_sample')


def test_finite_nonsense_is_named_too():
    reason = invalid_input(sensors_with('joint_velocity', 1, -1e200)).reason
    assert reason.startswith('joint_states.velocity.too_large: element 1 is -1e+200, ')


def test_the_first_of_several_is_named():
    sensors = sensors_with('angular_velocity', 1, np.nan)
    sensors.joint_velocity[1] = np.inf
    reason = invalid_input(sensors).reason
    assert reason.startswith('joint_states.velocity.not_finite: element 1 is inf')


def test_velocity_command_is_named_only_where_nothing_else_is_wrong():
    sensors = sensors_with('velocity_command', 1, np.nan)
    sensors.externals[0][2] = np.nan
    assert invalid_input(sensors).reason.startswith('/scan.not_finite: element 2 is nan')


def test_orientation_that_is_no_rotation_is_named_behind_the_inputs_before_it():
    sensors = sensors_with('quat_base_to_world', 0, 2.0)
    assert invalid_input(sensors, is_norm_wrong=True).reason == (
        'imu.norm: orientation (w, x, y, z) is [2.0, 0.0, 0.0, 0.0], expected a unit quaternion, '
        'the last sound one is kept'
    )
    sensors.joint_position[0] = np.nan
    assert invalid_input(sensors, is_norm_wrong=True).reason.startswith('joint_states.position.')


def test_values_that_are_too_large_only_together_are_told():
    sensors = sensors_with('joint_position', 0, 0.9e15)
    sensors.joint_velocity[0] = 0.9e15
    assert invalid_input(sensors).reason.startswith('sensors.too_large: ')


def test_action_element_is_named():
    reason = invalid_action(np.array([0.0, 1.0, np.nan], np.float32))
    assert reason == 'action.not_finite: network output element 2 is nan'
    assert invalid_action(np.array([0.0, 1e30], np.float32)).startswith(
        'action.too_large: network output element 1 is 1'
    )


def test_warning_stands_behind_what_it_led_to():
    assert joined('imu.stale: old', '') == 'imu.stale: old'
    assert joined('imu.stale: old', 'imu.norm: 0') == 'imu.stale: old (imu.norm: 0)'
