# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Helper processes of a measurement, ended whatever happens."""

from __future__ import annotations

from collections.abc import Iterator
import contextlib
import os
from pathlib import Path
import random
import subprocess
import sys

import distill_runtime
from subjects import Subject

_END_TIMEOUT = 5.0
HERE = Path(__file__).resolve().parent


def isolated_environment() -> dict[str, str]:
    """Return an environment whose processes hear only each other, on this machine."""
    package = str(Path(distill_runtime.__file__).resolve().parents[1])
    paths = [package, *filter(None, [os.environ.get('PYTHONPATH')])]
    return {
        **os.environ,
        'PYTHONPATH': os.pathsep.join(paths),
        # 1 to 101 are the domains whose ports are free on every system
        'ROS_DOMAIN_ID': str(random.SystemRandom().randint(1, 101)),
        'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST',
    }


def unique_namespace(name: str) -> str:
    """Return a namespace that no other run uses, should one share the domain."""
    return f'/{name}_{os.getpid()}'


@contextlib.contextmanager
def feeder(subject: Subject, namespace: str, rate: int, seconds: float) -> Iterator[None]:
    """Have sensors published by another process, at most for some seconds."""
    words = [*subject.words(), '--namespace', namespace, '--rate', rate, '--seconds', seconds]
    with _ended(_python('feeder.py', *words, stdout=subprocess.PIPE)) as process:
        assert process.stdout is not None
        if process.stdout.readline() != b'ready\n':
            raise RuntimeError('feeder.py did not start, see its message above')
        yield


@contextlib.contextmanager
def hogs(count: int, seconds: float) -> Iterator[None]:
    """Keep some cores busy, at most for some seconds."""
    with contextlib.ExitStack() as stack:
        for _ in range(count):
            stack.enter_context(_ended(_python('hog.py', seconds)))
        yield


def output_of(script: str, *words: object) -> bytes:
    """Run a script of the suite to its end; return what it prints."""
    with _ended(_python(script, *words, stdout=subprocess.PIPE)) as process:
        output, _ = process.communicate()
    if process.returncode != 0:
        raise RuntimeError(f'{script} failed, see its message above')
    return output


def _python(script: str, *words: object, stdout: int | None = None) -> subprocess.Popen[bytes]:
    command = [sys.executable, str(HERE / script), *map(str, words)]
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=stdout)


@contextlib.contextmanager
def _ended(process: subprocess.Popen[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    try:
        yield process
    finally:
        # killed at once, it would leave shared memory of DDS behind
        process.terminate()
        try:
            process.communicate(timeout=_END_TIMEOUT)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
