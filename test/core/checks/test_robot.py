# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import replace
import math

from distill_runtime.core.checks.registry import CHECKS, checks_without, DEFAULT_CHECKS
from distill_runtime.core.checks.robot import FrozenSample, JointRange, VelocityBound
from distill_runtime.core.limits import FASTEST_JOINT
from distill_runtime.core.modes import Mode
from distill_runtime.spec.compile import compile_spec, sensor_layout
import numpy as np
import pytest
from support.rig import IMU_TERM, Rig, TICK_NS, walking
from support.specs import JOINTS, make_spec

LIMITS = {'position': [[-1.0, 1.0], [0.0, 2.0], [-3.0, 0.0]], 'velocity': [10.0, 20.0, 30.0]}
ROBOT = ('ankle', 'other', 'hip', 'knee')
VALID = {'hip': 0.5, 'knee': 1.0, 'ankle': -1.0}


def found(position=None, velocity=None, limits=LIMITS, checks=DEFAULT_CHECKS):
    """Return the findings of joints in mid-range and without motion, but those given by name."""
    spec = make_spec(limits=limits, default_position=[0.5, 1.0, -1.0])
    compiled = compile_spec(spec, sensor_layout(spec, ROBOT))
    values = np.zeros(2 * len(ROBOT))
    for name, value in {**VALID, **(position or {})}.items():
        values[ROBOT.index(name)] = value
    for name, value in (velocity or {}).items():
        values[len(ROBOT) + ROBOT.index(name)] = value
    return JointRange(compiled, values, checks).find()


@pytest.mark.parametrize(
    ('joint', 'edge'),
    [
        ('hip', -1.1),
        ('hip', 1.1),
        ('knee', -0.1),
        ('knee', 2.1),
        ('ankle', -3.1),
        ('ankle', 0.1),
    ],
)
def test_position_may_lie_beyond_its_limit_by_the_margin(joint, edge):
    assert found({joint: edge - math.copysign(1e-9, edge)}) == ()
    (finding,) = found({joint: edge + math.copysign(1e-6, edge)})
    assert finding.check == 'joint_position'
    assert finding.reason.startswith(f'position.limit: {joint} is at {edge:.3f} rad, expected ')


@pytest.mark.parametrize(('joint', 'limit'), zip(JOINTS, LIMITS['velocity'], strict=True))
@pytest.mark.parametrize('sign', [-1.0, 1.0])
def test_velocity_may_be_a_multiple_of_its_limit(joint, limit, sign):
    assert found(velocity={joint: sign * 2.0 * limit}) == ()
    (finding,) = found(velocity={joint: sign * 2.0 * limit * 1.000001})
    assert finding.check == 'joint_velocity'
    assert finding.reason.startswith(f'velocity.limit: {joint} is at {sign * 2 * limit:.3f} rad/s')


def test_worst_joint_of_each_check_is_named():
    findings = found({'hip': 1.3, 'ankle': 0.5}, {'knee': 41.0, 'hip': 25.0})
    assert [finding.check for finding in findings] == ['joint_position', 'joint_velocity']
    assert 'ankle is at 0.500 rad, expected -3.100 to 0.100 rad' in findings[0].reason
    assert 'hip is at 25.000 rad/s, expected -20.000 to 20.000 rad/s' in findings[1].reason


def test_joints_that_are_not_in_the_policy_are_not_checked():
    assert found({'other': 1e6}, {'other': -1e6}) == ()


def test_robot_without_limits_gives_no_finding():
    assert found({'hip': 1e6}, {'hip': 1e6}, limits={}) == ()
    factor = {'joint_velocity': replace(CHECKS['joint_velocity'].default, limit=0.0)}
    assert found(velocity={'hip': 1e6}, limits={}, checks={**DEFAULT_CHECKS, **factor}) == ()


@pytest.mark.parametrize('known', ['position', 'velocity'])
def test_one_kind_of_limit_may_be_known_alone(known):
    findings = found({'hip': 9.0}, {'hip': 900.0}, limits={known: LIMITS[known]})
    assert [finding.check for finding in findings] == [f'joint_{known}']


