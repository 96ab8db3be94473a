# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import signal

from distill_runtime.ros.recorder import process as module
from distill_runtime.ros.recorder.process import RecorderProcess
import pytest
from support.ring_buffers import Filled
from support.ros_harness import wait_for


@pytest.fixture
def journal():
    journal = Filled()
    journal.tick(3)
    return journal


@pytest.fixture
def companion(journal, tmp_path):
    companion = RecorderProcess(journal.writer.descriptor, journal.reader, tmp_path, 10**9)
    yield companion
    companion.close(5.0)


def next_of(companion, event):
    """Return the next such event."""
    return wait_for(
        lambda: next((said for said in companion.heard() if said['event'] == event), None), event
    )


def test_process_says_that_it_is_ready_and_obeys(companion):
    assert next_of(companion, 'ready')['problem'] == ''
    companion.tell(do='dump', cause='request', number=4)
    assert next_of(companion, 'dumped')['number'] == 4
    assert companion.watch() == ''


def test_nothing_said_is_nothing_heard(companion):
    next_of(companion, 'ready')
    assert list(companion.heard()) == []


def test_process_that_dies_is_started_again_after_a_pause(companion, monkeypatch):
    next_of(companion, 'ready')
    companion._process.kill()
    assert 'has ended with status -9' in wait_for(companion.watch)
    assert companion.trouble
    companion.tell(do='dump', cause='request', number=1)  # goes nowhere, and is no error
    assert companion.watch() == ''
    monkeypatch.setattr(module, '_PAUSE', 0.0)
    assert 'started again' in companion.watch()
    assert companion.trouble == ''
    assert next_of(companion, 'ready')


def test_process_that_gives_no_sign_of_life_is_ended(companion, journal):
    wait_for(lambda: journal.reader.beat_ns, 'a sign of life')
    companion._process.send_signal(signal.SIGSTOP)
    companion._patience = 0.2
    assert 'hangs' in wait_for(companion.watch)
    assert companion._process.wait(5.0) == -signal.SIGKILL


def test_close_returns_what_was_said_last(journal, tmp_path):
    companion = RecorderProcess(journal.writer.descriptor, journal.reader, tmp_path, 10**9)
    companion.tell(do='goodbye', cause='shutdown')
    said = companion.close(10.0)
    assert said[-1]['event'] == 'dumped'
    assert said[-1]['cause'] == 'shutdown'


def test_close_does_not_wait_for_a_process_that_hangs(journal, tmp_path):
    companion = RecorderProcess(journal.writer.descriptor, journal.reader, tmp_path, 10**9)
    next_of(companion, 'ready')
    companion._process.send_signal(signal.SIGSTOP)
    assert companion.close(0.1) == []
    companion._process.kill()
    companion._process.wait(5.0)
