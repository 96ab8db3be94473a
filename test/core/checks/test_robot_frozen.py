# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from distill_runtime.core.checks.robot import FrozenSample
from distill_runtime.core.modes import Mode
import numpy as np
import pytest
from support.rig import IMU_TERM, Rig, TICK_NS, walking
from support.specs import make_spec

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


def test_change_ends_the_finding():
    stream = moving()
    for _ in range(30):
        stream.send(3.0, 0.0, 0.0)
    assert stream.found()
    stream.send(3.0, 1.0, 0.0)
    assert stream.found() == ()


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