@pytest.mark.parametrize('check', ['joint_position', 'joint_velocity'])
def test_ignored_check_gives_no_finding(check):
    findings = found({'hip': 9.0}, {'hip': 900.0}, checks=checks_without(check))
    assert [finding.check for finding in findings] == [
        name for name in ('joint_position', 'joint_velocity') if name != check
    ]


def test_thresholds_are_those_of_the_checks():
    checks = {
        **DEFAULT_CHECKS,
        'joint_position': replace(CHECKS['joint_position'].default, limit=0.0),
        'joint_velocity': replace(CHECKS['joint_velocity'].default, limit=1.0),
    }
    assert found({'hip': 1.0}, {'hip': 10.0}, checks=checks) == ()
    assert len(found({'hip': 1.001}, {'hip': 10.001}, checks=checks)) == 2


def test_open_side_of_a_range_is_formatted_as_open():
    limits = {'position': [[None, 1.0], [0.0, None], [None, None]]}
    assert 'expected up to 1.100 rad' in found({'hip': 2.0}, limits=limits)[0].reason
    assert 'expected from -0.100 rad' in found({'knee': -2.0}, limits=limits)[0].reason
    assert found({'ankle': 1e6}, limits=limits) == ()


def implausible(velocity, limits=LIMITS, **check):
    """Return the problem of joints without motion but those given, by name."""
    spec = make_spec(limits=limits, default_position=[0.5, 1.0, -1.0])
    compiled = compile_spec(spec, sensor_layout(spec, ROBOT))
    values = np.zeros(compiled.layout.size)
    for name, value in velocity.items():
        values[len(ROBOT) + ROBOT.index(name)] = value
    check = replace(CHECKS['implausible_velocity'].default, **check)
    return VelocityBound(compiled, check).problem(values)


@pytest.mark.parametrize(('joint', 'limit'), zip(JOINTS, LIMITS['velocity'], strict=True))
@pytest.mark.parametrize('sign', [-1.0, 1.0])
def test_implausible_velocity_is_a_larger_multiple_of_the_limit(joint, limit, sign):
    assert implausible({joint: sign * 5.0 * limit}) is None
    problem = implausible({joint: sign * 5.001 * limit})
    assert problem.check == 'implausible_velocity'
    assert problem.reason.startswith(
        f'velocity.implausible: {joint} is at {sign * 5.001 * limit:.4g} rad/s, expected within '
        f'{5.0 * limit:.4g} rad/s'
    )


def test_velocity_of_a_joint_without_a_limit_is_bounded_too():
    assert implausible({'knee': FASTEST_JOINT}, limits={}) is None
    assert implausible({'knee': 1e9}, limits={}).reason.startswith('velocity.implausible: knee')
    assert implausible({'knee': 1e9}, limits={}, action='ignore') is None


def test_velocity_of_a_joint_that_is_not_in_the_policy_is_not_checked():
    assert implausible({'other': 1e9}) is None
    assert implausible({'other': 1e9, 'hip': 51.0}).reason.startswith('velocity.implausible: hip')


MS = 1_000_000
LIMIT_NS = 500 * MS


class Stream:
    """Samples every 20 ms of an input of three numbers, after another one of two."""

    def __init__(self):
        self.frozen = FrozenSample('imu', slice(2, 5), LIMIT_NS)
        self.held = np.zeros(5)
        self.now = 0

    def send(self, *sample, elsewhere=0.0):
        values = np.array([elsewhere, elsewhere, *sample])
        self.now += 20 * MS
        self.frozen.note(values, self.held, self.now)
        self.held[:] = values

    def found(self, after_ns=0):
        return self.frozen.find(self.now + after_ns)


def moving():
    """Return a stream whose last change was now."""
    stream = Stream()
    for number in (1.0, 2.0, 3.0):
        stream.send(number, 0.0, 0.0)
    return stream


def test_sample_that_repeats_itself_for_longer_than_the_limit_is_found():
    stream = moving()
    for _ in range(25):
        stream.send(3.0, 0.0, 0.0)
        assert stream.found() == ()
    stream.send(3.0, 0.0, 0.0)
    (finding,) = stream.found()
    assert finding.check == 'input_frozen'
    assert finding.reason.startswith(
        'imu.frozen: 26 samples in 0.520 s repeat the one before bit for bit: '
    )


