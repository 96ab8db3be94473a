# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Has the file of a model been replaced?"""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple


class _Seen(NamedTuple):
    inode: int
    size: int
    changed_ns: int


class ModelWatch:
    """Looks at one path again and again.

    A file that is replaced atomically, written beside and renamed, has another inode. One that is
    written in place keeps it, and may be half-written at any moment: it is told, never taken.
    """

    def __init__(self, path: Path) -> None:
        """Begin with the file that is there."""
        self.path = path
        self._seen = _look(path)
        self._is_whole = self._seen is not None
        self._told = self._seen

    def look(self) -> tuple[bool, str]:
        """Return whether another file is there, and what is wrong with how it came, or ''."""
        now = _look(self.path)
        if now is None:
            self._is_whole = False  # what comes next need not be complete when it is seen
        if now is None or now in (self._seen, self._told):
            return False, ''
        self._told = now
        if self._is_whole and self._seen is not None and now.inode != self._seen.inode:
            self._seen = now
            return True, ''
        return False, (
            f'{self.path} was written in place and is not taken: write the new model beside it '
            'and rename it over it, or set model'
        )


def _look(path: Path) -> _Seen | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return _Seen(status.st_ino, status.st_size, status.st_mtime_ns)
