# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Keep a folder of complete dumps within its quota.

A dump is written into a hidden folder next to it, which the writer keeps locked, and then renamed.
The hidden folder of a killed writer is not locked any more, and is removed. A dump is only removed
if it has exactly the files that were written: one to which somebody added a note stays.
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
    """The dumps of one or more nodes."""

    def __init__(self, path: Path, quota: int) -> None:
        """Name the folder; prepare makes it.

        Args:
            path: The folder.
            quota: Size of all dumps together in [byte], above which the oldest are removed.
        """
        self.path = path
        self.quota = quota

    def prepare(self) -> int:
        """Make the folder, and remove what killed writers left; return how many.

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
        """Write a dump, and remove the oldest ones that exceed the quota or the disk.

        Args:
            label: Node and cause; characters that a file name cannot have are replaced.
            size: Of the dump, about, in [byte].
            fill: Writes the bag into a folder that does not exist, and returns its size.

        Returns:
            The dump, and the removed ones.

        Raises:
            RecordingError: If it cannot be written; then it leaves no files.
        """
        removed: list[Path] = []
        while True:
            try:
                dump = self._write(label, fill)
                break
            except OSError as error:
                dumps = self.dumps() if error.errno in (errno.ENOSPC, errno.EDQUOT) else []
                if not dumps or sum(old.size for old in dumps) < size:
                    raise self._refusal(error) from error  # removing them all would not help
                removed += self._remove(dumps[0].path)
                size -= dumps[0].size
        return dump, removed + self._make_room(dump.path)

    def _write(self, label: str, fill: Callable[[Path], int]) -> Dump:
        self.path.mkdir(parents=True, exist_ok=True)
        path = free_path(self.path, label)
        hidden = path.with_name(f'.{path.name}.{os.getpid()}.part')
        try:
            with _locked(hidden):
                size = fill(hidden / path.name)
                (hidden / path.name).rename(path)
                hidden.rmdir()
            sync(self.path)
        except BaseException:
            shutil.rmtree(hidden, ignore_errors=True)
            raise
        return Dump(path, size)

    def _make_room(self, newest: Path) -> list[Path]:
        """Remove the oldest dumps until the quota is met, but never the newest."""
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
        """Remove a dump atomically; return it, or nothing if another process removed it."""
        hidden = path.with_name(f'.{path.name}.{os.getpid()}.part')
        try:
            path.rename(hidden)
        except OSError as error:
            if error.errno == errno.ENOENT:
                return []
            raise self._refusal(error) from error
        shutil.rmtree(hidden, ignore_errors=True)
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
            # before it was locked, another process may have removed it as a leftover
            is_ours = folder.is_dir() and os.path.samestat(folder.stat(), os.fstat(descriptor))
            if is_ours:
                yield
        finally:
            os.close(descriptor)


def _remove_leftover(folder: Path) -> bool:
    """Remove a leftover unless a writer holds its lock; return whether it was removed."""
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
    """Return the size of a dump; None if it is none, or has files that others added."""
    with contextlib.suppress(OSError):
        sizes = {entry.name: entry.stat().st_size for entry in path.iterdir()}
        if set(sizes) == {_METADATA, f'{path.name}.mcap'}:
            return sum(sizes.values())
    return None
