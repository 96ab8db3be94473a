# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""From the newest samples to the runner's vector: what is sound is taken, the rest is told."""

from __future__ import annotations

import numpy as np

from .arrays import FloatArray, IndexArray, is_sound, own_indices, segment
from .config import RunnerConfig
from .freshness import Freshness
from .frozen import FrozenSample
from .joint_range import VelocityBound
from .plan import Plan
from .reasons import unsound_input
from .rotations import write_gravity_in_base
from .sensors import InputProblem, NEVER, Sensors


class Intake:
    """Owns the head of the runner's vector, and the stamps of what is in it."""

    def __init__(self, plan: Plan, vector: FloatArray, config: RunnerConfig) -> None:
        """Prepare all buffers.

        Args:
            plan: Where the vector holds what.
            vector: The runner's vector, shape (vector_dim,); its head is written here.
            config: Ages and thresholds.
        """
        layout = plan.layout
        self._plan = plan
        self._head = vector[: layout.size]
        self.gravity = vector[plan.gravity]
        """Unit vector of gravity in the base frame, shape (3,)."""
        self._gathers: list[tuple[IndexArray, FloatArray]] = []
        self.joint_position = self._joint_values(plan.joints.position_index)
        """Measured positions in [rad], policy order."""
        self.joint_velocity = self._joint_values(plan.joints.velocity_index)
        """Measured velocities in [rad]/[s], policy order."""
        self.freshness = Freshness(plan, round(config.max_input_age * 1e9))
        time_ns = round(config.checks['input_frozen'].limit * 1e9)
        self._joints = slice(0, layout.joint_velocity.stop)
        self._imu = slice(layout.angular_velocity.start, layout.quat_base_to_world.stop)
        self._velocity_bound = VelocityBound(plan, config.checks['implausible_velocity'])
        self.frozen_joints = FrozenSample('joint_states', self._joints, time_ns)
        self.frozen_imu = FrozenSample('imu', self._imu, time_ns)
        self.reset()

    def _joint_values(self, index: IndexArray) -> FloatArray:
        """Return joint values: a view where they are in policy order, else an array to gather."""
        values = segment(self._head, index)
        if values is None:
            values = np.zeros(len(index))
            self._gathers.append((own_indices(index), values))
        return values

    def reset(self) -> None:
        """Forget every sample."""
        self.freshness.reset()
        self.frozen_joints.reset()
        self.frozen_imu.reset()
        self.command_stamp_ns = NEVER
        """Stamp of the velocity command in use."""
        self.problem: InputProblem | None = None
        """Why the newest sample of some input is not in use; None if all are."""

    @property
    def reason(self) -> str:
        """The reason of the problem; '' if there is none."""
        return self.problem.reason if self.problem is not None else ''

    def take_over(self, sensors: Sensors, stamp_ns: int) -> None:
        """Copy what is sound; keep the last sound sample of what is not, and say why.

        Args:
            sensors: The newest samples.
            stamp_ns: Time of the tick.
        """
        values, freshness = sensors.values, self.freshness
        if sensors.joint_stamp_ns != freshness.joint_ns:
            self.frozen_joints.note(values, self._head, stamp_ns)
        if sensors.imu_stamp_ns != freshness.imu_ns:
            self.frozen_imu.note(values, self._head, stamp_ns)
        if (
            is_sound(values)
            and self._turn(sensors)
            and self._velocity_bound.problem(values) is None
        ):
            self._head[:] = values
            freshness.take_over(sensors)
            self.command_stamp_ns = sensors.command_stamp_ns
            self.problem = sensors.problem
        else:
            self._take_over_parts(sensors)
        for index, out in self._gathers:
            self._head.take(index, None, out, 'clip')

    def _turn(self, sensors: Sensors) -> bool:
        """Write the direction of gravity; return whether the orientation, if needed, is one."""
        return not self._plan.needs_imu or write_gravity_in_base(
            sensors.quat_base_to_world, self.gravity
        )

    def _take_over_parts(self, sensors: Sensors) -> None:
        """Copy the inputs that are sound, one by one."""
        layout, freshness = sensors.layout, self.freshness
        has_imu = is_sound(sensors.values[self._imu])
        is_turned = has_imu and self._turn(sensors)
        implausible = None
        if is_sound(sensors.values[self._joints]):
            implausible = self._velocity_bound.problem(sensors.values)
        problem = implausible or unsound_input(sensors, has_imu and not is_turned)
        self.problem = problem if problem.check else sensors.problem or problem
        if implausible is None and self._copy(sensors, self._joints):
            freshness.joint_ns = sensors.joint_stamp_ns
        if is_turned and self._copy(sensors, self._imu):
            freshness.imu_ns = sensors.imu_stamp_ns
        if self._copy(sensors, layout.velocity_command):
            self.command_stamp_ns = sensors.command_stamp_ns
        if self._copy(sensors, layout.base_linear_velocity):
            freshness.odometry_ns = sensors.odometry_stamp_ns
        for place, entry in enumerate(layout.externals):
            if self._copy(sensors, layout.external(entry.topic)):
                freshness.external_ns[place] = sensors.external_stamps_ns[place]

    def _copy(self, sensors: Sensors, part: slice) -> bool:
        """Copy one input if it is sound; return whether it is."""
        values = sensors.values[part]
        if not is_sound(values):
            return False
        self._head[part] = values
        return True
