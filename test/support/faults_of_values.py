# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Messages whose numbers are wrong."""

from __future__ import annotations

import math

import numpy as np

from .fault_injections import (
    AT_ONCE,
    element,
    fall,
    Fault,
    gyro,
    invalid,
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
    invalid(
        'one joint position is NaN', joints(element(math.nan)), 'joint_states.position.not_finite'
    ),
    invalid(
        'one joint position is infinite',
        joints(element(math.inf)),
        'joint_states.position.not_finite',
    ),
    invalid(
        'one joint velocity is NaN',
        joints(element(math.nan), 'velocity'),
        'joint_states.velocity.not_finite',
    ),
    invalid(
        'one joint velocity is 1e20',
        joints(element(1e20), 'velocity'),
        'joint_states.velocity.too_large',
    ),
    Fault(
        'one JointState has a NaN',
        joints(element(math.nan), ticks=1),
        'joint_states.position.not_finite',
        AT_ONCE,
        'warning',
    ),
    invalid('the gyro is NaN', gyro(element(math.nan, 1)), 'imu.angular_velocity.not_finite'),
    invalid(
        'the orientation is infinite',
        turn(lambda x, y, z, w: (x, y, math.inf, w)),
        'imu.orientation.not_finite',
    ),
    invalid('the orientation is all zero', turn(lambda *q: (0, 0, 0, 0)), 'imu.norm'),
    invalid('the orientation has norm 2', turn(lambda *q: [2 * v for v in q]), 'imu.norm'),
    Fault(
        'one orientation is all zero',
        turn(lambda *q: (0, 0, 0, 0), ticks=1),
        'imu.norm',
        AT_ONCE,
        'warning',
    ),
    invalid('the Imu has no orientation', spoilt('imu', _without_orientation), 'imu.orientation'),
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
    fall('the gyro is in degrees per second', gyro(lambda values: np.array(values) * DEGREES)),
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
    fall('the gyro has the wrong sign', gyro(lambda values: -np.array(values))),
    fall('left and right joints are swapped', spoilt('joint_states', _swap_sides)),
    Fault('one joint position stands still', joints(_stand_still), kind='undetected', lasts=3.0),
    Fault(
        'the orientation is that of the world in the base',
        turn(lambda x, y, z, w: (-x, -y, -z, w)),
        'tilt.limit',
        2.0,
        lasts=3.0,
    ),
)
