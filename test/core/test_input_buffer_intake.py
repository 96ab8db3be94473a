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


class Buffered:
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
    buffered = Buffered()
    buffered.fill(7, value)
    buffered.input_buffer.take_over(buffered.sensors, 7)
    return buffered


def test_sound_samples_are_in_use_with_their_stamps():
    buffered = filled()
    assert (
        buffered.vector[: buffered.compiled.layout.size].tolist()
        == buffered.sensors.values.tolist()
    )
    assert set(buffered.stamps().values()) == {7}
    assert buffered.input_buffer.gravity == pytest.approx([0.0, -0.96, 0.28])
    assert buffered.input_buffer.problem is None


@pytest.mark.parametrize('value', [np.nan, -np.inf, 1e200])
@pytest.mark.parametrize('part', [name for names in PARTS.values() for name in names])
def test_unsound_part_holds_its_input_back_and_no_other(part, value):
    buffered = filled(0.0)
    before = buffered.vector.copy()
    buffered.fill(8, 0.25)
    buffered.view(part)[1] = value
    buffered.input_buffer.take_over(buffered.sensors, 8)
    for name, parts in PARTS.items():
        is_held = part in parts
        assert buffered.stamps()[name] == (7 if is_held else 8)
        for each in parts:
            expected = buffered.view(each, before) if is_held else buffered.view(each)
            assert buffered.view(each, buffered.vector).tolist() == expected.tolist()
    turned = [0.0, 0.0, -1.0] if part in PARTS['imu'] else [0.0, -0.96, 0.28]
    assert buffered.input_buffer.gravity == pytest.approx(turned)
    assert 'the last sound one is kept' in buffered.input_buffer.reason


def test_orientation_of_another_norm_holds_the_imu_back():
    buffered = filled(0.0)
    buffered.fill(8, 0.25)
    buffered.sensors.quat_base_to_world[:] = [0.5, 0.5, 0.5, 0.0]
    buffered.input_buffer.take_over(buffered.sensors, 8)
    assert buffered.stamps() == {**dict.fromkeys(PARTS, 8), 'imu': 7}
    assert buffered.input_buffer.reason.startswith(
        'imu.norm: orientation (w, x, y, z) is [0.5, 0.5, '
    )


def test_orientation_that_nobody_needs_may_be_anything():
    spec = make_spec(SCAN)
    buffered = Buffered(spec)
    buffered.fill(8, 0.25)
    buffered.sensors.quat_base_to_world.fill(0.0)
    buffered.input_buffer.take_over(buffered.sensors, 8)
    assert buffered.input_buffer.problem is None


def test_joints_are_measured_in_policy_order():
    buffered = Buffered(robot=('ankle', 'other', 'hip', 'knee'))
    buffered.fill(8, 0.0)
    buffered.sensors.joint_position[:] = [3.0, 9.0, 1.0, 2.0]
    buffered.sensors.joint_velocity[:] = [30.0, 90.0, 10.0, 20.0]
    buffered.input_buffer.take_over(buffered.sensors, 8)
    assert buffered.input_buffer.joint_position.tolist() == [1.0, 2.0, 3.0]
    assert buffered.input_buffer.joint_velocity.tolist() == [10.0, 20.0, 30.0]


def test_problem_of_the_receiver_is_passed_on_beside_sound_values():
    buffered = filled()
    buffered.sensors.problem = InputProblem('joint_states.names: hip is missing')
    buffered.input_buffer.take_over(buffered.sensors, 8)
    assert buffered.input_buffer.reason == 'joint_states.names: hip is missing'
    buffered.sensors.problem = None
    buffered.input_buffer.take_over(buffered.sensors, 9)
    assert buffered.input_buffer.problem is None


def test_reset_forgets_every_sample():
    buffered = filled()
    buffered.input_buffer.reset()
    assert set(buffered.stamps().values()) == {NEVER}
