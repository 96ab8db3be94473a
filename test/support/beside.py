# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""A teacher that is stepped beside the student, as an oracle of its labels."""

from __future__ import annotations

from distill_runtime.core.config import RunnerConfig
from distill_runtime.core.modes import Mode
from distill_runtime.core.runner import PolicyRunner
from distill_runtime.core.sensors import Sensors
from distill_runtime.policy.model import load_policy
from distill_runtime.spec.compile import compile_spec, sensor_layout
import numpy as np

from .bags import MS, multi_array
from .logged_run import LIMITS
from .specs import JOINTS


class Beside:
    """A teacher that runs beside the student, on the actions that the student executes.

    It starts again where the student does after a fault.

    Attributes:
        labels: Its outputs, a row per tick, NaN where it did not run.
        messages: Of the topics that it reads and the student does not.
    """

    def __init__(self, path, student, ticks):
        teacher = load_policy(path)
        layout = sensor_layout(teacher.spec, JOINTS)
        compiled = compile_spec(teacher.spec, layout, student.spec.joints)
        self._session = teacher.session
        self._runner = PolicyRunner(
            compiled, teacher.session, RunnerConfig(start_in='policy', **LIMITS)
        )
        self._sensors = Sensors(layout)
        self.labels = np.full((ticks, 3), np.nan, np.float32)
        self.messages = []
        self._tick = 0
        self._is_paused = False

    def step(self, sensors, now_ns, acting):
        if acting.mode is Mode.FAULT or acting.mode is Mode.STANDBY:
            self._is_paused = True
            self._tick += 1
            return
        if self._is_paused:
            self._runner.reset(Mode.POLICY)
            self._is_paused = False
        mine = self._sensors
        mine.values[: sensors.layout.size] = sensors.values
        mine.joint_stamp_ns, mine.imu_stamp_ns = sensors.joint_stamp_ns, sensors.imu_stamp_ns
        mine.command_stamp_ns = sensors.command_stamp_ns
        if mine.externals and self._tick % 3 == 0:
            values = np.sin(self._tick + np.arange(4)).astype(np.float32)
            segments = [('scan', 4)]
            self.messages.append(multi_array(now_ns - 5 * MS, segments, values, '/scan'))
            mine.externals[0][:], mine.external_stamps_ns[0] = values, now_ns
        if self._runner.step(mine, now_ns).has_policy_step:
            self.labels[self._tick] = self._session.action
        active = acting.switcher.active
        self._runner.switcher.active.action_map.translate(
            active.compiled.action, active.last_action, active.action_map.target
        )
        self._tick += 1
