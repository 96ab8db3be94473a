# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from distill_runtime.core.sensors import Sensors
from distill_runtime.sim.disturb import DisturbConfig, NoiseConfig
from distill_runtime.sim.plant import Plant
import numpy as np
from support.sim import quadruped, QUADRUPED_POSE

COMMAND = np.array(QUADRUPED_POSE) + 0.2


def plant(**config):
    return Plant(quadruped(), DisturbConfig(**config), 0.02)


def test_command_acts_until_the_next_one():
    simulated = plant()
    simulated.act(COMMAND)
    np.testing.assert_array_equal(simulated.robot.data.ctrl, COMMAND)
    simulated.act(None)
    np.testing.assert_array_equal(simulated.robot.data.ctrl, COMMAND)


def test_command_is_delayed_by_the_latency():
    simulated = plant(latency=1)
    simulated.act(COMMAND)
    np.testing.assert_array_equal(simulated.robot.data.ctrl, QUADRUPED_POSE)
    simulated.act(None)
    np.testing.assert_array_equal(simulated.robot.data.ctrl, COMMAND)


def test_lost_message_keeps_the_older_sample_and_stamp():
    simulated = plant(drop=0.5)
    sensors = Sensors(simulated.robot.layout)
    seen_lost = 0
    for tick in range(20):
        before = sensors.joint_position.copy(), sensors.joint_stamp_ns
        lost_joints, lost_imu, lost_odometry = simulated.sense(sensors)
        now = tick * 20_000_000
        if lost_joints:
            seen_lost += 1
            np.testing.assert_array_equal(sensors.joint_position, before[0])
            assert sensors.joint_stamp_ns == before[1]
        else:
            assert sensors.joint_stamp_ns == now
        assert (sensors.imu_stamp_ns == now) is not lost_imu
        assert (sensors.odometry_stamp_ns == now) is not lost_odometry
        simulated.act(COMMAND)
    assert 3 < seen_lost < 17


def test_noise_is_on_the_samples_and_not_on_the_robot():
    simulated, calm = plant(noise=NoiseConfig.playground(1.0)), plant()
    sensors = Sensors(simulated.robot.layout)
    simulated.sense(sensors)
    assert np.abs(sensors.joint_velocity).max() > 0.1
    simulated.act(COMMAND)
    calm.act(COMMAND)
    np.testing.assert_array_equal(simulated.robot.data.qpos, calm.robot.data.qpos)


def test_push_moves_the_robot():
    pushed, calm = plant(push_speed=1.0, push_interval=0.02), plant()
    for simulated in (pushed, calm):
        simulated.act(COMMAND)
        simulated.act(COMMAND)
    assert np.linalg.norm(pushed.robot.data.qvel[:2] - calm.robot.data.qvel[:2]) > 0.3
