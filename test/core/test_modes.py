# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from distill_runtime.core.modes import Event, Mode, next_mode
import pytest


@pytest.mark.parametrize(
    ('mode', 'event', 'goal'),
    [
        (Mode.STANDBY, Event.START, Mode.POLICY),
        (Mode.STANDBY, Event.STOP, Mode.STANDBY),
        (Mode.STANDBY, Event.ESTOP, Mode.FAULT),
        (Mode.STANDBY, Event.RESET_FAULT, None),
        (Mode.POLICY, Event.START, Mode.POLICY),
        (Mode.POLICY, Event.STOP, Mode.STANDBY),
        (Mode.POLICY, Event.ESTOP, Mode.FAULT),
        (Mode.POLICY, Event.RESET_FAULT, None),
        (Mode.FAULT, Event.START, None),
        (Mode.FAULT, Event.STOP, None),
        (Mode.FAULT, Event.ESTOP, Mode.FAULT),
        (Mode.FAULT, Event.RESET_FAULT, Mode.STANDBY),
    ],
)
def test_every_event_in_every_mode(mode, event, goal):
    assert next_mode(mode, event) is goal


def test_a_fault_is_left_by_its_reset_alone():
    left = [event for event in Event if next_mode(Mode.FAULT, event) not in (None, Mode.FAULT)]
    assert left == [Event.RESET_FAULT]


def test_numbers_on_the_tick_topic_stay():
    assert [(mode.name, int(mode)) for mode in Mode] == [
        ('STANDBY', 1),
        ('POLICY', 2),
        ('FAULT', 3),
    ]
