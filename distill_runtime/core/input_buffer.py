# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""The samples that a runner uses: their values, their stamps, and what is wrong with them.

An input is one message: joints, Imu, velocity command, odometry, or an external topic. A valid new
sample replaces the one in use; after an invalid one the last valid sample stays in use and ages.
"""

from __future__ import annotations

import math

from distill_runtime.core.checks.robot import FrozenSample, VelocityBound
import numpy as np

from .arrays import FloatArray, IndexArray, is_valid, segment, worst_element, writable_indices
from .compiled_spec import CompiledSpec
from .config import RunnerConfig
from .rotations import write_gravity_in_base
from .sensors import InputProblem, NEVER, Sensors

JOINTS, IMU, COMMAND, ODOMETRY, EXTERNAL = range(5)
"""Index of each input in stamps_ns, in the order of the sensor vector; EXTERNAL: of the first."""


class InputBuffer:
    """Owns the sensor vector of a runner: values, stamps and problems of every input.

    Attributes:
        gravity: Unit vector of gravity in the base frame, shape (3,).
        joint_position: Measured positions in [rad], policy order, shape (num_joints,).
        joint_velocity: Measured velocities in [rad]/[s], policy order, shape (num_joints,).
        stamps_ns: Stamp of the sample in use, per input.
        joints_are_fresh: Whether the joint sample is within max_input_age.
        late: Why each required input that is missing, too old or ahead of the tick cannot be used,
            ``code: text``.
        problem: Why the newest sample of some input is not in use; None if all are.
        command_problem: Why the velocity command counts as zero, ``code: text``; '' if it does
            not.
    """

    def __init__(self, compiled: CompiledSpec, vector: FloatArray, config: RunnerConfig) -> None:
        """Make all buffers.

        Args:
            compiled: Where the vector holds what, and which inputs the policy needs.
            vector: Sensor vector of the runner, shape (vector_dim,); sensors and gravity are
                written here.
            config: Ages and thresholds.
        """
        layout = compiled.layout
        self._needs_imu = compiled.needs_imu
        self._values = vector[: layout.size]
        self._segments = (
            slice(0, layout.joint_velocity.stop),
            slice(layout.angular_velocity.start, layout.quat_base_to_world.stop),
            layout.velocity_command,
            layout.base_linear_velocity,
            *(layout.external(entry.topic) for entry in layout.externals),
        )
        self.gravity = vector[compiled.gravity]
        self._gathers: list[tuple[IndexArray, FloatArray]] = []
        self.joint_position = self._joint_values(compiled.joints.position_index)
        self.joint_velocity = self._joint_values(compiled.joints.velocity_index)
        self._command = vector[layout.velocity_command] if compiled.needs_command else None
        self._max_command_age_ns = round(config.cmd_vel_timeout * 1e9) or math.inf
        self._max_age_ns = round(config.max_input_age * 1e9)
        self._required = _required_inputs(compiled, self._max_age_ns)
        self._velocity_bound = VelocityBound(compiled, config.checks['implausible_velocity'])
        time_ns = round(config.checks['input_frozen'].limit * 1e9)
        self.frozen_joints = FrozenSample('joint_states', self._segments[JOINTS], time_ns)
        self.frozen_imu = FrozenSample('imu', self._segments[IMU], time_ns)
        self.reset()

    def _joint_values(self, index: IndexArray) -> FloatArray:
        """Return joint values: a view where they are in policy order, else an array to gather."""
        values = segment(self._values, index)
        if values is None:
            values = np.zeros(len(index))
            self._gathers.append((writable_indices(index), values))
        return values

    def reset(self) -> None:
        """Forget every sample."""
        self.frozen_joints.reset()
        self.frozen_imu.reset()
        self.stamps_ns = [NEVER] * len(self._segments)
        self.joints_are_fresh = False
        self._check_ages(0)
        self.problem: InputProblem | None = None
        self.command_problem = ''

    @property
    def reason(self) -> str:
        """Reason of the problem; '' if there is none."""
        return self.problem.reason if self.problem is not None else ''

    def with_reason(self, text: str) -> str:
        """Append the reason of the problem, if there is one, to a text."""
        return f'{text} ({self.reason})' if self.problem is not None else text

    def update(self, sensors: Sensors, stamp_ns: int) -> None:
        """Copy the valid samples, and check the age of all that are in use."""
        values, stamps_ns = sensors.values, self.stamps_ns
        if sensors.joint_stamp_ns != stamps_ns[JOINTS]:
            self.frozen_joints.note(values, self._values, stamp_ns)
        if sensors.imu_stamp_ns != stamps_ns[IMU]:
            self.frozen_imu.note(values, self._values, stamp_ns)
        newest_ns = [
            sensors.joint_stamp_ns,
            sensors.imu_stamp_ns,
            sensors.command_stamp_ns,
            sensors.odometry_stamp_ns,
            *sensors.external_stamps_ns,
        ]
        if (
            is_valid(values)
            and self._write_gravity(sensors)
            and self._velocity_bound.problem(values) is None
        ):
            self._values[:] = values
            self.stamps_ns = newest_ns
            self.problem = sensors.problem
        else:
            self._copy_valid(sensors, newest_ns)
        for index, out in self._gathers:
            self._values.take(index, None, out, 'clip')
        self._check_ages(stamp_ns)
        self.command_problem = self._expire_command(stamp_ns)

    def _write_gravity(self, sensors: Sensors) -> bool:
        """Write the direction of gravity; return False where a needed orientation is none."""
        return not self._needs_imu or write_gravity_in_base(
            sensors.quat_base_to_world, self.gravity
        )

    def _copy_valid(self, sensors: Sensors, newest_ns: list[int]) -> None:
        """Copy the valid inputs one by one; note the problem of the first that is not."""
        values = sensors.values
        usable = [is_valid(values[part]) for part in self._segments]
        is_norm_wrong = usable[IMU] and not self._write_gravity(sensors)
        implausible = self._velocity_bound.problem(values) if usable[JOINTS] else None
        problem = implausible or invalid_input(sensors, is_norm_wrong)
        self.problem = problem if problem.check else sensors.problem or problem
        usable[JOINTS] = usable[JOINTS] and implausible is None
        usable[IMU] = usable[IMU] and not is_norm_wrong
        for number, part in enumerate(self._segments):
            if usable[number]:
                self._values[part] = values[part]
                self.stamps_ns[number] = newest_ns[number]

    def _check_ages(self, stamp_ns: int) -> None:
        """Note which required inputs are missing, too old, or ahead of the tick."""
        stamps_ns, limit_ns = self.stamps_ns, self._max_age_ns
        age_ns = stamp_ns - stamps_ns[JOINTS]
        self.joints_are_fresh = -limit_ns <= age_ns <= limit_ns and stamps_ns[JOINTS] != NEVER
        self.late = [
            _age_reason(topic, stamps_ns[number], stamp_ns, limit_ns)
            for topic, number, limit_ns in self._required
            if not -limit_ns <= stamp_ns - stamps_ns[number] <= limit_ns
            or stamps_ns[number] == NEVER
        ]

    def _expire_command(self, stamp_ns: int) -> str:
        """Zero a velocity command that is out of date; return why, or ''.

        Before the first command it is zero without a reason.
        """
        if self._command is None:
            return ''
        sample_ns, limit_ns = self.stamps_ns[COMMAND], self._max_command_age_ns
        age_ns = stamp_ns - sample_ns
        if sample_ns != NEVER and -limit_ns <= age_ns <= limit_ns:
            return ''
        self._command.fill(0.0)
        if sample_ns == NEVER:
            return ''
        if age_ns < 0:
            return (
                f'cmd_vel.ahead: the velocity command is stamped {-age_ns / 1e9:.3f} s after the '
                'tick and counts as zero: are the clocks synchronised?'
            )
        return f'cmd_vel.stale: the velocity command is {age_ns / 1e9:.3f} s old, counts as zero'


def _required_inputs(
    compiled: CompiledSpec, max_age_ns: int
) -> tuple[tuple[str, int, float], ...]:
    """Return topic, index and greatest age in [ns], inclusive, of each input that is needed."""
    required: list[tuple[str, int, float]] = [('joint_states', JOINTS, max_age_ns)]
    if compiled.needs_imu:
        required.append(('imu', IMU, max_age_ns))
    if compiled.needs_odometry:
        required.append(('odom', ODOMETRY, max_age_ns))
    for number, entry in enumerate(compiled.layout.externals, EXTERNAL):
        required.append((entry.topic, number, round(entry.max_age * 1e9) or math.inf))
    return tuple(required)


def _age_reason(topic: str, sample_ns: int, stamp_ns: int, limit_ns: float) -> str:
    """Say why the age of a sample is out of bounds."""
    if sample_ns == NEVER:
        return f'{topic}.missing: no sample yet, is its publisher running?'
    age, limit = (stamp_ns - sample_ns) / 1e9, limit_ns / 1e9
    if age > 0.0:
        return (
            f'{topic}.stale: newest sample is {age:.3f} s old, expected within {limit:.3f} s: '
            'is the driver running, are the clocks synchronised?'
        )
    return (
        f'{topic}.ahead: newest sample is stamped {-age:.3f} s after the tick, expected within '
        f'{limit:.3f} s: are the clocks synchronised?'
    )


def invalid_input(sensors: Sensors, is_norm_wrong: bool = False) -> InputProblem:
    """Name the first invalid input, the velocity command last.

    Args:
        sensors: Samples of which at least one is invalid.
        is_norm_wrong: Whether the orientation is finite, but no unit quaternion.
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
            element, what = worst_element(values)
            return InputProblem(
                f'{name}.{what}: element {element} is {values[element]}, the last valid sample '
                'is kept',
                check='' if part == layout.velocity_command else 'input_sample',
            )
        if is_norm_wrong and part == layout.quat_base_to_world:
            quat = [round(float(value), 4) for value in values]
            return InputProblem(
                f'imu.norm: orientation (w, x, y, z) is {quat}, expected a unit quaternion, the '
                'last valid sample is kept'
            )
    return InputProblem('sensors.too_large: the values are huge, the last valid ones are kept')
