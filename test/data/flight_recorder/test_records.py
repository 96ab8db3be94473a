# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import struct

from distill_runtime.data.flight_recorder.bag_writer import messages, model_message
from distill_runtime.data.flight_recorder.records import (
    Change,
    change_before,
    change_body,
    change_data,
    Facts,
    read_status,
    status_text,
    TopicFrame,
)
from distill_runtime.data.flight_recorder.ring_buffer import Record
from distill_runtime.errors import RecordingError
import pytest
from support.bags import STORE
from support.ring_buffers import CHANGE, facts, STATUS, TICK, TWIST


@pytest.mark.parametrize('data', [b'', b'[]', b'{}', facts().to_bytes()[:-1] + b', "x": 1}'])
def test_facts_of_another_kind_are_refused(data):
    assert Facts.from_bytes(facts().to_bytes()) == facts()
    with pytest.raises(RecordingError, match='facts of another kind'):
        Facts.from_bytes(data)


@pytest.mark.parametrize(
    ('mode', 'reason', 'level'),
    [('policy', '', 0), ('policy', 'x: y', 1), ('fault', 'tilt.limit: tilted\nby 2 rad', 2)],
)
def test_status_becomes_a_diagnostic_with_mode_reason_and_model(mode, reason, level):
    data = status_text(mode, reason)
    assert read_status(data) == (mode, reason)
    (message,) = messages(Record(0, 3_000_000_007, STATUS, data), facts())
    array = STORE.deserialize_cdr(message.content, message.type)
    (status,) = array.status
    assert message.topic == '/diagnostics'
    assert (array.header.stamp.sec, array.header.stamp.nanosec) == (3, 7)
    assert (status.level, status.name) == (level, '/robot/student_node: control')
    assert {entry.key: entry.value for entry in status.values} == {
        'mode': mode,
        'reason': reason,
        **{key: facts().model[key] for key in ('model', 'policy', 'model_sha256')},
    }


def test_model_message_has_all_facts_of_the_model():
    message = model_message(facts(), 9)
    status = STORE.deserialize_cdr(message.content, message.type)
    assert message.topic == '/robot/student_node/model'
    assert {entry.key: entry.value for entry in status.values} == facts().model


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


@pytest.mark.parametrize(
    ('records', 'number'),
    [
        ([], None),
        ([tick_record(3)], None),
        ([tick_record(3), change_record(4, 4), tick_record(5)], None),
        ([change_record(4, 4), tick_record(5)], 4),
        ([tick_record(20), change_record(21, 5), tick_record(22), change_record(23, 23)], 5),
    ],
    ids=['none', 'no change', 'after the first', 'first', 'repeated'],
)
def test_change_before_some_records_is_one_that_they_repeat(records, number):
    assert getattr(change_before(records, facts()), 'number', None) == number
