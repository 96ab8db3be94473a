# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Is every input that the policy needs there, and young enough?"""

from __future__ import annotations

from .plan import Plan
from .sensors import NEVER, Sensors


class Freshness:
    """Judges the stamps of the inputs at one tick."""

    def __init__(self, plan: Plan, max_age_ns: int) -> None:
        """Choose the inputs to judge.

        Args:
            plan: Says which inputs the policy needs.
            max_age_ns: Greatest age of JointState, Imu and Odometry, inclusive.
        """
        self._max_age_ns = max_age_ns
        self._needs_imu = plan.needs_imu
        self._needs_odometry = plan.needs_odometry
        self._externals = tuple(
            (entry.topic, round(entry.max_age * 1e9)) for entry in plan.layout.externals
        )
        self.reset()

    def reset(self) -> None:
        """Forget every sample."""
        self.external_ns = [NEVER] * len(self._externals)
        """Stamps of the samples in use, like the three that follow; changed from outside."""
        self.joint_ns = NEVER
        self.imu_ns = NEVER
        self.odometry_ns = NEVER
        self._stamp_ns = 0
        self.joints_are_fresh = False
        """Whether the joint sample was young enough at the last check."""

    def take_over(self, sensors: Sensors) -> None:
        """Note the stamps of samples that are all in use from now on."""
        self.joint_ns = sensors.joint_stamp_ns
        self.imu_ns = sensors.imu_stamp_ns
        self.odometry_ns = sensors.odometry_stamp_ns
        if self._externals:
            self.external_ns[:] = sensors.external_stamps_ns

    def check(self, stamp_ns: int) -> str:
        """Return why the inputs cannot be used at this tick, or '' if they can.

        Args:
            stamp_ns: Time of the tick.
        """
        limit = self._max_age_ns
        self._stamp_ns = stamp_ns
        age = stamp_ns - self.joint_ns
        self.joints_are_fresh = -limit <= age <= limit and self.joint_ns != NEVER
        if not self.joints_are_fresh:
            return _reason('joint_states', self.joint_ns, age, limit)
        if self._needs_imu:
            age = stamp_ns - self.imu_ns
            if not -limit <= age <= limit or self.imu_ns == NEVER:
                return _reason('imu', self.imu_ns, age, limit)
        if self._needs_odometry:
            age = stamp_ns - self.odometry_ns
            if not -limit <= age <= limit or self.odometry_ns == NEVER:
                return _reason('odom', self.odometry_ns, age, limit)
        if not self._externals:
            return ''
        for (topic, max_age_ns), sample_ns in zip(self._externals, self.external_ns, strict=True):
            age = stamp_ns - sample_ns
            if sample_ns == NEVER or (max_age_ns and not -max_age_ns <= age <= max_age_ns):
                return _reason(topic, sample_ns, age, max_age_ns)
        return ''

    def problems(self) -> list[str]:
        """Return what check would say of each input that could not be used at the last check."""
        limit = self._max_age_ns
        inputs = [('joint_states', self.joint_ns, limit)]
        if self._needs_imu:
            inputs.append(('imu', self.imu_ns, limit))
        if self._needs_odometry:
            inputs.append(('odom', self.odometry_ns, limit))
        for (topic, max_age_ns), sample_ns in zip(self._externals, self.external_ns, strict=True):
            inputs.append((topic, sample_ns, max_age_ns))
        ages = [(topic, ns, self._stamp_ns - ns, limit_ns) for topic, ns, limit_ns in inputs]
        return [
            _reason(topic, sample_ns, age_ns, limit_ns)
            for topic, sample_ns, age_ns, limit_ns in ages
            if sample_ns == NEVER or (limit_ns and not -limit_ns <= age_ns <= limit_ns)
        ]


def _reason(topic: str, sample_ns: int, age_ns: int, limit_ns: int) -> str:
    """Say what is wrong with one input."""
    if sample_ns == NEVER:
        return f'{topic}.missing: no sample yet, is its publisher running?'
    age, limit = age_ns / 1e9, limit_ns / 1e9
    if age_ns > 0:
        return (
            f'{topic}.stale: newest sample is {age:.3f} s old, expected within {limit:.3f} s: '
            'is the driver running, are the clocks synchronised?'
        )
    return (
        f'{topic}.ahead: newest sample is stamped {-age:.3f} s after the tick, expected within '
        f'{limit:.3f} s: are the clocks synchronised?'
    )
