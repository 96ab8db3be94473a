# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json

from distill_runtime.core.modes import Mode
from distill_runtime.data.flight_recorder.records import Facts, read_status
from distill_runtime.data.flight_recorder.ring_buffer import RingBuffer
from distill_runtime.errors import ConfigError
from distill_runtime.ros.recorder.tick_recorder import TickRecorder
from distill_runtime.spec.mapping import read_dataclass
from distill_runtime.spec.spec import PolicySpec
import numpy as np
import pytest
from rclpy.serialization import deserialize_message
import std_msgs.msg
from support.ros_harness import LOCKSTEP, student, T0, TICK


@pytest.fixture(scope='module')
def rig(ros, model):
    with student(ros, model, is_active=False, **LOCKSTEP) as rig:
        rig.configure()
        yield rig


class Recorded:
    """A tick recorder of a configured node, and what it recorded."""

    def __init__(self, rig, seconds=2.0):
        self.tick_recorder = TickRecorder(rig.node.loop_context, seconds)
        self.reader = RingBuffer(self.tick_recorder.ring.descriptor, lambda pause: None)
        self.facts = Facts.from_bytes(self.reader.facts)
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
    context = rig.node.loop_context
    step = context.runner.step(context.sensors, T0)
    return step._replace(mode=Mode.POLICY, reason='', sends=True, has_policy_step=True)


@pytest.mark.parametrize('sends', [True, False])
@pytest.mark.parametrize('has_policy_step', [True, False])
def test_tick_leaves_what_it_had_and_nothing_else(rig, sends, has_policy_step):
    recorded = Recorded(rig)
    recorded.note(sends=sends, has_policy_step=has_policy_step)
    record = recorded.records()[0]
    topics = [part.topic.rpartition('/')[2] for part in recorded.facts.channels[record.channel]]
    assert topics == ['tick', 'timing'] + ['command'] * sends + (
        ['target', 'observation', 'action'] * has_policy_step
    )
    assert len(record.data) == sum(part.size for part in recorded.facts.channels[record.channel])
    assert np.frombuffer(record.data[80:96], np.int64).tolist() == [90_000, 0]


def test_status_is_kept_when_mode_or_code_changes_and_not_for_other_figures(rig):
    recorded = Recorded(rig)
    recorded.tick_recorder.begin()
    assert recorded.reader.is_active
    for number, (mode, reason) in enumerate((
        (Mode.STANDBY, ''), (Mode.STANDBY, ''), (Mode.POLICY, ''), (Mode.POLICY, 'age.old: 0.1 s'),
        (Mode.POLICY, 'age.old: 0.2 s'), (Mode.POLICY, ''), (Mode.FAULT, 'tilt: far'),
        (Mode.FAULT, 'tilt: farther'), (Mode.FAULT, 'age.old: 1 s'),
    )):  # fmt: skip
        recorded.note(number, mode=mode, reason=reason)
    assert recorded.statuses() == [
        ('standby', ''), ('policy', ''), ('policy', 'age.old: 0.1 s'), ('policy', ''),
        ('fault', 'tilt: far'), ('fault', 'age.old: 1 s'),
    ]  # fmt: skip
    recorded.tick_recorder.end()
    assert not recorded.reader.is_active


def test_each_latched_fault_raises_one_alarm(rig):
    recorded = Recorded(rig)
    for mode in (Mode.POLICY, Mode.FAULT, Mode.FAULT, Mode.STANDBY, Mode.FAULT):
        recorded.note(mode=mode, reason='tilt: far' if mode is Mode.FAULT else '')
    assert recorded.reader.alarms == 2
    recorded.tick_recorder.on_crash('loop.crashed: unforeseen', T0)
    assert recorded.reader.alarms == 3
    assert recorded.statuses()[-1] == ('fault', 'loop.crashed: unforeseen')


def test_sample_has_the_time_of_its_tick_and_a_twist_the_time_when_it_was_sent(rig):
    recorded = Recorded(rig)
    for raw in rig.node.loop_context.inputs.subscriptions:
        raw.on_message((b'\x00\x01\x00\x00', {'source_timestamp': 7}), T0)
    times = {
        recorded.facts.channels[record.channel][0].type.rpartition('/')[2]: record.time_ns
        for record in recorded.records()
    }
    assert times['JointState'] == times['Imu'] == T0
    assert times['Twist'] == 7


def test_message_of_estop_is_kept_with_the_next_tick(rig):
    recorded = Recorded(rig)
    rig.node.loop_context.estop.on_message(b'\0\1\0\0\1')
    for number in range(2):
        recorded.note(number)
    (found,) = [
        record
        for record in recorded.records()
        if recorded.facts.channels[record.channel][:1]
        and recorded.facts.channels[record.channel][0].topic.endswith('/estop')
    ]
    assert (found.time_ns, bytes(found.data)) == (T0, b'\0\1\0\0\1')


def test_ring_buffer_holds_the_requested_time(rig):
    recorded = Recorded(rig, 2.0)
    context = rig.node.loop_context
    sizes = {'JointState': 200, 'Imu': 324, 'Twist': 52}
    for number in range(1000):
        stamp = T0 + number * TICK
        for raw in context.inputs.subscriptions:
            message = bytes(sizes.get(raw.message_type.__name__, 80))
            raw.on_message((message, {'source_timestamp': stamp}), stamp)
        context.output.on_message(bytes(250), T0 + number * TICK)
        recorded.note(number)
    assert recorded.reader.span() >= 2.0


def test_definition_of_a_model_is_repeated_before_the_next_one(rig):
    recorded = Recorded(rig)
    model = rig.node.loop_context.registry.active
    for number, why in enumerate(('first swap', 'second swap')):
        recorded.tick_recorder.on_swap(model, {'why': why})
        recorded.note(number)
    found = [bytes(r.data) for r in recorded.records() if r.channel == recorded.facts.change]
    assert [b'first swap' in data for data in found] == [True, True, False]


def test_time_that_takes_too_much_memory_is_refused(rig):
    with pytest.raises(ConfigError, match=r'blackbox_seconds is 1e\+06, that takes .* MB'):
        TickRecorder(rig.node.loop_context, 1e6)


def test_header_and_numbers_make_a_message_that_ros_reads(rig):
    for frame in rig.node.loop_context.registry.active.frames.values():
        for part in frame:
            kind = getattr(std_msgs.msg, part.type.rpartition('/')[2])
            message = deserialize_message(part.prefix + bytes(part.size), kind)
            assert len(message.data) * message.data.itemsize == part.size
            assert sum(dim.size for dim in message.layout.dim) == len(message.data)


def test_facts_have_what_a_replay_needs(rig):
    context = rig.node.loop_context
    facts, policy = context.registry.active.facts, context.registry.active.policy
    assert facts['model_sha256'] == policy.sha256
    assert read_dataclass(PolicySpec, json.loads(facts['spec']), '').joints == policy.spec.joints
    parameters = json.loads(facts['parameters'])
    assert parameters['trigger'] == 'joint_states'
    assert parameters['checks.tilt.limit'] == context.runner.config.checks['tilt'].limit
    assert json.loads(facts['robot_joints']) == list(context.runner.compiled.layout.joints)
    assert json.loads(facts['command_joints']) == list(context.runner.compiled.joints.names)
    assert set(json.loads(facts['versions'])) == {'distill_runtime', 'numpy', 'onnxruntime'}


def test_ring_buffer_is_active_from_begin_to_end(rig):
    recorded = Recorded(rig)
    recorded.tick_recorder.begin()
    assert recorded.reader.is_active
    recorded.tick_recorder.end()
    assert not recorded.reader.is_active
