# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from distill_runtime.data.bags import Bag
from distill_runtime.data.recorded_node import recorded_parameters, STATUS_TYPE
import pytest
from support.bags import joint_state, Said, STORE, write_bag


def model_status(parameters, topic='/student_node/model'):
    entry = STORE.types['diagnostic_msgs/msg/KeyValue'](key='parameters', value=parameters)
    status = STORE.types[STATUS_TYPE](level=0, name='', message='', hardware_id='', values=[entry])
    return Said(topic, STATUS_TYPE, 1, status)


def read(tmp_path, *messages):
    with Bag(write_bag(tmp_path / 'bag', messages)) as bag:
        return recorded_parameters(bag, '/student_node')


def test_parameters_of_the_runner_are_read(tmp_path):
    text = '{"tilt_limit": 0.5, "trigger": "timer", "checks.tilt.limit": 1.0}'
    assert read(tmp_path, model_status(text)) == {'tilt_limit': 0.5, 'checks.tilt.limit': 1.0}


@pytest.mark.parametrize('text', ['', '[1]', 'none'])
def test_what_is_no_mapping_says_nothing(text, tmp_path):
    assert read(tmp_path, model_status(text)) == {}


def test_other_nodes_and_recordings_without_it_say_nothing(tmp_path):
    messages = [model_status('{"tilt_limit": 0.5}', '/other/model'), joint_state(2, ['a'], [0])]
    assert read(tmp_path, *messages) == {}
