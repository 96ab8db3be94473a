# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""control_rate above the policy's: several control ticks per policy step."""

from __future__ import annotations

from itertools import pairwise

from distill_runtime.core.config import RunnerConfig
from distill_runtime.core.sensors import Sensors
import numpy as np
import pytest
from support.ros_harness import direct_runner, LOCKSTEP, student, T0, TICK, wait_for
from support.ros_policies import GAINS, joint_target, JOINT_TERM, write_policy

FAST = {**LOCKSTEP, 'control_rate': 200.0, 'max_joint_step': 0.0}
POSES = np.random.default_rng(1).uniform(-0.9, 0.9, (12, 3))
SPEEDS = np.random.default_rng(2).normal(0.0, 1.0, (12, 3))


@pytest.fixture(scope='module')
def joint_model(models):
    return write_policy(models, JOINT_TERM, name='joints.onnx')


def run(rig, ticks=12):
    """Send poses at 200 Hz; return the commands."""
    return [
        rig.robot.tick(
            T0 + tick * TICK // 4,
            position=POSES[tick].tolist(),
            velocity=SPEEDS[tick].tolist(),
        )
        for tick in range(ticks)
    ]


def positions(commands):
    return np.array([command.position for command in commands])


def test_held_target_changes_at_every_fourth_tick(ros, joint_model):
    with student(ros, joint_model, **FAST, publish_internals=True) as rig:
        commands = positions(run(rig))
        expected = np.repeat([joint_target(POSES[tick]) for tick in (0, 4, 8)], 4, axis=0)
        np.testing.assert_allclose(commands, expected, atol=1e-6)
        assert len(rig.robot.ticks.messages) == 12
        wait_for(lambda: len(rig.robot.actions.messages) == 3)


def test_linear_target_is_reached_one_policy_period_later(ros, joint_model):
    with student(ros, joint_model, interpolation='linear', **FAST) as rig:
        commands = positions(run(rig))
        ends = [POSES[0], *(joint_target(POSES[tick]) for tick in (0, 4, 8))]
        expected = np.concatenate(
            [
                [start + (end - start) * share for share in (0.25, 0.5, 0.75, 1.0)]
                for start, end in pairwise(ends)
            ]
        )
        np.testing.assert_allclose(commands, expected, atol=1e-6)


@pytest.mark.parametrize('interpolation', ['hold', 'linear'])
def test_commands_equal_those_of_a_runner_without_ros(ros, model, interpolation):
    config = RunnerConfig(
        start_in='policy', ticks_per_step=4, interpolation=interpolation, max_joint_step=0.0
    )
    runner = direct_runner(model, config)
    sensors = Sensors(runner.compiled.layout)
    with student(ros, model, interpolation=interpolation, **FAST) as rig:
        for tick, command in enumerate(positions(run(rig))):
            sensors.joint_position[:], sensors.joint_velocity[:] = POSES[tick], SPEEDS[tick]
            sensors.joint_stamp_ns = sensors.imu_stamp_ns = stamp_ns = T0 + tick * TICK // 4
            assert command.tobytes() == runner.step(sensors, stamp_ns).command.tobytes()


def test_effort_follows_the_newest_joint_state_at_every_tick(ros, joint_model):
    with student(ros, joint_model, command_type='effort', **FAST) as rig:
        efforts = np.array([command.effort for command in run(rig)])
        stiffness, damping = np.array(GAINS['stiffness']), np.array(GAINS['damping'])
        for tick in range(12):
            target = joint_target(POSES[tick // 4 * 4])
            torque = stiffness * (target - POSES[tick]) - damping * SPEEDS[tick]
            np.testing.assert_allclose(efforts[tick], np.clip(torque, -4.0, 4.0), atol=1e-4)
        assert np.abs(efforts).max() == 4.0
        assert (np.abs(efforts) < 4.0).any()
