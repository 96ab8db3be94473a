# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Statistics of an Imu: norm, gravity at rest, mean acceleration, findings.

A policy reads orientation and angular velocity. The acceleration verifies the orientation: rotated
into the world, it is gravity on average whatever the robot does.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from distill_runtime.core.arrays import FloatArray
from distill_runtime.core.rotations import NORM_TOLERANCE
from distill_runtime.data.bags.bag import Bag, Topic
from distill_runtime.data.diagnosis.imu_findings import (
    gravity_z,
    gyro_findings,
    orientation_findings,
)
from distill_runtime.data.recording.series import read_imu
from distill_runtime.data.ticks.windows import MAX_ROWS, Windows
from distill_runtime.spec.findings.finding import Finding
import numpy as np

REST = 0.05
"""Angular velocity below which a robot is at rest, in [rad]/[s]."""
GRAVITY = 9.81
"""In [m]/[s]^2."""
_LEAST_REST = 50
_MOST_ACCELERATIONS = 2000


@dataclass(frozen=True, kw_only=True)
class ImuStats:
    """Statistics of an Imu; NaN where unknown."""

    topic: str
    norm_min: float
    """Smallest norm of an orientation."""
    norm_max: float
    """Largest norm of an orientation."""
    rest: float
    """Share of the samples at rest."""
    gravity_z: float
    """Mean z of the unit vector of gravity in the base, at rest if possible; -1 is upright."""
    acceleration: tuple[float, float, float]
    """Mean acceleration, rotated into the world, in [m]/[s]^2; expected (0, 0, 9.81)."""
    findings: tuple[Finding, ...]


def read_imu_stats(bag: Bag, topic: Topic) -> ImuStats | None:
    """Compute the statistics of an Imu, of a long recording in windows; None: it has no samples.

    Raises:
        RecordingError: If the file is damaged there.
    """
    windows = Windows(topic.num_messages) if topic.num_messages > MAX_ROWS else None
    imu = read_imu(bag, topic, None if windows is None else windows.for_joints())
    if not len(imu.values):
        return None
    quats, rates = imu.values[:, :4], imu.values[:, 4:]
    norms = np.linalg.norm(quats, axis=1)
    is_unit = np.abs(norms**2 - 1.0) <= NORM_TOLERANCE
    is_at_rest = np.linalg.norm(rates, axis=1) < REST
    chosen = is_unit & is_at_rest
    if np.count_nonzero(chosen) < _LEAST_REST:
        chosen = is_unit
    is_known = bool(np.isfinite(norms).any())
    acceleration = _mean_acceleration(bag, topic)
    findings = [*orientation_findings(imu), *gyro_findings(imu)]
    findings += _acceleration_findings(topic.name, acceleration)
    return ImuStats(
        topic=topic.name,
        norm_min=float(np.nanmin(norms)) if is_known else np.nan,
        norm_max=float(np.nanmax(norms)) if is_known else np.nan,
        rest=float(is_at_rest.mean()),
        gravity_z=float(gravity_z(quats[chosen]).mean()) if chosen.any() else np.nan,
        acceleration=(float(acceleration[0]), float(acceleration[1]), float(acceleration[2])),
        findings=tuple(findings),
    )


def _mean_acceleration(bag: Bag, topic: Topic) -> FloatArray:
    """Return the mean acceleration in the world over some of the messages; NaN for none."""
    every = max(1, topic.num_messages // _MOST_ACCELERATIONS)
    found = []
    number = 0
    for chunk in bag.chunks(topic):
        for index in range(-number % every, len(chunk.sizes), every):
            try:
                message = bag.deserialize(chunk.content(index), topic)
            except Exception:  # noqa: BLE001  rosbags raises many types, IndexError among them
                continue
            if message.linear_acceleration_covariance[0] != -1.0:
                quat, vector = message.orientation, message.linear_acceleration
                found.append((quat.w, quat.x, quat.y, quat.z, vector.x, vector.y, vector.z))
        number += len(chunk.sizes)
    rows = np.array(found, np.float64).reshape(-1, 7)
    quats, vectors = rows[:, :4], rows[:, 4:]
    is_usable = np.abs(np.einsum('ij,ij->i', quats, quats) - 1.0) <= NORM_TOLERANCE
    is_usable &= np.isfinite(vectors).all(axis=1) & vectors.any(axis=1)
    if not is_usable.any():
        return np.full(3, np.nan)
    w, axis, inner = quats[is_usable, :1], quats[is_usable, 1:], vectors[is_usable]
    turned = 2.0 * np.cross(axis, inner)
    mean: FloatArray = (inner + w * turned + np.cross(axis, turned)).mean(axis=0)
    return mean


def _acceleration_findings(topic: str, mean: FloatArray) -> Iterator[Finding]:
    """Compare the mean acceleration in the world with gravity."""
    size, up = float(np.linalg.norm(mean)), np.array((0.0, 0.0, GRAVITY))
    if np.isnan(size) or np.linalg.norm(mean - up) < 0.2 * GRAVITY:
        return
    shown = ', '.join(f'{value:+.2f}' for value in mean)
    what = 'the orientation is from another sensor, or the robot fell'
    if abs(size - 1.0) < 0.2:
        what = 'it seems to be in multiples of g'
    elif size < 0.2 * GRAVITY:
        what = 'the driver seems to subtract gravity'
    elif np.linalg.norm(mean + up) < 0.2 * GRAVITY:
        what = 'its sign seems wrong, or the sensor is upside down'
    yield Finding(
        code='bag.acceleration',
        severity='warning',
        message=f'linear_acceleration of {topic}, rotated into the world, is ({shown}) m/s^2 '
        f'on average, expected (0, 0, {GRAVITY:+}): {what}',
        hint='no policy reads the acceleration; it verifies the frame of the Imu',
    )
