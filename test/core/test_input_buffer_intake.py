# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from distill_runtime.core.config import RunnerConfig
from distill_runtime.core.input_buffer import InputBuffer
from distill_runtime.core.sensors import InputProblem, NEVER, Sensors
from distill_runtime.spec.compile import compile_spec, sensor_layout
import numpy as np
import pytest
from support.rig import IMU_TERM
from support.specs import make_spec

SCAN = {'term': 'external', 'topic': '/scan', 'width': 2}
SPEC = make_spec(
    {'term': 'joint_position', 'relative': False},
    IMU_TERM,
    {'term': 'base_linear_velocity'},
    {'term': 'velocity_command'},
    SCAN,
)
PARTS = {
    'joint': ('joint_position', 'joint_velocity'),
    'imu': ('angular_velocity', 'quat_base_to_world'),
    'odometry': ('base_linear_velocity',),
    'command': ('velocity_command',),
    'external': ('external',),
}


class Inlet:
    """An intake with the samples it takes from."""

    def __init__(self, spec=SPEC, robot=None):
        self.compiled = compile_spec(spec, sensor_layout(spec, robot))
        self.vector = np.zeros(self.compiled.vector_dim)
        self.input_buffer = InputBuffer(self.compiled, self.vector, RunnerConfig())
        self.sensors = Sensors(self.compiled.layout)

    def view(self, name, of=None):
        values = self.sensors.values if of is None else of
        layout = self.compiled.layout
        return values[layout.external('/scan') if name == 'external' else getattr(layout, name)]

    def fill(self, stamp_ns, value):
        """Write a value to every input, stamped alike."""
        sensors = self.sensors
        sensors.values.fill(value)
        sensors.quat_base_to_world[:] = [0.6, 0.8, 0.0, 0.0] if value else [1.0, 0.0, 0.0, 0.0]
        for name in ('joint', 'imu', 'odometry', 'command'):
            setattr(sensors, f'{name}_stamp_ns', stamp_ns)
        sensors.external_stamps_ns = [stamp_ns] * len(sensors.externals)

    def stamps(self):
        freshness = self.input_buffer.freshness
        return {
            'joint': freshness.joint_ns,
            'imu': freshness.imu_ns,
            'odometry': freshness.odometry_ns,
            'command': self.input_buffer.command_stamp_ns,
            'external': freshness.external_ns[0],
        }


def filled(value=0.5):
    inlet = Inlet()
    inlet.fill(7, value)
    inlet.input_buffer.take_over(inlet.sensors, 7)
    return inlet


def test_sound_samples_are_in_use_with_their_stamps():
    inlet = filled()
    assert inlet.vector[: inlet.compiled.layout.size].tolist() == inlet.sensors.values.tolist()
    assert set(inlet.stamps().values()) == {7}
    assert inlet.input_buffer.gravity == pytest.approx([0.0, -0.96, 0.28])
    assert inlet.input_buffer.problem is None


@pytest.mark.parametrize('value', [np.nan, -np.inf, 1e200])
@pytest.mark.parametrize('part', [name for names in PARTS.values() for name in names])
def test_unsound_part_holds_its_input_back_and_no_other(part, value):
    inlet = filled(0.0)
    before = inlet.vector.copy()
    inlet.fill(8, 0.25)
    inlet.view(part)[1] = value
    inlet.input_buffer.take_over(inlet.sensors, 8)
    for name, parts in PARTS.items():
        is_held = part in parts
        assert inlet.stamps()[name] == (7 if is_held else 8)
        for each in parts:
            expected = inlet.view(each, before) if is_held else inlet.view(each)
            assert inlet.view(each, inlet.vector).tolist() == expected.tolist()
    turned = [0.0, 0.0, -1.0] if part in PARTS['imu'] else [0.0, -0.96, 0.28]
    assert inlet.input_buffer.gravity == pytest.approx(turned)
    assert 'the last sound one is kept' in inlet.input_buffer.reason


def test_orientation_of_another_norm_holds_the_imu_back():
    inlet = filled(0.0)
    inlet.fill(8, 0.25)
    inlet.sensors.quat_base_to_world[:] = [0.5, 0.5, 0.5, 0.0]
    inlet.input_buffer.take_over(inlet.sensors, 8)
    assert inlet.stamps() == {**dict.fromkeys(PARTS, 8), 'imu': 7}
    assert inlet.input_buffer.reason.startswith(
        'imu.norm: orientation (w, x, y, z) is [0.5, 0.5, '
    )


def test_orientation_that_nobody_needs_may_be_anything():
    spec = make_spec(SCAN)
    inlet = Inlet(spec)
    inlet.fill(8, 0.25)
    inlet.sensors.quat_base_to_world.fill(0.0)
    inlet.input_buffer.take_over(inlet.sensors, 8)
    assert inlet.input_buffer.problem is None


def test_joints_are_measured_in_policy_order():
    inlet = Inlet(robot=('ankle', 'other', 'hip', 'knee'))
    inlet.fill(8, 0.0)
    inlet.sensors.joint_position[:] = [3.0, 9.0, 1.0, 2.0]
    inlet.sensors.joint_velocity[:] = [30.0, 90.0, 10.0, 20.0]
    inlet.input_buffer.take_over(inlet.sensors, 8)
    assert inlet.input_buffer.joint_position.tolist() == [1.0, 2.0, 3.0]
    assert inlet.input_buffer.joint_velocity.tolist() == [10.0, 20.0, 30.0]


def test_problem_of_the_receiver_is_passed_on_beside_sound_values():
    inlet = filled()
    inlet.sensors.problem = InputProblem('joint_states.names: hip is missing')
    inlet.input_buffer.take_over(inlet.sensors, 8)
    assert inlet.input_buffer.reason == 'joint_states.names: hip is missing'
    inlet.sensors.problem = None
    inlet.input_buffer.take_over(inlet.sensors, 9)
    assert inlet.input_buffer.problem is None


def test_reset_forgets_every_sample():
    inlet = filled()
    inlet.input_buffer.reset()
    assert set(inlet.stamps().values()) == {NEVER}
