# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import dataclasses

from distill_runtime.core.modes import FAULT_ACTIONS
from distill_runtime.data.recording.tick_log import TickLog
from distill_runtime.wire.tick_fields import (
    ACTION_NUMBERS,
    external_topics,
    model_number,
    TICK_FIELDS,
    tick_labels,
)


def test_every_field_is_an_array_of_the_log():
    assert set(TICK_FIELDS) <= {field.name for field in dataclasses.fields(TickLog)}


def test_every_fault_action_has_a_different_number():
    assert set(ACTION_NUMBERS) == {'', *FAULT_ACTIONS}
    assert len(set(ACTION_NUMBERS.values())) == len(ACTION_NUMBERS)


def test_external_topics_are_read_from_labels():
    topics = ('/height_scan', 'goal', 'imu')
    labels = tick_labels(topics)
    assert labels[: len(TICK_FIELDS)] == TICK_FIELDS
    assert external_topics(labels) == topics
    assert external_topics(TICK_FIELDS) == ()


def test_number_of_a_model_is_the_first_60_bits_of_its_hash():
    assert model_number('f' * 64) == 2**60 - 1
    assert model_number('0' * 14 + '1' + 'f' * 49) == 1
