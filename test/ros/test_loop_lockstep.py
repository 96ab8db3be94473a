# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import itertools
import time

from distill_runtime.core.config import RunnerConfig
from distill_runtime.core.sensors import Sensors
from distill_runtime.ros.loop.inputs import Inputs
from distill_runtime.wire.tick_fields import tick_labels
import numpy as np
import pytest
from support.ros_harness import direct_runner, LOCKSTEP, student, T0, TICK, values, wait_for
from support.ros_messages import imu_message, joint_message, nanoseconds, twist_message
from support.ros_policies import GAINS, joint_target, JOINT_TERM, write_policy
from support.specs import DEFAULT


class Motion:
    """Sensor data of a robot that trembles, the same for ROS and for a runner."""

    def __init__(self, num_ticks, seed=0):
        rng = np.random.default_rng(seed)
        self.position = rng.uniform(-0.5, 0.5, (num_ticks, 3))
        self.velocity = rng.normal(0.0, 2.0, (num_ticks, 3))
        self.rate = rng.normal(0.0, 1.0, (num_ticks, 3))
        quaternion = rng.normal((0.0, 0.0, 0.0, 1.0), 0.1, (num_ticks, 4))
        self.quaternion = quaternion / np.linalg.norm(quaternion, axis=1, keepdims=True)
        self.command = rng.uniform(-0.5, 0.5, (num_ticks, 3))

    def fields(self, tick):
        """Return the arguments of Robot.tick."""
        return {
            name: getattr(self, name)[tick].tolist()
            for name in ('position', 'velocity', 'rate', 'quaternion')
        }

    def write(self, tick, sensors, stamp_ns):
        """Write one moment into the sensors of a runner."""
        sensors.joint_position[:] = self.position[tick]
        sensors.joint_velocity[:] = self.velocity[tick]
        sensors.angular_velocity[:] = self.rate[tick]
        sensors.quat_base_to_world[:] = self.quaternion[tick][[3, 0, 1, 2]]
        sensors.velocity_command[:] = self.command[tick]
        sensors.joint_stamp_ns = sensors.imu_stamp_ns = sensors.command_stamp_ns = stamp_ns


def test_command_stream_equals_a_runner_without_ros_bit_for_bit(ros, model):
    motion = Motion(100)
    runner = direct_runner(model, RunnerConfig(start_in='policy', cmd_vel_timeout=0.0))
    sensors = Sensors(runner.compiled.layout)
    with student(ros, model, **LOCKSTEP) as rig:
        for tick in range(100):
            stamp_ns = T0 + tick * TICK
            rig.robot.cmd_vel.publish(twist_message(*motion.command[tick].tolist()))
            command = rig.robot.tick(stamp_ns, **motion.fields(tick))
            motion.write(tick, sensors, stamp_ns)
            expected = runner.step(sensors, stamp_ns)
            assert np.asarray(command.position).tobytes() == expected.command.tobytes()
            assert nanoseconds(command) == stamp_ns
        assert len(rig.robot.commands.messages) == 100


def test_each_joint_state_gives_one_tick_with_its_stamp_in_a_burst_too(ros, model):
    with student(ros, model, **LOCKSTEP) as rig:
        rig.robot.tick(T0)
        stamps = [T0 + (tick + 1) * TICK for tick in range(40)]
        for stamp_ns in stamps:
            rig.robot.publish(stamp_ns)
        rig.robot.command_at(stamps[-1])
        assert [nanoseconds(m) for m in rig.robot.commands.messages] == [T0, *stamps]
        assert [m.data[0] for m in rig.robot.ticks.messages] == list(range(41))


def test_tick_uses_the_newest_imu_and_no_tick_comes_without_joint_states(ros, model):
    with student(ros, model, **LOCKSTEP) as rig:
        rig.robot.tick(T0)
        for age in (15, 10, 5):
            rig.robot.imu.publish(imu_message(T0 + TICK - age * 1_000_000))
        assert rig.robot.imu.wait_for_all_acked()
        rig.robot.joint_states.publish(joint_message(T0 + TICK))
        rig.robot.command_at(T0 + TICK)
        fields = dict(zip(tick_labels(()), rig.robot.ticks.messages[-1].data, strict=True))
        assert fields['imu_ns'] == T0 + TICK - 5_000_000
        assert fields['joint_states_ns'] == fields['stamp_ns'] == T0 + TICK
        assert len(rig.robot.commands.messages) == 2


