# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from distill_runtime.core.sensors import SensorLayout, Sensors
from distill_runtime.errors import ConfigError
from distill_runtime.sim.disturb import Disturbance, DisturbConfig, NoiseConfig
import numpy as np
import pytest

DEFAULT = np.zeros(2)


def disturbance(period=0.02, **config):
    return Disturbance(DisturbConfig(**config), period, DEFAULT)


def noisy(noise, seed=0):
    sensors = Sensors(SensorLayout(joints=tuple('abcdefgh')))
    disturbance(noise=noise, seed=seed).add_noise(sensors)
    return sensors


def test_nothing_is_disturbed_by_default():
    nothing = disturbance()
    sensors = Sensors(SensorLayout(joints=('a', 'b')))
    before = sensors.values.copy()
    nothing.add_noise(sensors)
    np.testing.assert_array_equal(sensors.values, before)
    assert nothing.lose() == (False, False, False)
    assert all(nothing.push(tick) is None for tick in range(1000))
    command = np.ones(2)
    assert nothing.delay(command) is command


def test_uniform_noise_stays_within_its_level_and_fills_it():
    noise = NoiseConfig(joint_position=0.03, angular_velocity=0.2)
    samples = [noisy(noise, seed) for seed in range(200)]
    positions = np.array([sample.joint_position for sample in samples])
    assert 0.029 < np.abs(positions).max() <= 0.03
    assert np.abs(positions.mean()) < 0.003
    assert max(np.abs(sample.angular_velocity).max() for sample in samples) <= 0.2
    assert not np.any([sample.joint_velocity for sample in samples])


def test_normal_noise_has_its_level_as_deviation():
    noise = NoiseConfig(kind='normal', joint_velocity=1.5)
    velocities = np.array([noisy(noise, seed).joint_velocity for seed in range(500)])
    assert velocities.std() == pytest.approx(1.5, rel=0.05)


def test_orientation_noise_is_a_small_rotation():
    for seed in range(20):
        quat = noisy(NoiseConfig(orientation=0.05), seed).quat_base_to_world
        assert np.linalg.norm(quat) == pytest.approx(1.0, abs=1e-12)
        assert 2.0 * np.linalg.norm(quat[1:]) <= 0.05 * np.sqrt(3.0)
        assert quat[1:].any()


def test_playground_levels():
    noise = NoiseConfig.playground(0.5)
    assert (noise.kind, noise.joint_position, noise.joint_velocity) == ('uniform', 0.015, 0.75)
    assert not NoiseConfig.playground(0.0).is_on


def test_pushes_come_at_their_interval_with_their_speed():
    pushing = disturbance(push_speed=0.5, push_interval=0.1)
    pushes = {tick: pushing.push(tick) for tick in range(16)}
    assert [tick for tick, push in pushes.items() if push is not None] == [5, 10, 15]
    assert np.linalg.norm(pushes[5]) == pytest.approx(0.5)
    assert not np.allclose(pushes[5], pushes[10])


def test_messages_are_lost_with_their_probability():
    losing = disturbance(drop=0.3)
    lost = np.array([losing.lose() for _ in range(2000)])
    np.testing.assert_allclose(lost.mean(axis=0), 0.3, atol=0.04)


def test_one_seed_gives_one_run():
    config = {'noise': NoiseConfig.playground(1.0), 'push_speed': 0.5, 'drop': 0.1}
    runs = []
    for seed in (3, 3, 4):
        now = disturbance(seed=seed, push_interval=0.02, **config)
        sensors = Sensors(SensorLayout(joints=('a', 'b')))
        for tick in range(20):
            now.add_noise(sensors)
            now.lose()
            now.push(tick)
        runs.append(sensors.values)
    np.testing.assert_array_equal(runs[0], runs[1])
    assert not np.array_equal(runs[0], runs[2])


@pytest.mark.parametrize(
    ('config', 'changes', 'message'),
    [
        (DisturbConfig, {'push_speed': -1.0}, r'push_speed is -1\.0, expected at least 0'),
        (DisturbConfig, {'push_interval': 0.0}, r'push_interval is 0\.0 s, expected above 0 s'),
        (DisturbConfig, {'latency': -1}, 'latency is -1 ticks, expected 0 to 1000'),
        (DisturbConfig, {'drop': 1.0}, r'drop is 1\.0, expected in \[0, 1\)'),
        (DisturbConfig, {'drop': float('nan')}, 'drop is nan'),
        (DisturbConfig, {'seed': -1}, 'seed is -1, expected at least 0'),
        (NoiseConfig, {'kind': 'pink'}, r"noise\.kind is 'pink', expected one of"),
        (NoiseConfig, {'joint_position': -0.1}, r'noise\.joint_position is -0\.1'),
        (NoiseConfig, {'orientation': float('nan')}, r'noise\.orientation is nan'),
        (NoiseConfig.playground, {'level': -1.0}, r'noise is -1\.0, expected at least 0'),
    ],
)
def test_value_out_of_range_is_refused(config, changes, message):
    with pytest.raises(ConfigError, match=message):
        config(**changes)
