# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Ctrl-C, whatever a library makes of it."""

from __future__ import annotations

from collections.abc import Iterator
import contextlib
import signal
import threading
from types import FrameType


@contextlib.contextmanager
def noted_interrupts() -> Iterator[list[int]]:
    """Note every SIGINT that raises KeyboardInterrupt within the block.

    Libraries turn that into errors of their own: a module in C that is interrupted while it is
    imported ends with ImportError, for example.

    Yields:
        The signals so far.
    """
    noted: list[int] = []

    def interrupt(number: int, frame: FrameType | None) -> None:
        noted.append(number)
        raise KeyboardInterrupt

    is_default = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if not is_default or threading.current_thread() is not threading.main_thread():
        yield noted
        return
    signal.signal(signal.SIGINT, interrupt)
    try:
        yield noted
    finally:
        if signal.getsignal(signal.SIGINT) is interrupt:
            signal.signal(signal.SIGINT, signal.default_int_handler)
