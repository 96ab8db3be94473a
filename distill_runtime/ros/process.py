# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""How a node's process ends: by a signal that is noted, never by one that interrupts."""

from __future__ import annotations

import atexit
from collections.abc import Callable
import signal
import time
import traceback

from distill_runtime.errors import DistillError
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.logging import get_logger

_POLL = 0.1  # s
_NUMBERS = (signal.SIGINT, signal.SIGTERM)
_seen: list[int] = []


def note_signals() -> None:
    """Have SIGINT and SIGTERM noted from now on, however many come.

    A terminal and a launch file both send SIGINT: the second must not disturb the shutdown.
    To block the signals would not do: the threads that numpy has started by then would get them.
    Nor would an Event: the handler runs within whatever the main thread does, also within a wait
    that holds the Event's lock. While Python ends it resets handlers, but none that ignores: a
    signal that launch sends then must not make a failure of an exit status of 0.
    """
    for number in _NUMBERS:
        signal.signal(number, lambda number, frame: _seen.append(number))
    atexit.register(_ignore_signals)


def is_ending() -> bool:
    """Whether SIGINT or SIGTERM has come: nothing is to be waited for any more."""
    return bool(_seen)


def wait_for_signal(is_over: Callable[[], bool] = lambda: False) -> None:
    """Return when SIGINT or SIGTERM has come, or something is over."""
    while not (_seen or is_over()):
        time.sleep(_POLL)


def _ignore_signals() -> None:
    for number in _NUMBERS:
        signal.signal(number, signal.SIG_IGN)


def explain(error: Exception) -> str:
    """Return one line: a DistillError as it is, any other error with its type."""
    text = ' '.join(str(error).split())
    return text if isinstance(error, DistillError) else f'{type(error).__name__}: {text}'


def serve(executor: SingleThreadedExecutor) -> None:
    """Spin until the executor is shut down.

    An error in a callback, or of rclpy over something just destroyed, is logged and ends nothing:
    an emergency stop must be answered whatever happened before.
    """
    while True:
        try:
            executor.spin()
        except ExternalShutdownException:
            return
        except Exception as error:  # noqa: BLE001  see above
            get_logger('executor').error(f'{explain(error)}\n{traceback.format_exc()}')
        else:
            return
