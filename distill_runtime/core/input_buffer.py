# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""From the newest samples to the runner's vector: what is sound is taken, the rest is told.

Is every input that the policy needs there, and young enough?

Reasons in words, made only when something is wrong.
"""

from __future__ import annotations

import math

from distill_runtime.core.checks.robot import FrozenSample, VelocityBound
import numpy as np

from .arrays import Float32Array, FloatArray, IndexArray, is_valid, segment, writable_indices
from .compiled_spec import CompiledSpec
from .config import RunnerConfig
from .rotations import write_gravity_in_base
from .sensors import InputProblem, NEVER, Sensors


class Freshness:
    """Judges the stamps of the inputs at one tick."""

    def __init__(self, compiled: CompiledSpec, max_age_ns: int) -> None:
        """Choose the inputs to judge.

        Args:
            compiled: Says which inputs the policy needs.
            max_age_ns: Greatest age of JointState, Imu and Odometry, inclusive.
        """
        self._max_age_ns = max_age_ns
        self._needs_imu = compiled.needs_imu
        self._needs_odometry = compiled.needs_odometry
        self._externals = tuple(
            (entry.topic, round(entry.max_age * 1e9)) for entry in compiled.layout.externals
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


def joined(reason: str, warning: str) -> str:
    """Add what was seen to what it led to."""
    return f'{reason} ({warning})' if warning else reason


def invalid_input(sensors: Sensors, is_norm_wrong: bool = False) -> InputProblem:
    """Name the first input that holds what no sensor gives, the velocity command last.

    Args:
        sensors: Of which some input is unsound.
        is_norm_wrong: Whether the orientation is finite, but no rotation.
    """
    layout = sensors.layout
    segments = [
        ('joint_states.position', layout.joint_position),
        ('joint_states.velocity', layout.joint_velocity),
        ('imu.angular_velocity', layout.angular_velocity),
        ('imu.orientation', layout.quat_base_to_world),
        ('odom.twist', layout.base_linear_velocity),
        *((entry.topic, layout.external(entry.topic)) for entry in layout.externals),
        ('cmd_vel', layout.velocity_command),
    ]
    for name, part in segments:
        values = sensors.values[part]
        if not is_valid(values):
            element, what = _worst(values)
            return InputProblem(
                f'{name}.{what}: element {element} is {values[element]}, the last sound one is '
                'kept',
                check='' if part == layout.velocity_command else 'input_sample',
            )
        if is_norm_wrong and part == layout.quat_base_to_world:
            quat = [round(float(value), 4) for value in values]
            return InputProblem(
                f'imu.norm: orientation (w, x, y, z) is {quat}, expected a unit quaternion, the '
                'last sound one is kept'
            )
    return InputProblem('sensors.too_large: the values are huge, the last sound ones are kept')


def invalid_action(action: Float32Array) -> str:
    """Name the element of the network output that cannot be a target."""
    element, what = _worst(action)
    return f'action.{what}: network output element {element} is {action[element]}'


def _worst(values: FloatArray | Float32Array) -> tuple[int, str]:
    """Return the first element that is not finite, else the largest one, and what is wrong."""
    magnitude = np.nan_to_num(np.abs(values), nan=np.inf, posinf=np.inf)
    element = int(magnitude.argmax())
    return element, 'too_large' if math.isfinite(magnitude[element]) else 'not_finite'


class InputBuffer:
    """Owns the head of the runner's vector, and the stamps of what is in it."""

    def __init__(self, compiled: CompiledSpec, vector: FloatArray, config: RunnerConfig) -> None:
        """Prepare all buffers.

        Args:
            compiled: Where the vector holds what.
            vector: The runner's vector, shape (vector_dim,); its head is written here.
            config: Ages and thresholds.
        """
        layout = compiled.layout
        self._compiled = compiled
        self._sensor_vector = vector[: layout.size]
        self.gravity = vector[compiled.gravity]
        """Unit vector of gravity in the base frame, shape (3,)."""
        self._gathers: list[tuple[IndexArray, FloatArray]] = []
        self.joint_position = self._joint_values(compiled.joints.position_index)
        """Measured positions in [rad], policy order."""
        self.joint_velocity = self._joint_values(compiled.joints.velocity_index)
        """Measured velocities in [rad]/[s], policy order."""
        self.freshness = Freshness(compiled, round(config.max_input_age * 1e9))
        time_ns = round(config.checks['input_frozen'].limit * 1e9)
        self._joints = slice(0, layout.joint_velocity.stop)
        self._imu = slice(layout.angular_velocity.start, layout.quat_base_to_world.stop)
        self._velocity_bound = VelocityBound(compiled, config.checks['implausible_velocity'])
        self.frozen_joints = FrozenSample('joint_states', self._joints, time_ns)
        self.frozen_imu = FrozenSample('imu', self._imu, time_ns)
        self.reset()

    def _joint_values(self, index: IndexArray) -> FloatArray:
        """Return joint values: a view where they are in policy order, else an array to gather."""
        values = segment(self._sensor_vector, index)
        if values is None:
            values = np.zeros(len(index))
            self._gathers.append((writable_indices(index), values))
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
            self.frozen_joints.note(values, self._sensor_vector, stamp_ns)
        if sensors.imu_stamp_ns != freshness.imu_ns:
            self.frozen_imu.note(values, self._sensor_vector, stamp_ns)
        if (
            is_valid(values)
            and self._turn(sensors)
            and self._velocity_bound.problem(values) is None
        ):
            self._sensor_vector[:] = values
            freshness.take_over(sensors)
            self.command_stamp_ns = sensors.command_stamp_ns
            self.problem = sensors.problem
        else:
            self._take_over_parts(sensors)
        for index, out in self._gathers:
            self._sensor_vector.take(index, None, out, 'clip')

    def _turn(self, sensors: Sensors) -> bool:
        """Write the direction of gravity; return whether the orientation, if needed, is one."""
        return not self._compiled.needs_imu or write_gravity_in_base(
            sensors.quat_base_to_world, self.gravity
        )

    def _take_over_parts(self, sensors: Sensors) -> None:
        """Copy the inputs that are sound, one by one."""
        layout, freshness = sensors.layout, self.freshness
        has_imu = is_valid(sensors.values[self._imu])
        is_turned = has_imu and self._turn(sensors)
        implausible = None
        if is_valid(sensors.values[self._joints]):
            implausible = self._velocity_bound.problem(sensors.values)
        problem = implausible or invalid_input(sensors, has_imu and not is_turned)
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
        if not is_valid(values):
            return False
        self._sensor_vector[part] = values
        return True
