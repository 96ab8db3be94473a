# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""How a node's process ends: by a signal that is waited for, never by one that interrupts."""

from __future__ import annotations

from collections.abc import Callable
import contextlib
import signal

from distill_runtime.errors import DistillError
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_POLL = 0.1  # s


def block_signals() -> None:
    """Hold SIGINT and SIGTERM back, in this thread and those that it starts.

    A terminal and a launch file both send SIGINT: the second must not break what the first began.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)


def wait_for_signal(is_over: Callable[[], bool] | None = None) -> None:
    """Return when SIGINT or SIGTERM has come, or something is over."""
    if is_over is None:
        signal.sigwait(_SIGNALS)
        return
    while not is_over():
        if signal.sigtimedwait(_SIGNALS, _POLL) is not None:
            return


def explain(error: Exception) -> str:
    """Return one line: our own errors say all themselves, others need their type."""
    text = ' '.join(str(error).split())
    return text if isinstance(error, DistillError) else f'{type(error).__name__}: {text}'


def serve(executor: SingleThreadedExecutor) -> None:
    """Spin until the executor is shut down."""
    with contextlib.suppress(ExternalShutdownException):
        executor.spin()
