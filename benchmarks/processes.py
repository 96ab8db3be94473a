# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Helper processes of a measurement, terminated at the end of a block."""

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

_END_TIMEOUT = 10.0
HERE = Path(__file__).resolve().parent


def isolated_environment() -> dict[str, str]:
    """Return an environment with a random ROS domain, limited to this machine."""
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
    """Return a namespace that no other run in the same domain uses."""
    return f'/{name}_{os.getpid()}'


@contextlib.contextmanager
def feeder(subject: Subject, namespace: str, rate: int, seconds: float) -> Iterator[None]:
    """Publish sensors from another process, for a limited time."""
    words = [*subject.words(), '--namespace', namespace, '--rate', rate, '--seconds', seconds]
    with terminated(_python('feed.py', *words, stdout=subprocess.PIPE)) as process:
        assert process.stdout is not None
        if process.stdout.readline() != b'ready\n':
            raise RuntimeError('feed.py did not start, see its message above')
        yield


@contextlib.contextmanager
def cpu_loads(count: int, seconds: float) -> Iterator[None]:
    """Keep some cores busy, for a limited time."""
    with contextlib.ExitStack() as stack:
        for _ in range(count):
            stack.enter_context(terminated(_python('cpu_load.py', seconds)))
        yield


def output_of(script: str, *words: object) -> bytes:
    """Run a script of the suite; return its standard output."""
    with terminated(_python(script, *words, stdout=subprocess.PIPE)) as process:
        output, _ = process.communicate()
    if process.returncode != 0:
        raise RuntimeError(f'{script} failed, see its message above')
    return output


def _python(script: str, *words: object, stdout: int | None = None) -> subprocess.Popen[bytes]:
    command = [sys.executable, str(HERE / script), *map(str, words)]
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=stdout)


@contextlib.contextmanager
def terminated(process: subprocess.Popen[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    """Terminate a process at the end of the block."""
    try:
        yield process
    finally:
        # SIGKILL would leave shared memory of DDS
        process.terminate()
        try:
            process.communicate(timeout=_END_TIMEOUT)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
