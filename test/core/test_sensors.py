# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from distill_runtime.core.sensors import ExternalInput, InputProblem, NEVER, SensorLayout, Sensors
from distill_runtime.errors import ConfigError
import numpy as np
import pytest


def layout():
    return SensorLayout(
        joints=('a', 'b'),
        externals=(ExternalInput(topic='/scan', width=3), ExternalInput(topic='goal', width=2)),
    )


def test_segments_follow_one_another_without_a_gap():
    compiled = layout()
    segments = [
        compiled.joint_position,
        compiled.joint_velocity,
        compiled.angular_velocity,
        compiled.quat_base_to_world,
        compiled.velocity_command,
        compiled.base_linear_velocity,
        compiled.external('/scan'),
        compiled.external('goal'),
    ]
    assert [part.stop - part.start for part in segments] == [2, 2, 3, 4, 3, 3, 3, 2]
    assert [part.start for part in segments[1:]] == [part.stop for part in segments[:-1]]
    assert (segments[0].start, segments[-1].stop) == (0, compiled.size)


def test_views_write_into_the_one_vector():
    sensors = Sensors(layout())
    views = [
        sensors.joint_position,
        sensors.joint_velocity,
        sensors.angular_velocity,
        sensors.quat_base_to_world,
        sensors.velocity_command,
        sensors.base_linear_velocity,
        *sensors.externals,
    ]
    for number, view in enumerate(views):
        view[:] = number
    expected = np.repeat(np.arange(8.0), [2, 2, 3, 4, 3, 3, 3, 2])
    assert sensors.values.tolist() == expected.tolist()


def test_new_sensors_have_no_samples_and_a_level_base():
    sensors = Sensors(layout())
    assert sensors.quat_base_to_world.tolist() == [1.0, 0.0, 0.0, 0.0]
    assert np.count_nonzero(sensors.values) == 1
    assert sensors.joint_stamp_ns == sensors.imu_stamp_ns == sensors.command_stamp_ns == NEVER
    assert sensors.odometry_stamp_ns == NEVER
    assert sensors.external_stamps_ns == [NEVER, NEVER]
    assert sensors.problem is None


def test_clear_forgets_every_sample_but_keeps_the_views():
    sensors = Sensors(layout())
    view = sensors.joint_position
    view[:] = 5.0
    sensors.joint_stamp_ns = 7
    sensors.external_stamps_ns[0] = 7
    sensors.problem = InputProblem('joint_states.short')
    sensors.clear()
    assert view.tolist() == [0.0, 0.0]
    assert sensors.joint_position is view
    assert (sensors.joint_stamp_ns, sensors.external_stamps_ns[0]) == (NEVER, NEVER)
    assert sensors.problem is None


def test_unknown_external_is_refused_with_the_known_ones():
    with pytest.raises(
        ConfigError,
        match=r"^external input 'map' is not in the sensor layout, which has \['/scan', 'goal'\]$",
    ):
        layout().external('map')


def test_doubled_joint_is_refused():
    with pytest.raises(ConfigError, match=r"^robot joints are \['a', 'a'\], expected each name"):
        SensorLayout(joints=('a', 'a'))
