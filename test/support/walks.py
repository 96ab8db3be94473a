# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Synthetic recordings of a robot as arrays."""

from __future__ import annotations

from pathlib import Path

from distill_runtime.data.bags.bag import Topic
from distill_runtime.data.recording.recording import Recording
from distill_runtime.data.recording.series import JointStream, Stream
import numpy as np

from .specs import DEFAULT, JOINTS, make_spec

MS = 1_000_000
DT = 0.005


def times(seconds=4.0):
    """Return the times of the samples in s."""
    return np.arange(0.0, seconds, DT)


def stamps(t):
    """Return times as stamps."""
    return (1000 + t * 1e9).round().astype(np.int64)


def joint_stream(position, names=JOINTS, topic='/joint_states', **changes):
    """Return joint states whose velocities are the rates of change of their positions."""
    t = np.arange(len(position)) * DT
    fields = {
        'topic': Topic(topic, 'sensor_msgs/msg/JointState', len(position)),
        'joints': tuple(names),
        'stamp_ns': stamps(t),
        'receive_ns': stamps(t),
        'position': position,
        'velocity': np.gradient(position, DT, axis=0),
        'effort': None,
        **changes,
    }
    return JointStream(**fields)


def swinging(amplitude=0.2, joints=JOINTS, default=DEFAULT, t=None):
    """Return positions about a default pose, each joint at another frequency."""
    t = times() if t is None else t
    return np.column_stack(
        [
            default[joint] + amplitude * np.sin(2 * np.pi * (1.0 + 0.37 * joint) * t + joint)
            for joint in range(len(joints))
        ]
    )


def rolled(t=None, size=0.3):
    """Return orientations (w, x, y, z) and body rates of a base that sways."""
    t = times() if t is None else t
    angles = np.column_stack(
        [size * np.sin(2.1 * t), 0.7 * size * np.sin(3.3 * t + 1), size * np.sin(1.3 * t)]
    )
    roll, pitch, yaw = (angles / 2.0).T
    cr, sr, cp, sp = np.cos(roll), np.sin(roll), np.cos(pitch), np.sin(pitch)
    cy, sy = np.cos(yaw), np.sin(yaw)
    quats = np.column_stack(
        [
            cr * cp * cy + sr * sp * sy,
            sr * cp * cy - cr * sp * sy,
            cr * sp * cy + sr * cp * sy,
            cr * cp * sy - sr * sp * cy,
        ]
    )
    # from roll, pitch and yaw rates to body rates
    droll, dpitch, dyaw = np.gradient(angles, DT, axis=0).T
    roll, pitch = angles[:, 0], angles[:, 1]
    rates = np.column_stack(
        [
            droll - dyaw * np.sin(pitch),
            dpitch * np.cos(roll) + dyaw * np.sin(roll) * np.cos(pitch),
            -dpitch * np.sin(roll) + dyaw * np.cos(roll) * np.cos(pitch),
        ]
    )
    return quats, rates


def imu_stream(quats, rates):
    """Return an Imu stream."""
    t = np.arange(len(quats)) * DT
    return Stream(
        topic=Topic('/imu', 'sensor_msgs/msg/Imu', len(quats)),
        stamp_ns=stamps(t),
        receive_ns=stamps(t),
        values=np.column_stack([quats, rates]),
    )


def recording(joints=None, **streams):
    """Return a recording of the given streams."""
    given = {'imu': None, 'odometry': None, 'command': None, 'joint_command': None, **streams}
    return Recording(
        path=Path('made_up'),
        joints=joint_stream(swinging()) if joints is None else joints,
        **given,
    )


spec_of = make_spec
