# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from distill_runtime.core.modes import Mode
from distill_runtime.data.flight_recorder.messages import Facts, read_status
from distill_runtime.data.flight_recorder.ring_buffer import RingBufferReader
from distill_runtime.errors import ConfigError
from distill_runtime.ros.recorder.tick_recorder import TickRecorder
import numpy as np
import pytest
from support.ros_harness import LOCKSTEP, student, T0, TICK


@pytest.fixture(scope='module')
def rig(ros, model):
    with student(ros, model, is_active=False, **LOCKSTEP) as rig:
        rig.configure()
        yield rig


class Noted:
    """Evidence of a configured node, and what it left."""

    def __init__(self, rig, seconds=2.0):
        self.tick_recorder = TickRecorder(rig.node._loop_context, seconds)
        self.reader = RingBufferReader(self.tick_recorder.ring.descriptor, lambda pause: None)
        self.facts = Facts.from_json(self.reader.facts)
        self.step = step_of(rig)

    def note(self, number=0, **changes):
        self.tick_recorder.on_tick(self.step._replace(**changes), T0 + number * TICK, 90_000, 0)

    def records(self):
        return self.reader.read().records

    def statuses(self):
        records = [r for r in self.records() if r.channel == self.facts.status]
        return [read_status(record.data) for record in records]


def step_of(rig):
    """Return a step of the node's runner, of which only form matters."""
    parts = rig.node._loop_context
    step = parts.runner.step(parts.sensors, T0)
    return step._replace(mode=Mode.POLICY, reason='', sends=True, has_policy_step=True)


@pytest.mark.parametrize('sends', [True, False])
@pytest.mark.parametrize('has_policy_step', [True, False])
def test_tick_leaves_what_it_had_and_nothing_else(rig, sends, has_policy_step):
    noted = Noted(rig)
    noted.note(sends=sends, has_policy_step=has_policy_step)
    record = noted.records()[0]
    topics = [part.topic.rpartition('/')[2] for part in noted.facts.channels[record.channel]]
    assert topics == ['tick', 'timing'] + ['command'] * sends + (
        ['target', 'observation', 'action'] * has_policy_step
    )
    assert len(record.data) == sum(part.size for part in noted.facts.channels[record.channel])
    assert np.frombuffer(record.data[80:96], np.int64).tolist() == [90_000, 0]


def test_status_is_kept_when_mode_or_code_changes_and_not_for_other_figures(rig):
    noted = Noted(rig)
    for number, (mode, reason) in enumerate((
        (Mode.STANDBY, ''), (Mode.STANDBY, ''), (Mode.POLICY, ''), (Mode.POLICY, 'age.old: 0.1 s'),
        (Mode.POLICY, 'age.old: 0.2 s'), (Mode.POLICY, ''), (Mode.FAULT, 'tilt: far'),
        (Mode.FAULT, 'tilt: farther'), (Mode.FAULT, 'age.old: 1 s'),
    )):  # fmt: skip
        noted.note(number, mode=mode, reason=reason)
    assert noted.statuses() == [
        ('standby', ''), ('policy', ''), ('policy', 'age.old: 0.1 s'), ('policy', ''),
        ('fault', 'tilt: far'), ('fault', 'age.old: 1 s'),
    ]  # fmt: skip


def test_each_latched_fault_raises_one_alarm(rig):
    noted = Noted(rig)
    for mode in (Mode.POLICY, Mode.FAULT, Mode.FAULT, Mode.STANDBY, Mode.FAULT):
        noted.note(mode=mode, reason='tilt: far' if mode is Mode.FAULT else '')
    assert noted.reader.alarms == 2
    noted.tick_recorder.on_crash('loop.crashed: unforeseen', T0)
    assert noted.reader.alarms == 3
    assert noted.statuses()[-1] == ('fault', 'loop.crashed: unforeseen')


def test_sample_is_kept_under_the_tick_that_took_it_and_a_twist_under_when_it_was_sent(rig):
    noted = Noted(rig)
    for channel in rig.node._loop_context.inputs.subscriptions:
        channel.on_message((b'\x00\x01\x00\x00', {'source_timestamp': 7}), T0)
    times = {
        noted.facts.channels[record.channel][0].type.rpartition('/')[2]: record.time_ns
        for record in noted.records()
    }
    assert times['JointState'] == times['Imu'] == T0
    assert times['Twist'] == 7


def test_journal_holds_the_time_that_was_asked_for(rig):
    noted = Noted(rig, 2.0)
    parts = rig.node._loop_context
    sizes = {'JointState': 200, 'Imu': 324, 'Twist': 52}
    for number in range(1000):
        stamp = T0 + number * TICK
        for channel in parts.inputs.subscriptions:
            message = bytes(sizes.get(channel.message_type.__name__, 80))
            channel.on_message((message, {'source_timestamp': stamp}), stamp)
        parts.output.on_message(bytes(250), T0 + number * TICK)
        noted.note(number)
    assert noted.reader.span() >= 2.0


def test_time_that_takes_too_much_memory_is_refused(rig):
    with pytest.raises(ConfigError, match=r'blackbox_seconds is 1e\+06, that takes .* MB'):
        TickRecorder(rig.node._loop_context, 1e6)


def test_journal_is_active_from_begin_to_end(rig):
    noted = Noted(rig)
    noted.tick_recorder.begin()
    assert noted.reader.is_active
    noted.tick_recorder.end()
    assert not noted.reader.is_active
