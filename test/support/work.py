# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Units of work that fail and die, for tests of workers; other processes import this module."""

from __future__ import annotations

import os
from pathlib import Path
import signal

from distill_runtime.errors import RecordingError


class UnpicklableError(Exception):
    """Its constructor takes other arguments than it passes on, so that it cannot be unpickled."""

    def __init__(self, name: str, number: int) -> None:
        """Keep the name only."""
        super().__init__(name)


def work(folder: Path, unit: str) -> tuple[str, int, str | None]:
    """Do what a unit says; return it, the process, and the number of threads of its libraries."""
    if unit == 'bad bag':
        raise RecordingError('it is empty')
    if unit == 'unpicklable':
        raise UnpicklableError('a name', 1)
    if unit == 'dies' or (unit == 'dies once' and not (folder / 'died').exists()):
        (folder / 'died').touch()
        os.kill(os.getpid(), signal.SIGKILL)
    with (folder / 'log').open('a') as log:
        log.write(f'{unit}\n')
    return unit, os.getpid(), os.environ.get('OMP_NUM_THREADS')


def wait_forever(folder: Path, unit: str) -> None:
    """Note the process, then wait for its end."""
    (folder / unit).write_text(str(os.getpid()))
    signal.pause()
