# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""What the operating system can do for a thread with deadlines; each refused with a reason."""

from __future__ import annotations

from collections.abc import Iterator
import contextlib
import ctypes
import gc
import os
import threading

from distill_runtime.errors import ConfigError

_MCL_CURRENT, _MCL_FUTURE = 1, 2


def use_fifo(priority: int) -> None:
    """Give the calling thread SCHED_FIFO.

    Raises:
        ConfigError: If the operating system refuses.
    """
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(priority))
    except (OSError, AttributeError) as error:
        raise ConfigError(
            f'realtime_priority is {priority}, SCHED_FIFO is refused: {error}: raise rtprio for '
            'this user in /etc/security/limits.conf, or set realtime_priority to 0'
        ) from error


@contextlib.contextmanager
def others_raised(priority: int) -> Iterator[None]:
    """Give the other threads of the process SCHED_FIFO meanwhile, those that have no priority.

    A thread with deadlines waits for locks of other threads: the interpreter's, the middleware's.
    While they run at an ordinary priority, any busy process can keep it waiting. What they start
    has an ordinary priority again.
    """
    raised = []
    for entry in map(int, os.listdir('/proc/self/task')):
        # a thread may end while we look
        with contextlib.suppress(ProcessLookupError):
            if os.sched_getscheduler(entry) == os.SCHED_OTHER:
                policy = os.SCHED_FIFO | os.SCHED_RESET_ON_FORK
                os.sched_setscheduler(entry, policy, os.sched_param(priority))
                raised.append(entry)
    try:
        yield
    finally:
        for entry in raised:
            with contextlib.suppress(ProcessLookupError):
                os.sched_setscheduler(entry, os.SCHED_OTHER, os.sched_param(0))


def use_cpus(cpus: tuple[int, ...]) -> None:
    """Keep the calling thread on some processors.

    Raises:
        ConfigError: If the operating system refuses.
    """
    try:
        os.sched_setaffinity(0, cpus)
    except (OSError, AttributeError, ValueError, OverflowError) as error:
        raise ConfigError(
            f'cpu_affinity is {list(cpus)}, refused: {error}: this machine offers processors '
            f'{sorted(os.sched_getaffinity(0))}'
        ) from error


def lock_memory() -> None:
    """Keep all pages of the process in memory, those to come included.

    Raises:
        ConfigError: If the operating system refuses.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mlockall(_MCL_CURRENT | _MCL_FUTURE) != 0:
        reason = os.strerror(ctypes.get_errno())
        raise ConfigError(
            f'lock_memory is true, mlockall is refused: {reason}: raise memlock for this user in '
            '/etc/security/limits.conf, or set lock_memory to false'
        )


class GarbagePause:
    """Keeps the garbage collector out of ticks while any control loop of the process runs.

    All that exists at the start is set aside; what cycles arise are collected in the slack of
    ticks.
    """

    _lock = threading.Lock()
    _count = 0

    def __enter__(self) -> GarbagePause:
        """Collect once, then switch off."""
        with GarbagePause._lock:
            if GarbagePause._count == 0:
                gc.collect()
                gc.freeze()
                gc.disable()
            GarbagePause._count += 1
        return self

    def __exit__(self, *exception: object) -> None:
        """Switch on again after the last loop."""
        with GarbagePause._lock:
            GarbagePause._count -= 1
            if GarbagePause._count == 0:
                gc.unfreeze()
                gc.enable()

    @staticmethod
    def collect_young() -> None:
        """Collect what is young, in the slack of a tick."""
        gc.collect(0)
