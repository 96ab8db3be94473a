# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""The progress bar where there is a terminal to draw it in."""

from __future__ import annotations

from collections.abc import Iterator
import contextlib

from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from .progress import Progress


@contextlib.contextmanager
def open_bar() -> Iterator[Progress]:
    """Draw a bar below what is printed, until the block is left."""
    columns = (
        TextColumn('{task.description}'),
        BarColumn(),
        TextColumn('{task.percentage:>3.0f}%'),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        yield _Drawn(bar)


class _Drawn(Progress):
    """One line that says what is done now."""

    def __init__(self, bar: Bar) -> None:
        self._bar = bar
        self._task = bar.add_task('', total=None)

    def stage(self, text: str) -> None:
        self._bar.reset(self._task, description=text, total=None)

    def __call__(self, done: int, total: int) -> None:
        self._bar.update(self._task, completed=done, total=total)
