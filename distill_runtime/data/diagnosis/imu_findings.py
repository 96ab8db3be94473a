# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Findings about the Imu of a recording: quaternion order, which way is down, the gyro's frame."""

from __future__ import annotations

from collections.abc import Iterator

from distill_runtime.core.arrays import FloatArray
from distill_runtime.core.rotations import NORM_TOLERANCE
from distill_runtime.data.recording.series import Stream
from distill_runtime.spec.compile import compile_spec
from distill_runtime.spec.findings.finding import Finding
import numpy as np

from .bag_case import BagCase
from .differentiate import body_rates, mean_over, spans

DEGREES = 180.0 / np.pi
UPRIGHT = -0.7
"""Mean of gravity's z in the base frame above which a robot is not upright: tilted by 45 deg."""
LEAST_RATE = 0.03
"""Least standard deviation of the angular velocity of a turning base, in [rad]/[s]."""


def imu_findings(case: BagCase) -> Iterator[Finding]:
    """Check the Imu if the policy reads it."""
    imu = case.recording.imu
    if imu is not None and compile_spec(case.spec).needs_imu:
        yield from orientation_findings(imu)
        yield from gyro_findings(imu)


def orientation_findings(imu: Stream) -> Iterator[Finding]:
    """Check the orientations: gravity in the base frame of a walking robot has z near -1."""
    quats = imu.values[:, :4]
    if np.isnan(quats).all():
        yield Finding(
            code='bag.orientation_missing',
            severity='error',
            message=f'{imu.topic.name} has no orientation: its covariance[0] is -1',
            hint='run an orientation filter (imu_filter_madgwick, say) and record its topic',
        )
        return
    squared = np.einsum('ij,ij->i', quats, quats)
    is_wrong = ~(np.abs(squared - 1.0) <= NORM_TOLERANCE)
    if np.any(is_wrong):
        first = float(squared[is_wrong][0])
        yield Finding(
            code='bag.quaternion_norm',
            severity='warning' if is_wrong.mean() < 0.01 else 'error',
            message=f'{int(is_wrong.sum())} of {len(is_wrong)} orientations have no unit norm, '
            f'the first has a squared norm of {first:.3g}',
            hint='the node does not use such samples',
        )
    quats = quats[~is_wrong]
    if len(quats) and gravity_z(quats).mean() > UPRIGHT:
        yield _not_upright(imu.topic.name, quats)


def _not_upright(topic: str, quats: FloatArray) -> Finding:
    """Name a quaternion order that would make the robot upright."""
    mean = float(gravity_z(quats).mean())
    shifted = float(gravity_z(quats[:, [1, 2, 3, 0]]).mean())
    if shifted < -0.9 and shifted < mean - 0.5:
        return Finding(
            code='bag.quaternion_order',
            severity='error',
            message=f'gravity points along z = {mean:+.2f} of the base on average, expected near '
            f'-1; with (w, x, y, z) in the fields x, y, z, w of {topic} it would be '
            f'{shifted:+.2f}',
            hint='the driver writes w first: sensor_msgs/Imu is x, y, z, w. A robot on its side, '
            'or a sensor mounted upside down, may look the same: record some seconds of standing',
        )
    return Finding(
        code='bag.gravity',
        severity='warning',
        message=f'gravity points along z = {mean:+.2f} of the base on average, expected near -1: '
        'the robot lies, or the frame of the Imu is not that of the base',
        hint='x points ahead, y to the left, z up; record some seconds of standing',
    )


def gravity_z(quats_base_to_world: FloatArray) -> FloatArray:
    """Return z of the unit vector of gravity in the base frame.

    Args:
        quats_base_to_world: Unit quaternions (w, x, y, z), shape (N, 4).
    """
    w, x, y, z = quats_base_to_world.T
    return x * x + y * y - w * w - z * z


def gyro_findings(imu: Stream) -> Iterator[Finding]:
    """Compare the gyro with the rate of change of the orientation."""
    if imu.stamp_ns is None:
        return
    quats = imu.values[:, :4]
    if not np.all(np.abs(np.linalg.norm(quats, axis=1) - 1.0) <= NORM_TOLERANCE):
        return
    pairs = spans(imu.stamp_ns)
    if len(pairs.dt) < 20:
        return
    turned, measured = body_rates(quats, pairs), mean_over(imu.values[:, 4:], pairs)
    if not (turned.std(axis=0) > LEAST_RATE).all():
        return
    error = _misfit(turned, measured)
    if error < 0.5:
        return
    fixes = {
        'in deg/s': measured / DEGREES,
        'with the opposite sign': -measured,
        'in the world frame': _in_base(quats[pairs.first], measured),
        'with x and y swapped': measured[:, [1, 0, 2]],
        'with x and z swapped': measured[:, [2, 1, 0]],
        'with y and z swapped': measured[:, [0, 2, 1]],
        'rotated by 180 deg about z': measured * (-1.0, -1.0, 1.0),
        'rotated by 180 deg about x': measured * (1.0, -1.0, -1.0),
        'rotated by 180 deg about y': measured * (-1.0, 1.0, -1.0),
        'rotated by 90 deg about z': measured[:, [1, 0, 2]] * (-1.0, 1.0, 1.0),
        'rotated by -90 deg about z': measured[:, [1, 0, 2]] * (1.0, -1.0, 1.0),
    }
    errors = {text: _misfit(turned, values) for text, values in fixes.items()}
    text = min(errors, key=lambda key: errors[key])
    fits = errors[text] < 0.5 and errors[text] < 0.5 * error
    yield Finding(
        code='bag.gyro',
        severity='error' if fits else 'warning',
        message=f'angular_velocity of {imu.topic.name} is not the rate of change of its '
        f'orientation (they differ by {error:.0%} of it)'
        + (f'; it looks as if it were {text} (then {errors[text]:.0%})' if fits else ''),
        hint='the policy reads both: bring them into one frame (that of the base) and into rad/s',
    )


def _misfit(turned: FloatArray, measured: FloatArray) -> float:
    """Return the RMS difference relative to the RMS of the rates, without constant biases."""
    difference = measured - turned
    difference = difference - difference.mean(axis=0)
    centred = turned - turned.mean(axis=0)
    return float(np.sqrt((difference**2).sum() / (centred**2).sum()))


def _in_base(quats_base_to_world: FloatArray, in_world: FloatArray) -> FloatArray:
    """Rotate vectors from the world into the base frame."""
    w, v = quats_base_to_world[:, :1], quats_base_to_world[:, 1:]
    t = -2.0 * np.cross(v, in_world)
    return in_world + w * t - np.cross(v, t)


CHECKS = (imu_findings,)
