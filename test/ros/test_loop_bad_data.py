# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""What comes in while the node is active may be anything; what goes out may not."""

from __future__ import annotations

import math

import numpy as np
import pytest
from rclpy.serialization import serialize_message
from support.ros_harness import LOCKSTEP, student, T0, TICK, values
from support.ros_messages import imu_message, joint_message, nanoseconds, twist_message
from support.ros_policies import LIMITS

HOUR = 3_600_000_000_000
LOWER, UPPER = np.array(LIMITS['position']).T


@pytest.fixture(scope='module')
def rig(ros, model):
    """One node, which must survive everything that the tests send."""
    with student(ros, model, **{**LOCKSTEP, 'ramp_time': 0.1}) as rig:
        rig.now = T0
        yield rig


def step(rig, imu=imu_message, joints=joint_message):
    """Let a tick pass with what two functions of its stamp give; return its command."""
    rig.now += TICK
    rig.robot.commands.messages.clear()  # a stamp may come again
    rig.robot.ticks.messages.clear()
    sample = imu(rig.now)
    if sample is not None:
        rig.robot.imu.publish(sample)
    rig.robot.joint_states.publish(joints(rig.now))
    return rig.robot.command_at(rig.now)


def recover(rig):
    """Bring the node into policy mode on good data."""
    step(rig)
    if values(rig.diagnose())['mode'] == 'fault':
        for _ in range(12):  # samples that are stamped before older ones are not taken
            if rig.robot.call('reset_fault')[0]:
                break
            step(rig)
        step(rig)
    assert rig.robot.call('start')[0]
    step(rig)
    step(rig)
    rig.diagnose()  # what came before is reported
    assert rig.diagnose_settled().message == 'policy'


def is_safe(command):
    position = np.array(command.position)
    return bool((position >= LOWER).all() and (position <= UPPER).all())


def imu_with(**changes):
    return lambda stamp_ns: imu_message(stamp_ns, **changes)


def joints_with(**changes):
    return lambda stamp_ns: joint_message(stamp_ns, **changes)


def without_orientation(stamp_ns):
    message = imu_message(stamp_ns)
    message.orientation_covariance[0] = -1.0
    return message


def cut(make, size):
    return lambda stamp_ns: serialize_message(make(stamp_ns))[:size]


def garbled(stamp_ns):
    """Keep the header of a JointState; after it are lengths of four billion."""
    return serialize_message(joint_message(stamp_ns))[:16] + b'\xff' * 100


NAN = math.nan
IMU = {
    'rate_nan': (imu_with(rate=(0, NAN, 0)), 'imu.angular_velocity.not_finite: element 1 is nan'),
    'rate_huge': (imu_with(rate=(0, 0, 1e20)), 'imu.angular_velocity.too_large: element 2'),
    'turn_nan': (imu_with(quaternion=(NAN, 0, 0, 1)), 'imu.orientation.not_finite: element 1'),
    'turn_zero': (imu_with(quaternion=(0, 0, 0, 0)), 'imu.norm: orientation (w, x, y, z) is [0.0'),
    'turn_long': (imu_with(quaternion=(0, 0, 0, 2)), 'imu.norm: orientation (w, x, y, z) is [2.0'),
    'no_orientation': (without_orientation, 'imu.orientation: its covariance[0] is -1'),
    'absent': (lambda stamp_ns: None, 'imu.stale: newest sample is 0.1'),
    'future': (lambda stamp_ns: imu_message(stamp_ns + HOUR), 'imu.ahead: newest sample is stamp'),
    'past': (lambda stamp_ns: imu_message(T0 - 10**11), 'imu.stale: newest sample is 1'),
    'short': (cut(imu_message, 100), 'imu.length: message of 100 bytes, expected'),
    'empty': (lambda stamp_ns: b'', 'imu.length: message of 0 bytes'),
    'garbage': (lambda stamp_ns: b'\x00\x01\x00\x00' + b'\xff' * 400, 'imu.stamp: -1 s'),
}
JOINTS = {
    'position_nan': (joints_with(position=(0, NAN, 0)), 'joint_states.position.not_finite: elem'),
    'position_huge': (joints_with(position=(1e30, 0, 0)), 'joint_states.position.too_large'),
    'velocity_inf': (joints_with(velocity=(0, 0, math.inf)), 'joint_states.velocity.not_finite'),
    'other_names': (joints_with(names=('a', 'b', 'c')), "joint_states.names: ['hip', 'knee', 'a"),
    'no_velocity': (joints_with(velocity=()), 'joint_states.velocity: none, expected 3 values'),
    'few_positions': (joints_with(position=(0.0,)), 'joint_states.position: 1 values for 3 names'),
    'short': (cut(joint_message, 70), 'joint_states.length: '),
    'garbage': (garbled, 'joint_states.length: 4294967295 strings in a message of 116 bytes'),
}


