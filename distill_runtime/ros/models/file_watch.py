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


class FileWatch:
    """Looks at one path again and again.

    A file that is replaced atomically, written beside and renamed, has another inode, and is
    whole. One that is written in place keeps its inode, and may be half-written at any moment: it
    is told, never taken; so is one that was not there for a while. Both come to light once the
    file has stayed as it is from one look to the next: what is removed and copied anew in between
    has another inode, too.
    """

    def __init__(self, path: Path) -> None:
        """Begin with the file that is there."""
        self.path = path
        self._seen = self._coming = _look(path)
        self._was_absent = self._seen is None

    def look(self) -> tuple[bool, str]:
        """Return whether another file is there, and what is wrong with how it came, or ''."""
        now = _look(self.path)
        is_still, self._coming = now == self._coming, now
        if now is None:
            self._was_absent = True
        if now is None or now == self._seen or not is_still:
            return False, ''
        has_own_inode = self._seen is None or now.inode != self._seen.inode
        was_absent, self._was_absent = self._was_absent, False
        self._seen = now
        if has_own_inode and not was_absent:
            return True, ''
        how = 'was removed and made anew' if was_absent else 'was written in place'
        return False, (
            f'{self.path} {how} and is not taken: write the new model beside it and rename it '
            'over it, or set model'
        )


def _look(path: Path) -> _Seen | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return _Seen(status.st_ino, status.st_size, status.st_mtime_ns)
