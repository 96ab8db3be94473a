# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""A folder of dumps that never holds a half-written one and never grows beyond its quota.

A dump is written into a hidden folder beside, which its writer keeps locked, and renamed. What a
writer that was killed left behind is not locked any more, and is removed. Of the dumps only those
that hold exactly what was written are ever removed: one to which somebody added a note stays.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
import contextlib
import errno
import fcntl
import os
from pathlib import Path
import re
import shutil
from typing import NamedTuple

from distill_runtime.errors import RecordingError

from .bag_writer import sync
from .folders import folder_refusal, free_path, make_folder

_DUMP = re.compile(r'\d{8}T\d{6}Z_[\w.-]+')
_PART = re.compile(rf'\.{_DUMP.pattern}\.\d+\.part')
_METADATA = 'metadata.yaml'
_PARAMETER = 'blackbox_dir'


class Dump(NamedTuple):
    """A dump on disk."""

    path: Path
    size: int
    """In [byte]."""


class DumpFolder:
    """Where the dumps of one or more nodes go."""

    def __init__(self, path: Path, quota: int) -> None:
        """Name the folder; prepare makes it.

        Args:
            path: The folder.
            quota: Size of all dumps together in [byte], above which the oldest are removed.
        """
        self.path = path
        self.quota = quota

    def prepare(self) -> int:
        """Make the folder, and remove what killed writers left behind; return how many.

        Raises:
            RecordingError: If nothing can be written there.
        """
        make_folder(self.path, _PARAMETER)
        try:
            leftovers = [path for path in self.path.iterdir() if _PART.fullmatch(path.name)]
        except OSError as error:
            raise self._refusal(error) from error
        return sum(_remove_leftover(path) for path in leftovers)

    def dumps(self) -> list[Dump]:
        """Return the dumps that may be removed, the oldest first."""
        try:
            paths = sorted(path for path in self.path.iterdir() if _DUMP.fullmatch(path.name))
        except OSError:
            return []
        sizes = ((path, _size_of_dump(path)) for path in paths)
        return [Dump(path, size) for path, size in sizes if size is not None]

    def write(self, label: str, size: int, fill: Callable[[Path], int]) -> tuple[Dump, list[Path]]:
        """Write a dump, and remove the oldest ones that are too many for the quota or the disk.

        Args:
            label: Node and cause; what no file name can hold is replaced.
            size: What the dump takes, about, in [byte].
            fill: Writes the bag into a folder that does not exist, and returns its size.

        Returns:
            The dump, and what was removed for it.

        Raises:
            RecordingError: If it cannot be written; then nothing of it is left.
        """
        removed: list[Path] = []
        while True:
            try:
                dump = self._write(label, fill)
                break
            except OSError as error:
                dumps = self.dumps() if error.errno in (errno.ENOSPC, errno.EDQUOT) else []
                if not dumps or sum(old.size for old in dumps) < size:
                    raise self._refusal(error) from error  # to remove them all would not help
                removed += self._remove(dumps[0].path)
                size -= dumps[0].size
        return dump, removed + self._make_room(dump.path)

    def _write(self, label: str, fill: Callable[[Path], int]) -> Dump:
        self.path.mkdir(parents=True, exist_ok=True)
        path = free_path(self.path, label)
        part = path.with_name(f'.{path.name}.{os.getpid()}.part')
        try:
            with _locked(part):
                size = fill(part / path.name)
                (part / path.name).rename(path)
                part.rmdir()
            sync(self.path)
        except BaseException:
            shutil.rmtree(part, ignore_errors=True)
            raise
        return Dump(path, size)

    def _make_room(self, newest: Path) -> list[Path]:
        """Remove the oldest dumps until the rest keeps to the quota, but never the newest."""
        dumps = self.dumps()
        total = sum(dump.size for dump in dumps)
        removed: list[Path] = []
        for dump in dumps:
            if total <= self.quota:
                break
            if dump.path != newest:
                removed += self._remove(dump.path)
                total -= dump.size
        return removed

    def _remove(self, path: Path) -> list[Path]:
        """Remove a dump so that no half of it is ever seen; return it, or nothing if it stays."""
        part = path.with_name(f'.{path.name}.{os.getpid()}.part')
        try:
            path.rename(part)
        except OSError as error:
            if error.errno == errno.ENOENT:
                return []  # another node's process was faster
            raise self._refusal(error) from error
        shutil.rmtree(part, ignore_errors=True)
        return [path]

    def _refusal(self, error: OSError) -> RecordingError:
        return folder_refusal(self.path, _PARAMETER, error)


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Make a folder and hold its lock."""
    is_ours = False
    while not is_ours:
        folder.mkdir(exist_ok=True)
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            # before it was locked, another process may have taken it for a leftover
            is_ours = folder.is_dir() and os.path.samestat(folder.stat(), os.fstat(descriptor))
            if is_ours:
                yield
        finally:
            os.close(descriptor)


def _remove_leftover(folder: Path) -> bool:
    """Remove what a writer left, unless one still writes it; return whether it was removed."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder)
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return True


def _size_of_dump(path: Path) -> int | None:
    """Return the size of a dump; None if it is none, or holds what others put there."""
    with contextlib.suppress(OSError):
        sizes = {entry.name: entry.stat().st_size for entry in path.iterdir()}
        if set(sizes) == {_METADATA, f'{path.name}.mcap'}:
            return sum(sizes.values())
    return None
