# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Modes of a runner, and the events that change them."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum
from typing import Literal

FaultAction = Literal['hold', 'default_pose', 'damp', 'stop']
FAULT_ACTIONS: tuple[FaultAction, ...] = ('hold', 'default_pose', 'damp', 'stop')
HARDNESS: dict[FaultAction, int] = {'hold': 0, 'default_pose': 0, 'damp': 1, 'stop': 2}
"""A fault escalates to harder actions only."""


class Mode(IntEnum):
    """Modes while the node is active; the number is what ``~/tick`` carries."""

    STANDBY = 1
    """Ramps from the measured pose to the default pose, then holds it."""
    POLICY = 2
    """The policy's targets are sent."""
    FAULT = 3
    """Latched: the fault action is carried out until reset_fault."""
    STOPPING = 4
    """The policy's targets are sent, its velocity command goes to zero; standby follows."""

    @property
    def runs_policy(self) -> bool:
        """Whether the policy moves the robot."""
        return self in POLICY_MODES


POLICY_MODES = (Mode.POLICY, Mode.STOPPING)
"""Modes in which the policy moves the robot."""


class Event(IntEnum):
    """Requests to a runner."""

    START = 1
    STOP = 2
    ESTOP = 3
    RESET_FAULT = 4


_NEXT = {
    (Mode.STANDBY, Event.START): Mode.POLICY,
    (Mode.STANDBY, Event.STOP): Mode.STANDBY,
    (Mode.STANDBY, Event.ESTOP): Mode.FAULT,
    (Mode.POLICY, Event.START): Mode.POLICY,
    (Mode.POLICY, Event.STOP): Mode.STOPPING,
    (Mode.POLICY, Event.ESTOP): Mode.FAULT,
    (Mode.FAULT, Event.ESTOP): Mode.FAULT,
    (Mode.FAULT, Event.RESET_FAULT): Mode.STANDBY,
    (Mode.STOPPING, Event.START): Mode.POLICY,
    (Mode.STOPPING, Event.STOP): Mode.STOPPING,
    (Mode.STOPPING, Event.ESTOP): Mode.FAULT,
}


def next_mode(mode: Mode, event: Event, stop_takes_time: bool = True) -> Mode | None:
    """Return the mode that an event leads to, or None where it is refused.

    Args:
        mode: The present one.
        event: The request.
        stop_takes_time: Whether a stop has a command to slow down; if not, it is standby at once.
    """
    goal = _NEXT.get((mode, event))
    return Mode.STANDBY if goal is Mode.STOPPING and not stop_takes_time else goal


def refusal(mode: Mode, event: Event, fault: str) -> str:
    """Return the message that a mode refuses an event.

    Args:
        mode: The present one.
        event: The request.
        fault: Why it is a fault; '' if it is none.
    """
    hint = '; call reset_fault first' if mode is Mode.FAULT else ''
    why = f' ({fault})' if fault else ''
    return f'mode is {mode.name.lower()}{why}, {event.name.lower()} is refused{hint}'


def mode_after(mode: Mode, events: Iterable[Event], stop_takes_time: bool) -> Mode:
    """Return the mode that events lead to in turn; a refused event changes nothing."""
    for event in events:
        mode = next_mode(mode, event, stop_takes_time) or mode
    return mode
