# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import ctypes
import gc
import os
import subprocess
import sys
from types import SimpleNamespace
import weakref

from distill_runtime.errors import ConfigError
from distill_runtime.ros.loop import realtime
from distill_runtime.ros.loop.realtime import GarbagePause, lock_memory, use_cpus, use_fifo
import pytest


def refusing(error):
    """Return a function of the operating system that refuses."""

    def refuse(*args):
        raise error

    return refuse


def test_refused_priority_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr(os, 'sched_setscheduler', refusing(PermissionError(1, 'not permitted')))
    message = (
        r'realtime_priority is 40, SCHED_FIFO is refused: \[Errno 1\] not permitted: raise rtprio '
        r'for this user in /etc/security/limits\.conf, or set realtime_priority to 0'
    )
    with pytest.raises(ConfigError, match=message):
        use_fifo(40)


def test_priority_is_asked_for_the_calling_thread(monkeypatch):
    asked = []
    monkeypatch.setattr(os, 'sched_setscheduler', lambda *args: asked.append(args))
    use_fifo(40)
    ((thread, policy, parameters),) = asked
    assert (thread, policy, parameters.sched_priority) == (0, os.SCHED_FIFO, 40)


@pytest.mark.parametrize('cpus', [(900,), (), (-2,), (2**40,)])
def test_processors_that_are_not_there_are_refused(cpus):
    offered = sorted(os.sched_getaffinity(0))
    with pytest.raises(ConfigError, match=r'cpu_affinity is \[.*\], refused: .*') as caught:
        use_cpus(cpus)
    assert f'this machine offers processors {offered}' in str(caught.value)
    assert sorted(os.sched_getaffinity(0)) == offered


def test_processors_are_asked_for_the_calling_thread(monkeypatch):
    asked = []
    monkeypatch.setattr(os, 'sched_setaffinity', lambda *args: asked.append(args))
    use_cpus((0, 1))
    assert asked == [(0, (0, 1))]


@pytest.mark.parametrize('error', [1, 12])
def test_refused_memory_lock_says_how_to_get_it(monkeypatch, error):
    def mlockall(flags):
        ctypes.set_errno(error)
        return -1

    library = SimpleNamespace(mlockall=mlockall)
    monkeypatch.setattr(realtime.ctypes, 'CDLL', lambda *args, **kwargs: library)
    message = f'lock_memory is true, mlockall is refused: {os.strerror(error)}: raise memlock for'
    with pytest.raises(ConfigError, match=message):
        lock_memory()


def test_memory_that_is_there_and_memory_to_come_are_locked(monkeypatch):
    asked = []
    library = SimpleNamespace(mlockall=lambda flags: asked.append(flags) or 0)
    monkeypatch.setattr(realtime.ctypes, 'CDLL', lambda *args, **kwargs: library)
    lock_memory()
    assert asked == [3]  # MCL_CURRENT | MCL_FUTURE of <sys/mman.h>


def test_garbage_waits_until_the_last_loop_ends():
    assert gc.isenabled()
    with GarbagePause():
        assert not gc.isenabled()
        assert gc.get_freeze_count() > 0
        with GarbagePause():
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled()
    assert gc.get_freeze_count() == 0


def test_young_cycles_are_collected_in_the_pause():
    class Node:
        pass

    alive = []
    with GarbagePause():
        node = Node()
        node.me = node
        node.end = SimpleNamespace()
        alive.append(weakref.ref(node))
        del node
        assert alive[0]() is not None
        GarbagePause.collect_young()
        assert alive[0]() is None


OTHERS = """
import os, subprocess, sys, threading
from distill_runtime.ros.loop.realtime import others_raised, use_fifo

READ = 'import os; print(os.sched_getscheduler(0))'
other = threading.main_thread().native_id
seen = []

def control():
    use_fifo(5)
    with others_raised(3):
        seen.append(os.sched_getscheduler(other) & ~os.SCHED_RESET_ON_FORK)
        seen.append(os.sched_getparam(other).sched_priority)
        seen.append(os.sched_getparam(0).sched_priority)
        inside.set()
        checked.wait()
    seen.append(os.sched_getscheduler(other))

inside, checked = threading.Event(), threading.Event()
thread = threading.Thread(target=control)
thread.start()
inside.wait()
child = subprocess.run([sys.executable, '-c', READ], capture_output=True, text=True)
checked.set()
thread.join()
print(seen == [os.SCHED_FIFO, 3, 5, os.SCHED_OTHER], child.stdout.strip() == str(os.SCHED_OTHER))
"""


def test_other_threads_are_raised_meanwhile_and_their_children_are_not():
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    except PermissionError:
        pytest.skip('this user may not use SCHED_FIFO')
    result = subprocess.run(
        [sys.executable, '-c', OTHERS], capture_output=True, text=True, timeout=60, check=True
    )
    assert result.stdout == 'True True\n'
