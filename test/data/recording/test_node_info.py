# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from distill_runtime.data.bags.bag import Bag
from distill_runtime.data.recording.node_info import recorded_node, STATUS_TYPE
from distill_runtime.wire.tick_fields import model_number
import pytest
from support.bags import RecordedMessage, STORE, write_bag


def model_status(parameters, topic='/student_node/model', time_ns=1, **values):
    pair = STORE.types['diagnostic_msgs/msg/KeyValue']
    entries = [pair(key=k, value=v) for k, v in {'parameters': parameters, **values}.items()]
    status = STORE.types[STATUS_TYPE](level=0, name='', message='', hardware_id='', values=entries)
    return RecordedMessage(topic, STATUS_TYPE, time_ns, status)


def read(tmp_path, *messages):
    with Bag(write_bag(tmp_path / 'bag', messages)) as bag:
        return recorded_node(bag, '/student_node')


@pytest.mark.parametrize(
    ('text', 'topic', 'expected'),
    [
        (
            '{"tilt_limit": 0.5, "trigger": "timer", "checks.tilt.limit": 1.0}',
            '/student_node/model',
            {'tilt_limit': 0.5, 'checks.tilt.limit': 1.0},
        ),
        *((text, '/student_node/model', {}) for text in ('', '[1]', 'none')),
        ('{"tilt_limit": 0.5}', '/other/model', {}),
    ],
)
def test_parameters_of_the_runner_are_read(text, topic, expected, tmp_path):
    node = read(tmp_path, model_status(text, topic))
    assert (node.parameters, node.models) == (expected, ())


def test_every_change_of_the_model_is_read(tmp_path):
    swap = {
        'why': 'parameter model was set',
        'since_ns': '900',
        'history_since_ns': '700',
        'blend_time': '0.25',
        'previous': 'a.onnx',
    }
    first = model_status('{}', model_sha256='ab' * 32, since_ns='100', why='configured')
    second = model_status('{"tilt_limit": 0.4}', time_ns=2, model_sha256='cd' * 32, **swap)
    back = {**swap, 'why': 'rolled back: tilt.limit', 'since_ns': '950', 'history_since_ns': '-1'}
    third = model_status('{}', time_ns=3, model_sha256='ab' * 32, spec='{"no": "spec"}', **back)
    node = read(tmp_path, first, second, third)
    assert node.parameters == {'tilt_limit': 0.4}
    assert [model.number for model in node.models] == [
        model_number('ab' * 32), model_number('cd' * 32), model_number('ab' * 32),
    ]  # fmt: skip
    assert [model.since_ns for model in node.models] == [-1, 900, 950]
    assert [model.history_since_ns for model in node.models] == [-1, 700, -1]
    assert [model.blend_time for model in node.models] == [0.0, 0.25, 0.25]
    assert [model.is_back for model in node.models] == [False, False, True]
    assert all(model.spec is None for model in node.models)
