# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Messages that are lost, late, doubled, reordered, ill stamped or of another form."""

from __future__ import annotations

from .fault_injections import (
    AT_ONCE,
    bunched,
    cut,
    doubled,
    every,
    Fault,
    INVALID,
    joints,
    late,
    loss,
    overtaken,
    repeated,
    restamped,
    silence,
    spoilt,
    STALE,
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
    Fault(
        'joints are silent for 0.2 s',
        silence('joint_states', seconds=0.2),
        'joint_states.stale',
        STALE,
    ),
    Fault(
        'joints are silent for 2 s',
        silence('joint_states', seconds=2.0),
        'joint_states.stale',
        STALE,
        lasts=2.0,
    ),
    Fault('Imu is silent for 0.5 s', silence('imu', seconds=0.5), 'imu.stale', STALE),
    Fault(
        'all sensors are silent for 2 s',
        silence('joint_states', 'imu', seconds=2.0),
        'joint_states.stale',
        STALE,
        lasts=2.0,
    ),
    Fault('cmd_vel is silent for 2 s', silence('cmd_vel'), 'cmd_vel.stale', 0.54, 'warning', 2.0),
    tolerated('every second message of each sensor is lost', every(2, 'joint_states', 'imu')),
    tolerated(
        'a third of all messages is lost at random', loss(1 / 3, 'joint_states', 'imu', 'cmd_vel')
    ),
    Fault(
        'nine of ten JointStates are lost', every(10, 'joint_states'), 'joint_states.stale', STALE
    ),
    tolerated('sensors are 20 ms late', late(1, 'joint_states', 'imu')),
    Fault('joints are 0.2 s late', late(10, 'joint_states'), 'joint_states.stale', STALE),
    Fault('Imu is 0.2 s late', late(10, 'imu'), 'imu.stale', STALE),
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
    Fault(
        'the same JointState comes again and again',
        repeated('joint_states', False),
        'joint_states.stale',
        STALE,
    ),
    Fault(
        'stamps of the Imu stand still',
        restamped('imu', lambda ns, drill: drill.kept.setdefault('ns', ns)),
        'imu.stale',
        STALE,
    ),
    tolerated(
        'stamps of the Imu are 50 ms ahead', restamped('imu', lambda ns, drill: ns + 50_000_000)
    ),
    Fault(
        'stamps of the joints jump ahead by 1 s',
        restamped('joint_states', lambda ns, drill: ns + 1_000_000_000),
        'joint_states.ahead',
        AT_ONCE,
    ),
    Fault(
        'stamps of the Imu jump back by 3 s',
        restamped('imu', lambda ns, drill: ns - 3_000_000_000),
        'imu.stale',
        AT_ONCE,
    ),
    Fault(
        'stamps of the joints run backwards',
        restamped('joint_states', lambda ns, drill: ns - 2 * (drill.tick + 1) * drill.period_ns),
        'joint_states.backwards',
        INVALID,
        lasts=0.4,
    ),
    Fault(
        'a driver does not stamp the joints',
        restamped('joint_states', lambda ns, drill: 0),
        'joint_states.stale',
        AT_ONCE,
    ),
)

FORMS = (
    Fault(
        'a joint is missing', spoilt('joint_states', _drop_joint), 'joint_states.names', INVALID
    ),
    Fault(
        'the joints are those of another robot',
        spoilt('joint_states', _rename),
        'joint_states.names',
        INVALID,
    ),
    tolerated('the joints come in another order, with one more', spoilt('joint_states', _shuffle)),
    Fault(
        'positions are fewer than names',
        joints(lambda values: values[1:]),
        'joint_states.position',
        INVALID,
    ),
    Fault(
        'velocities are absent',
        joints(lambda values: [], 'velocity'),
        'joint_states.velocity',
        INVALID,
    ),
    Fault('JointStates are cut off', cut('joint_states', 200), 'joint_states.length', INVALID),
    Fault('Imus are cut off', cut('imu', 60), 'imu.length', INVALID),
)