def test_limit_is_inclusive():
    stream = moving()
    stream.send(3.0, 0.0, 0.0)
    assert stream.found(after_ns=480 * MS) == ()
    assert stream.found(after_ns=480 * MS + 1)


@pytest.mark.parametrize('element', [0, 1, 2])
def test_smallest_change_of_any_element_is_a_change(element):
    stream = moving()
    sample = np.array([3.0, 0.0, 0.0])
    for _ in range(50):
        sample[element] = np.nextafter(sample[element], 9.0)
        stream.send(*sample)
        assert stream.found() == ()


def test_change_of_another_input_does_not_count():
    stream = moving()
    for number in range(30):
        stream.send(3.0, 0.0, 0.0, elsewhere=float(number))
    assert stream.found()


def test_input_that_has_never_changed_is_not_found():
    stream = Stream()
    for _ in range(100):
        stream.send(1.0, 2.0, 3.0)
        assert stream.found() == ()


def test_silence_is_no_repetition():
    assert moving().found(after_ns=10 * LIMIT_NS) == ()


def test_sample_that_is_no_number_does_not_repeat():
    stream = moving()
    stream.held[2] = 3.0
    for _ in range(50):
        values = np.array([0.0, 0.0, np.nan, 0.0, 0.0])
        stream.now += 20 * MS
        stream.frozen.note(values, stream.held, stream.now)
        assert stream.found() == ()


def test_signalling_nan_is_compared_without_a_warning():
    stream = moving()
    values = np.array([0.0, 0.0, 3.0, 0.0, 0.0])
    values.view(np.uint64)[3] = 0x7FF0000000000001
    stream.frozen.note(values, stream.held, stream.now)
    assert stream.found(after_ns=10 * LIMIT_NS) == ()


def test_begin_counts_from_then_on():
    stream = moving()
    for _ in range(30):
        stream.send(3.0, 0.0, 0.0)
    stream.frozen.begin(stream.now)
    assert stream.found() == ()
    stream.send(3.0, 0.0, 0.0)
    assert stream.found(after_ns=480 * MS) == ()
    assert stream.found(after_ns=480 * MS + 1)


def test_reset_forgets_that_it_ever_changed():
    stream = moving()
    stream.frozen.reset()
    stream.held[:] = 0.0
    for _ in range(100):
        stream.send(1.0, 1.0, 1.0)
    assert stream.found() == ()


def move(rig, joints=True, imu=True):
    """Let the measured joints and the Imu change a little with every tick."""
    if joints:
        rig.sensors.joint_velocity[0] = 1e-3 * (rig.now // TICK_NS % 7)
    if imu:
        rig.sensors.angular_velocity[1] = 1e-3 * (rig.now // TICK_NS % 7)


def ticked(rig, seconds, **moves):
    """Tick for a while; return the last step."""
    for _ in range(round(seconds / 0.02)):
        move(rig, **moves)
        step = rig.tick()
    return step


def test_imu_that_freezes_is_a_fault_in_standby_too():
    rig = Rig(make_spec(IMU_TERM))
    ticked(rig, 0.2)
    assert ticked(rig, 0.5, imu=False).mode is Mode.STANDBY
    step = ticked(rig, 0.04, imu=False)
    assert step.mode is Mode.FAULT
    assert step.reason.startswith('imu.frozen: ')


def test_joints_may_be_constant_in_standby_but_not_under_the_policy():
    rig = Rig(make_spec(IMU_TERM))
    ticked(rig, 0.2)
    assert ticked(rig, 2.0, joints=False).mode is Mode.STANDBY
    rig = walking(make_spec(IMU_TERM))
    ticked(rig, 0.2)
    step = ticked(rig, 0.6, joints=False)
    assert step.mode is Mode.FAULT
    assert step.reason.startswith('joint_states.frozen: ')


def test_input_that_is_not_needed_may_freeze():
    rig = walking()
    ticked(rig, 0.2)
    assert ticked(rig, 1.0, imu=False).mode is Mode.POLICY
