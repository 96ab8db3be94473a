# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""A progress bar on standard error; silent where that is not a terminal."""

from __future__ import annotations

from collections.abc import Iterator
import contextlib

from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bar


class Progress:
    """One line that shows the current stage of a command.

    Attributes:
        prefix: Put before the name of each stage.
    """

    def __init__(self, bar: Bar) -> None:
        """Add the line to a bar."""
        self.prefix = ''
        self._bar = bar
        self._task = bar.add_task('', total=None)

    def stage(self, text: str) -> None:
        """Start a stage of unknown length."""
        self._bar.reset(self._task, description=self.prefix + text, total=None)

    def __call__(self, done: int, total: int) -> None:
        """Show how much of the stage is done."""
        self._bar.update(self._task, completed=done, total=total)


@contextlib.contextmanager
def open_progress() -> Iterator[Progress]:
    """Draw a progress bar below the output until the end of the block, then erase it."""
    columns = (
        TextColumn('{task.description}'),
        BarColumn(),
        TextColumn('{task.percentage:>3.0f}%'),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    console = Console(stderr=True)
    with Bar(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        yield Progress(bar)
