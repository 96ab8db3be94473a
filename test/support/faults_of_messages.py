# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Messages that are lost, late, doubled, reordered, ill stamped or of another form."""

from __future__ import annotations

from .fault_injections import (
    bunched,
    cut,
    doubled,
    every,
    Fault,
    invalid,
    joints,
    late,
    loss,
    overtaken,
    repeated,
    restamped,
    silence,
    spoilt,
    stale,
    sudden,
    tolerated,
)


def _shuffle(message, drill):
    message.name = [*message.name[::-1], 'gripper']
    message.position = [*list(message.position)[::-1], 3.0]
    message.velocity = [*list(message.velocity)[::-1], 3.0]


def _drop_joint(message, drill):
    message.name, message.position = message.name[1:], message.position[1:]
    message.velocity = message.velocity[1:]


def _rename(message, drill):
    message.name = [f'leg{place}' for place in range(len(message.name))]


TRANSPORT = (
    tolerated('one JointState is lost', silence('joint_states', seconds=0.02)),
    tolerated('one Imu is lost', silence('imu', seconds=0.02)),
    tolerated('joints are silent for 60 ms', silence('joint_states', seconds=0.06)),
    tolerated('all sensors are silent for 60 ms', silence('joint_states', 'imu', seconds=0.06)),
    stale('joints are silent for 0.2 s', silence('joint_states', seconds=0.2)),
    stale('joints are silent for 2 s', silence('joint_states', seconds=2.0), lasts=2.0),
    stale('Imu is silent for 0.5 s', silence('imu', seconds=0.5), topic='imu'),
    stale(
        'all sensors are silent for 2 s', silence('joint_states', 'imu', seconds=2.0), lasts=2.0
    ),
    Fault('cmd_vel is silent for 2 s', silence('cmd_vel'), 'cmd_vel.stale', 0.54, 'warning', 2.0),
    tolerated('every second message of each sensor is lost', every(2, 'joint_states', 'imu')),
    tolerated(
        'a third of all messages is lost at random', loss(1 / 3, 'joint_states', 'imu', 'cmd_vel')
    ),
    stale('nine of ten JointStates are lost', every(10, 'joint_states')),
    tolerated('sensors are 20 ms late', late(1, 'joint_states', 'imu')),
    stale('joints are 0.2 s late', late(10, 'joint_states')),
    stale('Imu is 0.2 s late', late(10, 'imu'), topic='imu'),
    tolerated('everything comes twice', doubled),
    tolerated('messages come in bursts of three, the newest first', bunched(3)),
    Fault(
        'JointStates overtake one another',
        overtaken('joint_states'),
        'joint_states.backwards',
        0.08,
        'warning',
    ),
)

STAMPS = (
    stale('the same JointState comes again and again', repeated('joint_states', False)),
    stale(
        'stamps of the Imu stand still',
        restamped('imu', lambda ns, drill: drill.kept.setdefault('ns', ns)),
        topic='imu',
    ),
    tolerated(
        'stamps of the Imu are 50 ms ahead', restamped('imu', lambda ns, drill: ns + 50_000_000)
    ),
    sudden(
        'stamps of the joints jump ahead by 1 s',
        restamped('joint_states', lambda ns, drill: ns + 1_000_000_000),
        'joint_states.ahead',
    ),
    sudden(
        'stamps of the Imu jump back by 3 s',
        restamped('imu', lambda ns, drill: ns - 3_000_000_000),
        'imu.stale',
    ),
    invalid(
        'stamps of the joints run backwards',
        restamped('joint_states', lambda ns, drill: ns - 2 * (drill.tick + 1) * drill.period_ns),
        'joint_states.backwards',
        lasts=0.4,
    ),
    sudden(
        'a driver does not stamp the joints',
        restamped('joint_states', lambda ns, drill: 0),
        'joint_states.stale',
    ),
)

FORMS = (
    invalid('a joint is missing', spoilt('joint_states', _drop_joint), 'joint_states.names'),
    invalid(
        'the joints are those of another robot',
        spoilt('joint_states', _rename),
        'joint_states.names',
    ),
    tolerated('the joints come in another order, with one more', spoilt('joint_states', _shuffle)),
    invalid(
        'positions are fewer than names',
        joints(lambda values: values[1:]),
        'joint_states.position',
    ),
    invalid(
        'velocities are absent', joints(lambda values: [], 'velocity'), 'joint_states.velocity'
    ),
    invalid('JointStates are cut off', cut('joint_states', 200), 'joint_states.length'),
    invalid('Imus are cut off', cut('imu', 60), 'imu.length'),
)
