# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""use_sim_time: ticks follow /clock."""

from __future__ import annotations

import re
import time

from builtin_interfaces.msg import Time
from distill_runtime.wire.tick_fields import TICK_FIELDS
import pytest
from rosgraph_msgs.msg import Clock
from support.ros_harness import student, values, wait_for
from support.ros_messages import joint_message
from support.ros_policies import JOINT_TERM, write_policy

SECOND = 1_000_000_000


@pytest.fixture(scope='module')
def model(models):
    return write_policy(models, JOINT_TERM, name='joints.onnx')


class Simulator:
    """Turns the clock by hand, and says where the joints are."""

    def __init__(self, rig):
        self.rig = rig
        self.clock = rig.robot.node.create_publisher(Clock, '/clock', 10)
        self.now = 100 * SECOND

    def set(self, now):
        """Set the clock and wait until the node sees it."""
        self.now = now
        self.rig.robot.joint_states.publish(joint_message(now))
        self.turn(now)

    def turn(self, now):
        """Set the clock alone."""
        sec, nanosec = divmod(now, SECOND)
        self.clock.publish(Clock(clock=Time(sec=sec, nanosec=nanosec)))
        wait_for(lambda: self.rig.node.get_clock().now().nanoseconds == now, 'the time')

    def run(self, seconds, step=0.02):
        """Let time pass in steps, each of which gives the node time to tick."""
        for _ in range(round(seconds / step)):
            self.set(self.now + round(step * SECOND))
            last = self.now
            wait_for(lambda last=last: last - self.stamp() <= 20_000_000, 'a tick')

    def stamp(self):
        """Return the stamp of the last tick."""
        ticks = self.rig.robot.ticks.messages
        return ticks[-1].data[TICK_FIELDS.index('stamp_ns')] if ticks else -(10**18)

    def count_after_a_while(self):
        """Wait as long as the loop would need to do something on its own."""
        time.sleep(0.05)
        return len(self.rig.robot.ticks.messages)


@pytest.fixture
def simulated(ros, model):
    with student(ros, model, use_sim_time=True, ramp_time=0.0) as rig:
        yield rig, Simulator(rig)


def test_no_tick_comes_before_the_clock_and_none_while_it_stands(simulated):
    rig, simulator = simulated
    assert simulator.count_after_a_while() == 0
    simulator.set(simulator.now)
    wait_for(lambda: rig.robot.ticks.messages)
    count = simulator.count_after_a_while()
    assert count == simulator.count_after_a_while() <= 2
    simulator.run(0.1)
    assert rig.robot.ticks.messages[-1].data[1] > 100 * SECOND


def test_ticks_carry_simulated_time_once_per_period(simulated):
    rig, simulator = simulated
    simulator.set(simulator.now)
    simulator.run(0.4)
    simulator.count_after_a_while()
    stamps = [message.data[1] for message in rig.robot.ticks.messages]
    assert all(100 * SECOND <= stamp <= simulator.now for stamp in stamps)
    assert stamps == sorted(set(stamps))
    assert 15 <= len(stamps) <= 22
    assert rig.robot.commands.messages[-1].header.stamp.sec == 100
    rig.diagnose()
    message = rig.diagnose().message.partition(', was')[0]
    assert message in ('standby', '1 deadlines missed', '2 deadlines missed')


def test_clock_that_is_set_back_is_a_fault_and_ticks_go_on(simulated):
    rig, simulator = simulated
    simulator.set(simulator.now)
    simulator.run(0.1)
    simulator.count_after_a_while()
    simulator.set(50 * SECOND)
    status = rig.until_reason('clock.backwards: tick is 50.')
    assert values(status)['mode'] == 'fault'
    simulator.run(0.1)
    assert rig.robot.call('reset_fault') == (True, 'fault to standby')
    simulator.run(0.1)
    assert values(rig.diagnose())['mode'] == 'standby'


@pytest.mark.parametrize('start', [None, 100 * SECOND])
def test_loop_ends_while_the_clock_stands(simulated, start):
    rig, simulator = simulated
    if start:
        simulator.set(start)
    rig.node.trigger_deactivate()
    assert rig.state() == 'inactive'


def test_silence_of_joint_states_is_measured_in_simulated_time(ros, model):
    """Bug: while the simulator paused, the policy ran on the same sample again and again."""
    options = {'trigger': 'joint_states', 'trigger_timeout': 0.05, 'start_in': 'policy'}
    with student(ros, model, use_sim_time=True, **options) as rig:
        simulator = Simulator(rig)
        # the sample may well overtake the clock
        rig.robot.joint_states.publish(joint_message(100 * SECOND))
        wait_for(lambda: rig.robot.ticks.messages)
        simulator.turn(100 * SECOND)
        time.sleep(0.2)
        assert len(rig.robot.ticks.messages) == 1
        simulator.turn(101 * SECOND)
        status = rig.until_reason('joint_states.stale: newest sample is 1.0')
        assert values(status)['mode'] == 'fault'
        assert simulator.stamp() == 101 * SECOND


@pytest.mark.parametrize('trigger', ['timer', 'joint_states'])
def test_clock_that_is_missing_is_named(ros, model, trigger, capfd):
    with student(ros, model, use_sim_time=True, trigger=trigger) as rig:
        for _ in range(3):
            status = rig.diagnose()
        missing = 'clock.missing: no message on /clock yet, and use_sim_time is true'
        assert status.message.startswith(missing)
        assert status.level == b'\x01'
        success, reason = rig.robot.call('start')
        assert not success
        assert missing in reason
        simulator = Simulator(rig)
        simulator.turn(simulator.now)
        assert 'clock' not in rig.diagnose_settled().message
    assert len(re.findall(r'\[WARN\].*: clock\.missing', capfd.readouterr().err)) == 1


def test_missing_clock_is_named_while_joint_states_trigger_ticks(ros, model):
    with student(ros, model, use_sim_time=True, trigger='joint_states') as rig:
        rig.robot.joint_states.publish(joint_message(100 * SECOND))
        wait_for(lambda: rig.robot.ticks.messages)
        assert rig.diagnose().message.startswith('clock.missing: ')
