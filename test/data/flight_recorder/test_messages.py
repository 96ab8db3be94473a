# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import struct

from distill_runtime.data.flight_recorder.messages import (
    Change,
    change_before,
    change_body,
    change_data,
    dotted,
    Facts,
    messages,
    model_message,
    read_status,
    status_text,
    TopicFrame,
)
from distill_runtime.data.flight_recorder.ring_buffer import Record
from distill_runtime.errors import RecordingError
import pytest
from support.bags import STORE
from support.ring_buffers import CHANGE, facts, STATUS, TICK, TWIST


def test_facts_survive_json():
    assert Facts.from_json(facts().to_json()) == facts()


@pytest.mark.parametrize(
    'value', [None, [], 'x', {}, {**facts().to_json(), 'channels': [[['/a', 'b']]]}]
)
def test_facts_of_another_kind_are_refused(value):
    with pytest.raises(RecordingError, match='facts of another kind'):
        Facts.from_json(value)


def test_record_of_several_topics_gives_a_message_of_each():
    record = Record(0, 5, TICK, struct.pack('<2d', 1.5, 2.5))
    found = list(messages(record, facts(), STORE))
    assert [message.topic.rpartition('/')[2] for message in found] == ['tick', 'half']
    values = [STORE.deserialize_cdr(message.content, message.type).data for message in found]
    assert [value.tolist() for value in values] == [[1.5], [2.5]]
    assert {message.time_ns for message in found} == {5}


def test_record_of_one_topic_is_its_message():
    (message,) = messages(Record(0, 5, TWIST, b'anything'), facts(), STORE)
    assert message == ('/cmd_vel', 'geometry_msgs/msg/Twist', 5, b'anything')


def test_status_becomes_a_diagnostic_with_mode_reason_and_model():
    data = status_text('fault', 'tilt.limit: base is tilted\nby 2 rad')
    assert read_status(data) == ('fault', 'tilt.limit: base is tilted\nby 2 rad')
    (message,) = messages(Record(0, 3_000_000_007, STATUS, data), facts(), STORE)
    array = STORE.deserialize_cdr(message.content, message.type)
    (status,) = array.status
    assert message.topic == '/diagnostics'
    assert (array.header.stamp.sec, array.header.stamp.nanosec) == (3, 7)
    assert status.level == 2
    values = {entry.key: entry.value for entry in status.values}
    assert values['mode'] == 'fault'
    assert values['reason'].startswith('tilt.limit')
    assert values['model_sha256'] == 'ab' * 32


@pytest.mark.parametrize(('mode', 'reason', 'level'), [('policy', '', 0), ('policy', 'x: y', 1)])
def test_level_of_a_status_follows_mode_and_reason(mode, reason, level):
    (message,) = messages(Record(0, 3, STATUS, status_text(mode, reason)), facts(), STORE)
    assert STORE.deserialize_cdr(message.content, message.type).status[0].level == level


def test_model_message_has_all_facts_of_the_model():
    message = model_message(facts(), 9, STORE)
    status = STORE.deserialize_cdr(message.content, message.type)
    assert message.topic == '/robot/student_node/model'
    assert {entry.key: entry.value for entry in status.values} == facts().model


def test_name_of_a_node_fits_into_a_file_name():
    assert dotted('/left/student_node') == 'left.student_node'


def change_record(number, first, model='next.onnx'):
    """Return a record of a policy that is active from record ``first`` on."""
    frames = [
        (TopicFrame('/robot/student_node/tick', 'std_msgs/msg/Float64MultiArray', b'prefix', 8),)
    ]
    body = change_body(frames, {'model': model})
    return Record(number, 7, CHANGE, change_data(first, {'why': 'set'}, body))


def test_change_redefines_the_channels_of_ticks():
    change = Change.from_bytes(change_record(9, 5).data)
    after = change.apply(facts())
    assert change.number == 5
    assert after.channels[TICK] == change.frames[0]
    assert after.channels[TWIST] == facts().channels[TWIST]
    assert after.model == {'model': 'next.onnx', 'why': 'set'}
    assert after.status == facts().status


def tick_record(number):
    return Record(number, 5, TICK, struct.pack('<2d', 1.0, 2.0))


def test_repeated_change_applies_to_the_records_before_it():
    records = [tick_record(20), change_record(21, 5), tick_record(22), change_record(23, 23)]
    change = change_before(records, facts())
    assert (change.number, change.model['model']) == (5, 'next.onnx')


@pytest.mark.parametrize(
    'records', [[], [tick_record(3)], [tick_record(3), change_record(4, 4), tick_record(5)]]
)
def test_records_without_a_repeated_change_begin_with_the_facts_of_the_ring_buffer(records):
    assert change_before(records, facts()) is None


def test_change_in_the_first_record_applies_from_there():
    assert change_before([change_record(4, 4), tick_record(5)], facts()).number == 4
