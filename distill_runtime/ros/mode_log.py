# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Log start and end of the control loop, and each change of the mode with its cause.

The control thread appends changes to a queue and logs nothing. A change that a service asked for
names the service; any other one has the reason of its first tick.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from distill_runtime.core.modes import Event, Mode, next_mode
from distill_runtime.ros.loop.loop_context import LoopContext
from rclpy.node import Node

_ESTOP = 'estop.requested'


class ModeChange(NamedTuple):
    """A tick in another mode than the one before."""

    old: Mode
    new: Mode
    reason: str
    """Of that tick, ``code: text``; '' if there is none."""


class ModeLog:
    """Writes requests and mode changes to a node's log; the executor's thread calls."""

    def __init__(self, node: Node) -> None:
        """Wait for requests and changes."""
        self._logger = node.get_logger()
        self._requests: deque[Event] = deque(maxlen=8)

    def begin(self, context: LoopContext) -> None:
        """Log that a control loop has started, and with what."""
        config, runner = context.config, context.runner
        self._requests.clear()
        self._logger.info(
            f'active: {context.registry.active.name}, mode {runner.mode.name.lower()}, '
            f'{1e9 / runner.control_period_ns:g} Hz, trigger {config.trigger}'
            + (', shadow: no command is sent' if config.shadow else '')
        )

    def end(self, cause: str, num_ticks: int) -> None:
        """Log that the control loop has ended."""
        self._logger.info(f'inactive: {cause} after {num_ticks} ticks')

    def note_request(self, event: Event, mode: Mode, is_accepted: bool, answer: str) -> None:
        """Note what a service asked for in a mode; log it now if no change of mode follows."""
        if not is_accepted:
            self._logger.warning(f'{_service(event)}: {answer}')
        elif next_mode(mode, event) is mode:
            self._logger.info(f'mode stays {mode.name.lower()}: {_service(event)} was called')
        else:
            self._requests.append(event)

    def write(self, changes: deque[ModeChange]) -> None:
        """Log changes, and remove them from their queue."""
        while changes:
            change = changes.popleft()
            request = self._request_for(change)
            is_fault = change.new is Mode.FAULT
            cause = change.reason
            if request is not None and not is_fault:
                cause = f'{_service(request)} was called'
            text = f'mode {change.old.name.lower()} to {change.new.name.lower()}'
            text += f': {cause}' if cause else ''
            if is_fault and change.reason.partition(':')[0] != _ESTOP:
                self._logger.error(text)
            else:
                self._logger.info(text)

    def _request_for(self, change: ModeChange) -> Event | None:
        """Return the request that caused a change, and forget it and those before it."""
        for number, event in enumerate(self._requests):
            if _can_cause(event, change):
                for _ in range(number + 1):
                    self._requests.popleft()
                return event
        return None


def _can_cause(event: Event, change: ModeChange) -> bool:
    """Whether an event can be the cause; a stop that takes no time goes straight to standby."""
    goal = next_mode(change.old, event)
    skips_stopping = goal is Mode.STOPPING and change.new is Mode.STANDBY
    return goal is change.new or (skips_stopping and change.old is Mode.POLICY)


def _service(event: Event) -> str:
    return f'~/{event.name.lower()}'
