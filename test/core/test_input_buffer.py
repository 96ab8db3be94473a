# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from distill_runtime.core.config import RunnerConfig
from distill_runtime.core.input_buffer import InputBuffer, invalid_input
from distill_runtime.core.sensors import (
    ExternalInput,
    InputProblem,
    NEVER,
    SensorLayout,
    Sensors,
)
from distill_runtime.spec.compile import compile_spec, sensor_layout
import numpy as np
import pytest
from support.rig import COMMAND_TERM, IMU_TERM, ODOMETRY_TERM
from support.specs import make_spec

LIMIT = 100_000_000
COMMAND_LIMIT = 500_000_000
SCAN = {'term': 'external', 'topic': '/scan', 'width': 2, 'max_age': 0.3}
GOAL = {'term': 'external', 'topic': 'goal', 'width': 2}
POSITION = {'term': 'joint_position', 'relative': False}
TERMS = (POSITION, IMU_TERM, ODOMETRY_TERM, COMMAND_TERM, SCAN)
VIEWS = {
    'joint': ('joint_position', 'joint_velocity'),
    'imu': ('angular_velocity', 'quat_base_to_world'),
    'command': ('velocity_command',),
    'odometry': ('base_linear_velocity',),
    'external': ('external',),
}
"""Views of each input, in the order of the stamps."""
TOPICS = {'joint': 'joint_states', 'imu': 'imu', 'odometry': 'odom', 'external': '/scan'}


class Buffered:
    """An input buffer and the samples that it is updated with."""

    def __init__(self, *terms, robot=None, **config):
        spec = make_spec(*(terms or TERMS))
        self.compiled = compile_spec(spec, sensor_layout(spec, robot))
        self.vector = np.zeros(self.compiled.vector_dim)
        self.buffer = InputBuffer(self.compiled, self.vector, RunnerConfig(**config))
        self.sensors = Sensors(self.compiled.layout)

    def view(self, name, values=None):
        layout = self.compiled.layout
        part = layout.external('/scan') if name == 'external' else getattr(layout, name)
        return (self.sensors.values if values is None else values)[part]

    def fill(self, value):
        self.sensors.values.fill(value)
        self.sensors.quat_base_to_world[:] = (
            [0.6, 0.8, 0.0, 0.0] if value else [1.0, 0.0, 0.0, 0.0]
        )

    def update(self, stamp_ns, **stamps):
        """Update at a tick; all samples have its stamp but those given."""
        for name in ('joint', 'imu', 'odometry', 'command'):
            setattr(self.sensors, f'{name}_stamp_ns', stamps.get(name, stamp_ns))
        external_ns = stamps.get('external', stamp_ns)
        self.sensors.external_stamps_ns = [external_ns] * len(self.sensors.externals)
        self.buffer.update(self.sensors, stamp_ns)
        return self.buffer.late


def filled(value):
    buffered = Buffered()
    buffered.fill(value)
    buffered.update(7)
    return buffered


def test_valid_samples_are_in_use_with_their_stamps():
    buffered = filled(0.5)
    size = buffered.compiled.layout.size
    assert buffered.vector[:size].tolist() == buffered.sensors.values.tolist()
    assert buffered.buffer.stamps_ns == [7] * 5
    assert buffered.buffer.gravity == pytest.approx([0.0, -0.96, 0.28])
    assert buffered.buffer.problem is None


@pytest.mark.parametrize('value', [np.nan, -np.inf, 1e200])
@pytest.mark.parametrize('view', [name for names in VIEWS.values() for name in names])
def test_invalid_value_keeps_the_last_sample_of_its_input_and_of_no_other(view, value):
    buffered = filled(0.0)
    before = buffered.vector.copy()
    buffered.fill(0.25)
    buffered.view(view)[1] = value
    buffered.update(8)
    for stamp_ns, views in zip(buffered.buffer.stamps_ns, VIEWS.values(), strict=True):
        is_kept = view in views
        assert stamp_ns == (7 if is_kept else 8)
        for each in views:
            expected = buffered.view(each, before) if is_kept else buffered.view(each)
            assert buffered.view(each, buffered.vector).tolist() == expected.tolist()
    gravity = [0.0, 0.0, -1.0] if view in VIEWS['imu'] else [0.0, -0.96, 0.28]
    assert buffered.buffer.gravity == pytest.approx(gravity)
    assert 'the last valid sample is kept' in buffered.buffer.reason


