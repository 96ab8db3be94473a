# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Ctrl-C ends every command with one line, exit status 130, and nothing left running."""

from __future__ import annotations

import os
from pathlib import Path
import shutil
import signal
import subprocess
import sys
import time

from distill_runtime.cli import check
from distill_runtime.cli.main import main, noted_interrupts
from distill_runtime.errors import MissingExtraError
from distill_runtime.share import share_path
import pytest

MESSAGE = 'distill-runtime: interrupted\n'
MODEL = share_path() / 'models' / 'quadruped_student.onnx'
AT_OPEN = """
import signal, sys
from distill_runtime.cli.main import main

file, *words = sys.argv[1:]

def interrupt(event, arguments):
    if event in ('open', 'import') and str(arguments[0]).endswith(file):
        signal.raise_signal(signal.SIGINT)

sys.addaudithook(interrupt)
sys.exit(main(words))
"""
"""Runs a command and sends SIGINT when it opens a file or imports a module."""


@pytest.mark.parametrize(
    ('file', 'words'),
    [
        ('.onnx', 'check {model}'),
        ('.onnx', 'check {model} --bag {bag}'),
        ('metadata.yaml', 'check {model} --bag {bag}'),
        ('.onnx', 'replay {bag} {model}'),
        ('metadata.yaml', 'replay {bag} {model} --json {out}'),
        ('{out}.tmp', 'replay {bag} {model} --json {out}'),
        ('metadata.yaml', 'replay --scan {bag} {model}'),
        ('metadata.yaml', 'bag info {bag}'),
        ('.onnx', 'sim {model}'),
        ('.onnx', 'pack {model} -o {out}'),
        ('{out}.tmp', 'pack {model} -o {out}'),
        ('.onnx', 'sign {model} --verify {model}'),
        ('.policy.validation', 'check {model}'),
        ('.policy.session', 'sim {model}'),
    ],
)
def test_interrupt_during_files_and_imports_is_one_line_and_130(file, words, model, bag, tmp_path):
    paths = {'model': model, 'bag': bag, 'out': tmp_path / 'out'}
    words = [word.format(**paths) for word in (file, *words.split())]
    result = subprocess.run(
        [sys.executable, '-c', AT_OPEN, *words],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (result.returncode, result.stderr) == (130, MESSAGE)
    assert result.stdout == ''
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize('error', [ImportError('no init'), MissingExtraError('no rosbags')])
def test_interrupt_that_a_library_turns_into_another_error_is_130(error, monkeypatch, capsys):
    def run(args):
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            raise error from None

    monkeypatch.setattr(check, 'run', run)
    assert main(['check', 'a.onnx']) == 130
    assert capsys.readouterr().err == MESSAGE


def test_signal_is_recorded_within_the_block_only():
    before = signal.getsignal(signal.SIGINT)
    with noted_interrupts() as noted:
        assert noted == []
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert noted == [signal.SIGINT]
    assert signal.getsignal(signal.SIGINT) is before


def test_signal_that_is_ignored_stays_ignored():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # as of a job in the background
    try:
        with noted_interrupts() as noted:
            signal.raise_signal(signal.SIGINT)
        assert noted == []
    finally:
        signal.signal(signal.SIGINT, before)


def processes_of(text):
    """Return the command lines that contain a text, by process id."""
    found = {}
    for path in Path('/proc').glob('[0-9]*/cmdline'):
        try:
            words = path.read_bytes().decode(errors='replace').split('\0')
        except OSError:  # it has ended
            continue
        if any(text in word for word in words):
            found[int(path.parent.name)] = words
    return found


def wait_until(is_so, seconds=60.0):
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.02)


def interrupted(words, is_time):
    """Start a command in a new session, as a terminal does; send SIGINT once a condition holds."""
    process = subprocess.Popen(
        [sys.executable, '-m', 'distill_runtime.cli.main', *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        wait_until(is_time)
        os.killpg(process.pid, signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130, errors
    assert errors.endswith(MESSAGE)
    assert 'Traceback' not in errors
    assert 'KeyboardInterrupt' not in errors


@pytest.mark.needs('ros', 'sim')
def test_demo_ends_its_nodes_and_completes_their_recording(tmp_path):
    runs = tmp_path / 'runs'
    interrupted(['demo', '--seconds', '60', '--record', runs], lambda: list(runs.glob('*/*.mcap')))
    assert processes_of(str(tmp_path)) == {}
    assert len(list(runs.glob('*/metadata.yaml'))) == 1


@pytest.mark.needs('ros')
def test_bench_ends_all_its_processes(tmp_path):
    model = shutil.copy(MODEL, tmp_path)
    interrupted(
        ['bench', '--only', 'timing', '--quick', '--model', model],
        lambda: any('feed.py' in words[1] for words in processes_of(model).values()),
    )
    wait_until(lambda: not processes_of(str(tmp_path)))
