# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Recording of a simulated robot under a policy: one mass per joint, known PD gains."""

from __future__ import annotations

from dataclasses import replace

from distill_runtime.core.config import RunnerConfig
from distill_runtime.core.runner import PolicyRunner
from distill_runtime.core.sensors import Sensors
from distill_runtime.data.recording.series import JointStream
from distill_runtime.spec.compile import compile_spec
import numpy as np

from .rig import FakePolicy
from .specs import DEFAULT, JOINTS, make_spec
from .walks import joint_stream, recording

STIFFNESS, DAMPING, INERTIA = 40.0, 1.0, 0.3
ROWS_PER_TICK = 4
TERMS = ({'term': 'joint_position', 'relative': True}, {'term': 'joint_velocity', 'scale': 0.05})


class ReadingPolicy(FakePolicy):
    """Moves the joints by feedback of what it observes."""

    def __init__(self, compiled):
        super().__init__(compiled, 0.0)
        rng = np.random.default_rng(1)
        coupling = rng.normal(0.0, 0.7, (3, 6))
        self.weights = np.hstack([-np.eye(3), 15.0 * np.eye(3)]) + coupling

    def run(self):
        """Write the output."""
        self.action[:] = np.tanh(3.0 * self.weights @ self.observation)
        self.num_runs += 1


def driven_spec(**changes):
    """Return the spec that the recording was made with."""
    return make_spec(
        *changes.pop('terms', TERMS),
        **{
            'stiffness': [STIFFNESS] * 3,
            'damping': [DAMPING] * 3,
            'action': {'scale': 0.25},
            **changes,
        },
    )


def drive(spec=None, ticks=200):
    """Run the policy; return the recording of joints and efforts, and the targets."""
    spec = spec or driven_spec()
    compiled = compile_spec(spec)
    runner = PolicyRunner(
        compiled, ReadingPolicy(compiled), RunnerConfig(start_in='policy', max_joint_step=0.0)
    )
    sensors = Sensors(compiled.layout)
    q, dq = np.array(DEFAULT), np.array([0.5, -0.3, 0.2])
    rows = {'position': [], 'velocity': [], 'effort': []}
    targets, effort = [], np.zeros(3)
    for tick in range(ticks):
        sensors.joint_position[:], sensors.joint_velocity[:] = q, dq
        sensors.joint_stamp_ns = tick * compiled.period_ns
        target = runner.step(sensors, tick * compiled.period_ns).target.copy()
        targets.append(target)
        for _ in range(ROWS_PER_TICK):
            for name, values in (('position', q), ('velocity', dq), ('effort', effort)):
                rows[name].append(values.copy())
            for _ in range(5):
                effort = STIFFNESS * (target - q) - DAMPING * dq
                dq = dq + 0.001 * effort / INERTIA
                q = q + 0.001 * dq
    joints = joint_stream(
        np.array(rows['position']),
        velocity=np.array(rows['velocity']),
        effort=np.array(rows['effort']),
    )
    return recording(joints), np.array(targets)


def with_commands(given, targets, **changes):
    """Add commands stamped like the ticks to a recording, and remove the efforts."""
    stamp_ns = given.joints.stamp_ns[::ROWS_PER_TICK]
    commands = joint_stream(
        targets, JOINTS, '/joint_command', stamp_ns=stamp_ns, receive_ns=stamp_ns, **changes
    )
    joints: JointStream = replace(given.joints, effort=None)
    return replace(given, joints=joints, joint_command=commands)
