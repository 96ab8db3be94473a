# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""What a teacher would have seen at the ticks of a recording, and where it lacks an input."""

from __future__ import annotations

from typing import NamedTuple

from distill_runtime.core.arrays import BoolArray, FloatArray, IndexArray, StampArray
from distill_runtime.core.compiled_spec import CompiledSpec
from distill_runtime.core.instance.batch import gravity_rows, zero_old_commands
from distill_runtime.core.sensors import NEVER, Sensors
from distill_runtime.data.recording.policy_recording import missing_inputs, PolicyRecording
from distill_runtime.data.replay.config import ReplayConfig
from distill_runtime.data.replay.recorded_run import find_run
from distill_runtime.data.replay.step_loop import SensorRows
from distill_runtime.errors import RecordingError
from distill_runtime.policy.model import LoadedPolicy
import numpy as np
import numpy.typing as npt


class TeacherInputs(NamedTuple):
    """Inputs of a teacher at consecutive ticks."""

    sensors: FloatArray
    """With the velocity command in use, shape (n, layout.size)."""
    reason: IndexArray
    """Why the inputs cannot be used, an index in TeacherRows.reasons; 0: they can. Shape (n,)."""


class TeacherRows:
    """Inputs of one teacher at the ticks of a recording.

    Attributes:
        reasons: ``code: text`` per reason; the first one is ''.
    """

    def __init__(
        self,
        source: PolicyRecording,
        policy: LoadedPolicy,
        compiled: CompiledSpec,
        config: ReplayConfig,
        stamp_ns: StampArray,
        period: float,
    ) -> None:
        """Find the samples of all ticks.

        Args:
            source: Recording, of this policy.
            policy: The teacher.
            compiled: What it reads.
            config: Ages at which samples are out of date.
            stamp_ns: Of the ticks of the student.
            period: Of the student, in [s].

        Raises:
            RecordingError: If the recording has no message of an input.
        """
        missing = missing_inputs(source.recording, compiled)
        if missing:
            raise RecordingError(f'no topic gives {missing}')
        run = find_run(source, policy, config, period)
        if not np.array_equal(run.ticks.stamp_ns, stamp_ns):
            raise RecordingError('its ticks are not those of the student')
        self._ticks, self._compiled = run.ticks, compiled
        self._samples = SensorRows(source.recording, run.ticks, compiled.layout)
        self._before = Sensors(compiled.layout).values
        self._max_command_age_ns = round(config.runner.cmd_vel_timeout * 1e9)
        self._lacks = run.lacks
        max_age_ns = round(config.runner.max_input_age * 1e9)
        inputs = [
            ('joint_states', 0, max_age_ns, True),
            ('imu', 1, max_age_ns, compiled.needs_imu),
            ('odom', 2, max_age_ns, compiled.needs_odometry),
        ]
        for column, entry in enumerate(compiled.layout.externals, 4):
            inputs.append((entry.topic, column, round(entry.max_age * 1e9), True))
        self._inputs = [entry[:3] for entry in inputs if entry[3]]
        self.reasons = ['']

    def read(self, chunk: slice) -> TeacherInputs:
        """Return the inputs at some ticks."""
        ticks, compiled = self._ticks, self._compiled
        sensors = self._samples.read(chunk, self._before)
        self._before = sensors[-1].copy()
        stamps = [stamps[chunk] for stamps in (*ticks.stamps, *ticks.external_stamps)]
        reason = np.zeros(len(sensors), np.intp)
        for name, column, max_age_ns in self._inputs:
            samples = stamps[column]
            is_missing = samples == NEVER
            if name in self._lacks:
                is_missing |= self._lacks[name][chunk]
            self._note(reason, is_missing, f'{name}.missing: no message by the time of the tick')
            if max_age_ns:
                is_stale = ~is_missing & (np.abs(ticks.stamp_ns[chunk] - samples) > max_age_ns)
                text = f'{name}.stale: older than {max_age_ns * 1e-9:g} s'
                self._note(reason, is_stale, text)
        if compiled.needs_imu:
            gravity = gravity_rows(sensors[:, compiled.layout.quat_base_to_world])
            text = 'imu.norm: the orientation is no unit quaternion'
            self._note(reason, ~is_finite(gravity), text)
        is_usable = is_finite(sensors)
        self._note(reason, ~is_usable, 'sensors.not_finite: a value is NaN or infinite')
        sensors[~is_usable] = 0.0
        if compiled.needs_command:
            command = sensors[:, compiled.layout.velocity_command]
            zero_old_commands(command, stamps[3], ticks.stamp_ns[chunk], self._max_command_age_ns)
        return TeacherInputs(sensors, reason)

    def _note(self, reason: IndexArray, where: BoolArray, text: str) -> None:
        """Set a reason where there is none yet."""
        where = where & (reason == 0)
        if where.any():
            if text not in self.reasons:
                self.reasons.append(text)
            reason[where] = self.reasons.index(text)


def is_finite(rows: npt.NDArray[np.floating]) -> BoolArray:
    """Return which rows have finite values only, shape (n,)."""
    return np.asarray(np.isfinite(rows).all(axis=1))
