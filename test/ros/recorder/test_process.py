# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import signal

from distill_runtime.ros.recorder import process as module
from distill_runtime.ros.recorder.process import RecorderProcess
import pytest
from support.ring_buffers import FilledRingBuffer
from support.ros_harness import wait_for


@pytest.fixture
def ring():
    ring = FilledRingBuffer()
    ring.tick(3)
    return ring


@pytest.fixture
def process(ring, tmp_path):
    process = RecorderProcess(ring.writer, tmp_path, 10**9)
    yield process
    if not process._input.closed:
        process.close(5.0)


def next_of(process, event):
    """Return the next such event."""
    return wait_for(
        lambda: next((found for found in process.received() if found['event'] == event), None),
        event,
    )


def test_process_that_dies_is_started_again_after_a_pause(process, monkeypatch):
    assert next_of(process, 'ready')['problem'] == ''
    assert list(process.received()) == []
    assert process.poll() == ''
    process._process.kill()
    assert 'has ended with status -9' in wait_for(process.poll)
    assert process.problem
    process.send(do='dump')  # goes nowhere, and is no error
    assert process.poll() == ''
    monkeypatch.setattr(module, '_PAUSE', 0.0)
    assert 'started again' in process.poll()
    assert process.problem == ''
    assert next_of(process, 'ready')
    process.send(do='dump')
    assert next_of(process, 'dumped')['cause'] == 'request'


def test_close_returns_the_last_events(process):
    process.send(do='goodbye', cause='shutdown')
    events = process.close(10.0)
    assert (events[-1]['event'], events[-1]['cause']) == ('dumped', 'shutdown')


def test_process_that_hangs_is_not_waited_for_and_killed(process):
    next_of(process, 'ready')
    process._process.send_signal(signal.SIGSTOP)
    assert process.close(0.1) == []
    process._patience = 0.2
    assert 'hangs' in wait_for(process.poll)
    assert process._process.wait(5.0) == -signal.SIGKILL
    assert process.close(5.0) == []
