# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""A progress bar on standard error: in a terminal, and where rich is installed."""

from __future__ import annotations

from collections.abc import Iterator
import contextlib
import sys


class Progress:
    """Shows nothing: standard error is no terminal, or rich is not installed."""

    def stage(self, text: str) -> None:
        """Begin with something whose length is not known yet."""

    def __call__(self, done: int, total: int) -> None:
        """Show how much of it is done."""


@contextlib.contextmanager
def open_progress() -> Iterator[Progress]:
    """Give a progress bar, which is gone when the block is left."""
    if not sys.stderr.isatty():
        yield Progress()
        return
    try:
        from .progress_bar import open_bar
    except ImportError:
        yield Progress()
        return
    with open_bar() as bar:
        yield bar