def test_quaternion_of_another_norm_keeps_the_last_imu_sample():
    buffered = filled(0.0)
    buffered.fill(0.25)
    buffered.sensors.quat_base_to_world[:] = [0.5, 0.5, 0.5, 0.0]
    buffered.update(8)
    assert buffered.buffer.stamps_ns == [8, 7, 8, 8, 8]
    assert buffered.buffer.reason.startswith('imu.norm: orientation (w, x, y, z) is [0.5, 0.5, ')


def test_orientation_that_the_policy_does_not_need_may_be_anything():
    buffered = Buffered(SCAN)
    buffered.sensors.quat_base_to_world.fill(0.0)
    buffered.update(8)
    assert buffered.buffer.problem is None


def test_joints_are_measured_in_policy_order():
    buffered = Buffered(robot=('ankle', 'other', 'hip', 'knee'))
    buffered.sensors.joint_position[:] = [3.0, 9.0, 1.0, 2.0]
    buffered.sensors.joint_velocity[:] = [30.0, 90.0, 10.0, 20.0]
    buffered.update(8)
    assert buffered.buffer.joint_position.tolist() == [1.0, 2.0, 3.0]
    assert buffered.buffer.joint_velocity.tolist() == [10.0, 20.0, 30.0]


def test_problem_of_the_receiver_is_passed_on_and_appended():
    buffered = filled(0.5)
    assert buffered.buffer.with_reason('imu.stale: old') == 'imu.stale: old'
    buffered.sensors.problem = InputProblem('joint_states.names: hip is missing')
    buffered.update(8)
    assert buffered.buffer.reason == 'joint_states.names: hip is missing'
    assert buffered.buffer.with_reason('imu.stale: old') == (
        'imu.stale: old (joint_states.names: hip is missing)'
    )
    buffered.sensors.problem = None
    buffered.update(9)
    assert buffered.buffer.problem is None


def test_reset_forgets_every_sample():
    buffered = filled(0.5)
    assert buffered.buffer.joints_are_fresh
    buffered.buffer.reset()
    assert buffered.buffer.stamps_ns == [NEVER] * 5
    assert not buffered.buffer.joints_are_fresh
    assert [reason.partition(':')[0] for reason in buffered.buffer.late] == [
        f'{topic}.missing' for topic in TOPICS.values()
    ]


@pytest.mark.parametrize('name', TOPICS)
@pytest.mark.parametrize('sign', [-1, 1])
def test_age_bound_is_inclusive_on_both_sides(name, sign):
    limit = 3 * LIMIT if name == 'external' else LIMIT
    tick, buffered = 10 * LIMIT, Buffered()
    assert buffered.update(tick, **{name: tick - sign * limit}) == []
    (reason,) = buffered.update(tick, **{name: tick - sign * (limit + 1)})
    assert reason.startswith(f'{TOPICS[name]}.stale: ' if sign > 0 else f'{TOPICS[name]}.ahead: ')
    assert buffered.buffer.joints_are_fresh == (name != 'joint')


@pytest.mark.parametrize('name', TOPICS)
def test_input_without_a_sample_is_missing(name):
    for tick in (0, LIMIT):
        assert Buffered().update(tick, **{name: NEVER}) == [
            f'{TOPICS[name]}.missing: no sample yet, is its publisher running?'
        ]
    assert Buffered().update(0) == []


def test_external_input_without_a_maximum_age_is_never_stale():
    assert Buffered(GOAL).update(10**15, external=0) == []


def test_inputs_that_the_policy_does_not_need_may_be_missing():
    assert Buffered(POSITION).update(10**12, imu=NEVER, odometry=NEVER) == []


def test_stale_reason_says_age_limit_and_what_to_check():
    assert Buffered().update(10**9, imu=10**9 - 213_000_000) == [
        'imu.stale: newest sample is 0.213 s old, expected within 0.100 s: '
        'is the driver running, are the clocks synchronised?'
    ]


def test_every_late_input_is_reported_joints_first():
    tick = 10 * LIMIT
    late = Buffered().update(
        tick, joint=tick - 2 * LIMIT, odometry=tick + 2 * LIMIT, external=NEVER
    )
    assert [reason.partition(':')[0] for reason in late] == [
        'joint_states.stale', 'odom.ahead', '/scan.missing'
    ]  # fmt: skip