def test_decimation_ticks_at_every_nth_joint_state(ros, model):
    with student(ros, model, decimation=4, **LOCKSTEP) as rig:
        rig.robot.tick(T0)
        for tick in range(1, 13):
            rig.robot.publish(T0 + tick * TICK // 4)
        rig.robot.command_at(T0 + 3 * TICK)
        stamps = [nanoseconds(m) - T0 for m in rig.robot.commands.messages]
        assert stamps == [0, TICK, 2 * TICK, 3 * TICK]


def test_joint_states_from_before_the_activation_give_one_tick_at_most(ros, model):
    with student(ros, model, is_active=False, **LOCKSTEP) as rig:
        rig.configure()
        for tick in range(30):
            rig.robot.publish(T0 + tick * TICK)
        rig.activate()
        rig.robot.command_at(T0 + 29 * TICK)
        rig.robot.tick(T0 + 30 * TICK)
        stamps = [nanoseconds(m) - T0 for m in rig.robot.commands.messages]
        assert stamps == [29 * TICK, 30 * TICK]


def test_silence_of_joint_states_is_a_fault_with_its_action(ros, model):
    options = {
        **LOCKSTEP,
        'trigger_timeout': 0.2,
        'fault_action': 'default_pose',
        'ramp_time': 0.0,
    }
    with student(ros, model, **options) as rig:
        rig.robot.tick(T0, position=(0.3, 0.2, 0.1))
        status = rig.until_reason('joint_states.stale')
        assert (status.level, values(status)['mode']) == (b'\x02', 'fault')
        wait_for(lambda: rig.robot.commands.messages[-1].position.tolist() == list(DEFAULT))
        silent = nanoseconds(rig.robot.commands.messages[-1]) - T0
        assert silent > 200_000_000
        # what comes next is used again, but the fault stays until it is reset
        rig.robot.publish(T0 + 60_000_000_000)
        wait_for(lambda: nanoseconds(rig.robot.commands.messages[-1]) >= T0 + 60_000_000_000)
        assert values(rig.diagnose())['mode'] == 'fault'
        assert rig.robot.call('reset_fault') == (True, 'fault to standby')


def test_silence_before_the_first_joint_state_sends_nothing_and_is_reported(ros, model):
    with student(ros, model, **{**LOCKSTEP, 'trigger_timeout': 0.05}) as rig:
        time.sleep(0.2)
        status = rig.diagnose()
        assert status.level == b'\x01'
        assert status.message.startswith('joint_states.missing: no tick yet')
        assert not rig.robot.commands.messages


def test_flood_of_joint_states_does_not_keep_the_loop_from_ending(ros, model, monkeypatch):
    """Bug: the loop looked whether it was to stop only when no message was waiting."""
    with student(ros, model, **LOCKSTEP) as rig:
        stamps = itertools.count(T0, TICK)
        monkeypatch.setattr(Inputs, 'next_joint_states', lambda *args: next(stamps))
        wait_for(lambda: rig.node._loop.step)
        rig.node.trigger_deactivate()
        assert rig.state() == 'inactive'


def test_arrival_stamps_make_a_clock_of_another_machine_do(ros, model):
    with student(ros, model, **{**LOCKSTEP, 'input_stamps': 'arrival'}) as rig:
        start = rig.node.get_clock().now().nanoseconds
        for tick in range(3):
            rig.robot.publish(5 + tick)
            wait_for(lambda count=tick + 1: len(rig.robot.commands.messages) == count)
        wait_for(lambda: len(rig.robot.ticks.messages) == 3)
        fields = [
            dict(zip(tick_labels(()), m.data, strict=True)) for m in rig.robot.ticks.messages
        ]
        assert [f['joint_states_ns'] for f in fields] == [5, 6, 7]
        assert [f['imu_ns'] for f in fields] == [5, 6, 7]
        assert start < fields[0]['stamp_ns'] < fields[1]['stamp_ns'] < fields[2]['stamp_ns']
        assert nanoseconds(rig.robot.commands.messages[-1]) == fields[-1]['stamp_ns']
        assert rig.diagnose_settled().level == b'\x00'


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