@pytest.mark.parametrize(
    ('part', 'make', 'reason'),
    [
        *(pytest.param('imu', *case, id=f'imu_{name}') for name, case in IMU.items()),
        *(pytest.param('joints', *case, id=f'joints_{name}') for name, case in JOINTS.items()),
    ],
)
def test_bad_samples_are_reported_at_once_and_a_fault_when_they_last(rig, part, make, reason):
    recover(rig)
    assert is_safe(step(rig, **{part: make}))
    for _ in range(6):  # 0.14 s without a valid sample, 0.1 s are allowed
        assert is_safe(step(rig, **{part: make}))
    status = rig.diagnose()
    assert reason in status.message
    assert (status.level, values(status)['mode']) == (b'\x02', 'fault')
    held = step(rig).position
    for _ in range(8):
        assert step(rig).position == held
    status = rig.diagnose()
    assert reason in status.message
    assert values(status)['mode'] == 'fault'
    success, message = rig.robot.call('start')
    assert not success
    assert message.endswith('start is refused; call reset_fault first')
    assert rig.robot.call('reset_fault') == (True, 'fault to standby')
    step(rig)
    assert values(rig.diagnose())['mode'] == 'standby'


@pytest.mark.parametrize(
    ('part', 'make', 'reason'),
    [('imu', *IMU['turn_zero']), ('imu', *IMU['short']), ('joints', *JOINTS['position_nan'])],
)
def test_one_bad_sample_is_a_warning_although_it_is_long_gone(rig, part, make, reason):
    """Bug: only the last tick before the diagnostics could give a reason."""
    recover(rig)
    step(rig, **{part: make})
    for _ in range(3):
        assert is_safe(step(rig))
    status = rig.diagnose()
    assert (status.level, values(status)['mode']) == (b'\x01', 'policy')
    assert reason in status.message
    assert rig.diagnose_settled().level == b'\x00'


@pytest.mark.parametrize('data', [b'', b'\x00\x01', b'\x00\x01\x00\x00' + b'\xff' * 60])
def test_joint_state_without_a_stamp_gives_no_tick(rig, data):
    """Bug: it gave a tick at the time of the last one, at which old samples looked fresh."""
    recover(rig)
    (last,) = rig.robot.ticks.messages
    for _ in range(10):
        rig.robot.joint_states.publish(data)
    rig.until_reason('joint_states.')
    assert len(rig.robot.ticks.messages) == 1
    step(rig)
    assert [message.data[0] for message in rig.robot.ticks.messages] == [last.data[0] + 1]


def test_clock_that_jumps_back_is_a_fault(rig):
    recover(rig)
    rig.now -= 10 * TICK
    step(rig)
    status = rig.diagnose()
    assert status.message.startswith('clock.backwards: tick is 0.180 s before the last one')
    assert values(status)['mode'] == 'fault'


def test_clock_that_jumps_ahead_is_a_fault_for_the_imu_did_not(rig):
    recover(rig)
    rig.now += HOUR
    step(rig, imu=lambda stamp_ns: None)
    assert rig.diagnose().message.startswith('imu.stale: newest sample is 3600.0')


@pytest.mark.parametrize('bad', [(NAN, 0.0, 0.0), (0.0, math.inf, 0.0), (0.0, 0.0, -math.inf)])
def test_velocity_command_that_is_not_finite_leaves_the_one_before(ros, model, bad):
    with student(ros, model, **LOCKSTEP) as rig:
        rig.robot.tick(T0)
        rig.robot.cmd_vel.publish(twist_message(0.4, 0.0, 0.0))
        good = rig.robot.tick(T0 + TICK)
        rig.robot.cmd_vel.publish(twist_message(*bad))
        assert is_safe(rig.robot.tick(T0 + 2 * TICK))
        status = rig.diagnose()
        assert (status.level, values(status)['mode']) == (b'\x01', 'policy')
        assert status.message.startswith('cmd_vel.not_finite: velocity command is [')
        assert rig.node.loop_context.sensors.velocity_command.tolist() == [0.4, 0.0, 0.0]
        assert nanoseconds(good) == T0 + TICK
