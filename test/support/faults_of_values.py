# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Messages whose numbers are wrong."""

from __future__ import annotations

import math

import numpy as np

from .fault_injections import (
    AT_ONCE,
    element,
    Fault,
    gyro,
    INVALID,
    joints,
    repeated,
    seen_in_training,
    spoilt,
    tolerated,
    turn,
)

DEGREES = 180.0 / math.pi


def _swap_sides(message, drill):
    names = {'R': 'L', 'L': 'R'}
    message.name = [name[0] + names[name[1]] + name[2:] for name in message.name]


def _without_orientation(message, drill):
    message.orientation_covariance[0] = -1.0


def _ask(value):
    def spoil(message, drill):
        message.linear.x = value

    return spoilt('cmd_vel', spoil)


def _stand_still(values):
    values[4] = 0.9
    return values


VALUES = (
    Fault('the Imu repeats its last value', repeated('imu', True), 'imu.frozen', 0.56),
    Fault(
        'the joints repeat their last values',
        repeated('joint_states', True),
        'joint_states.frozen',
        0.56,
    ),
    Fault(
        'one joint position is NaN',
        joints(element(math.nan)),
        'joint_states.position.not_finite',
        INVALID,
    ),
    Fault(
        'one joint position is infinite',
        joints(element(math.inf)),
        'joint_states.position.not_finite',
        INVALID,
    ),
    Fault(
        'one joint velocity is NaN',
        joints(element(math.nan), 'velocity'),
        'joint_states.velocity.not_finite',
        INVALID,
    ),
    Fault(
        'one joint velocity is 1e20',
        joints(element(1e20), 'velocity'),
        'joint_states.velocity.too_large',
        INVALID,
    ),
    Fault(
        'one JointState has a NaN',
        joints(element(math.nan), ticks=1),
        'joint_states.position.not_finite',
        AT_ONCE,
        'warning',
    ),
    Fault(
        'the gyro is NaN', gyro(element(math.nan, 1)), 'imu.angular_velocity.not_finite', INVALID
    ),
    Fault(
        'the orientation is infinite',
        turn(lambda x, y, z, w: (x, y, math.inf, w)),
        'imu.orientation.not_finite',
        INVALID,
    ),
    Fault('the orientation is all zero', turn(lambda *q: (0, 0, 0, 0)), 'imu.norm', INVALID),
    Fault('the orientation has norm 2', turn(lambda *q: [2 * v for v in q]), 'imu.norm', INVALID),
    Fault(
        'one orientation is all zero',
        turn(lambda *q: (0, 0, 0, 0), ticks=1),
        'imu.norm',
        AT_ONCE,
        'warning',
    ),
    Fault(
        'the Imu has no orientation',
        spoilt('imu', _without_orientation),
        'imu.orientation',
        INVALID,
    ),
    Fault('the command is NaN', _ask(math.nan), 'cmd_vel.not_finite', AT_ONCE, 'warning'),
    tolerated('the command is 100 m/s', _ask(100.0)),
)

CONVENTIONS = (
    Fault(
        'joint positions are in degrees',
        joints(lambda values: values * DEGREES),
        'position.limit',
        0.1,
    ),
    Fault(
        'joint positions have the wrong sign',
        joints(lambda values: -values),
        'position.limit',
        0.1,
    ),
    Fault(
        'joint velocities are in revolutions per minute',
        joints(lambda values: values * 60 / (2 * math.pi), 'velocity'),
        'velocity.limit',
        0.5,
    ),
    Fault(
        'the gyro is in degrees per second',
        gyro(lambda values: np.array(values) * DEGREES),
        'tilt.limit',
        1.5,
        lasts=3.0,
    ),
    Fault(
        'the gyro is in degrees per second, and the spec says what training saw',
        gyro(lambda values: np.array(values) * DEGREES),
        'observation.range',
        0.3,
        respec=seen_in_training('base_angular_velocity', -5.0, 5.0),
    ),
    Fault(
        'the orientation is written w, x, y, z',
        turn(lambda x, y, z, w: (w, x, y, z)),
        'tilt.limit',
        0.06,
    ),
    Fault(
        'the Imu is mounted upside down',
        turn(lambda x, y, z, w: (w, z, -y, -x)),
        'tilt.limit',
        0.06,
    ),
    Fault(
        'joint velocities have the wrong sign',
        joints(lambda values: -values, 'velocity'),
        kind='undetected',
        lasts=3.0,
    ),
    Fault(
        'the gyro has the wrong sign',
        gyro(lambda values: -np.array(values)),
        'tilt.limit',
        1.5,
        lasts=3.0,
    ),
    Fault(
        'left and right joints are swapped',
        spoilt('joint_states', _swap_sides),
        'tilt.limit',
        1.5,
        lasts=3.0,
    ),
    Fault('one joint position stands still', joints(_stand_still), kind='undetected', lasts=3.0),
    Fault(
        'the orientation is that of the world in the base',
        turn(lambda x, y, z, w: (-x, -y, -z, w)),
        'tilt.limit',
        2.0,
        lasts=3.0,
    ),
)