def expired(sample_ns, stamp_ns, *terms, **config):
    """Return the command in use at a tick, and why it counts as zero."""
    buffered = Buffered(*(terms or (COMMAND_TERM,)), max_input_age=59.0, **config)
    buffered.sensors.velocity_command[:] = [9.0, -9.0, 0.5]
    buffered.update(stamp_ns, command=sample_ns)
    return buffered.view('velocity_command', buffered.vector).tolist(), (
        buffered.buffer.command_problem
    )


FRESH = ([9.0, -9.0, 0.5], '')


def test_no_command_yet_is_zero_without_a_reason():
    assert expired(NEVER, 10**12) == ([0.0, 0.0, 0.0], '')


def test_command_age_bound_is_inclusive_on_both_sides():
    assert expired(10, 10 + COMMAND_LIMIT) == FRESH
    assert expired(10, 11 + COMMAND_LIMIT) == (
        [0.0, 0.0, 0.0],
        'cmd_vel.stale: the velocity command is 0.500 s old, counts as zero',
    )
    assert expired(COMMAND_LIMIT, 0) == FRESH
    command, reason = expired(4 * COMMAND_LIMIT, 0)
    assert command == [0.0, 0.0, 0.0]
    assert reason.startswith('cmd_vel.ahead: the velocity command is stamped 2.000 s after')


def test_command_never_expires_without_a_timeout_or_where_no_policy_reads_it():
    assert expired(0, 10**15, cmd_vel_timeout=0.0) == FRESH
    assert expired(0, 10**15, POSITION) == FRESH


def sensors_with(view, element, value):
    sensors = Sensors(
        SensorLayout(joints=('a', 'b'), externals=(ExternalInput(topic='/scan', width=3),))
    )
    target = sensors.externals[0] if view == 'external' else getattr(sensors, view)
    target[element] = value
    return sensors


@pytest.mark.parametrize(
    ('view', 'element', 'name'),
    [
        ('joint_position', 1, 'joint_states.position'),
        ('joint_velocity', 0, 'joint_states.velocity'),
        ('angular_velocity', 2, 'imu.angular_velocity'),
        ('quat_base_to_world', 3, 'imu.orientation'),
        ('velocity_command', 0, 'cmd_vel'),
        ('base_linear_velocity', 1, 'odom.twist'),
        ('external', 2, '/scan'),
    ],
)
@pytest.mark.parametrize(
    ('value', 'code'), [(np.nan, 'not_finite'), (-np.inf, 'not_finite'), (-1e200, 'too_large')]
)
def test_problem_names_input_and_element(view, element, name, value, code):
    reason, check = invalid_input(sensors_with(view, element, value))
    assert reason == f'{name}.{code}: element {element} is {value}, the last valid sample is kept'
    assert check == ('' if view == 'velocity_command' else 'input_sample')


def test_first_of_several_invalid_inputs_is_named_and_the_command_last():
    sensors = sensors_with('velocity_command', 1, np.nan)
    for view, name in (
        (sensors.externals[0], '/scan'),
        (sensors.angular_velocity, 'imu.angular_velocity'),
        (sensors.joint_velocity, 'joint_states.velocity'),
    ):
        view[1] = np.inf
        reason = invalid_input(sensors).reason
        assert reason.startswith(f'{name}.not_finite: element 1 is inf')


def test_norm_of_the_quaternion_is_named_after_the_inputs_before_it():
    sensors = sensors_with('quat_base_to_world', 0, 2.0)
    assert invalid_input(sensors, is_norm_wrong=True).reason == (
        'imu.norm: orientation (w, x, y, z) is [2.0, 0.0, 0.0, 0.0], expected a unit quaternion, '
        'the last valid sample is kept'
    )
    sensors.joint_position[0] = np.nan
    assert invalid_input(sensors, is_norm_wrong=True).reason.startswith('joint_states.position.')


def test_values_that_are_too_large_only_together_have_a_code():
    sensors = sensors_with('joint_position', 0, 0.9e15)
    sensors.joint_velocity[0] = 0.9e15
    assert invalid_input(sensors).reason.startswith('sensors.too_large: ')
