# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Make the folders of recordings and dumps, and keep complete dumps within their quota.

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
import time

from distill_runtime.errors import RecordingError

_DUMP = re.compile(r'\d{8}T\d{6}Z_[\w.-]+')
_PART = re.compile(rf'\.{_DUMP.pattern}\.\d+\.part')
_METADATA = 'metadata.yaml'
_PARAMETER = 'blackbox_dir'


def expanded(path: str) -> Path:
    """Expand ~ to the user's home, and ~/.ros to ROS_HOME if that is set."""
    home = os.environ.get('ROS_HOME')
    within = path.removeprefix('~/.ros/')
    return Path(home, within) if home and within != path else Path(path).expanduser()


def make_folder(path: Path, parameter: str) -> None:
    """Make a folder if it does not exist.

    Args:
        path: The folder.
        parameter: Name of the parameter, for the message.

    Raises:
        RecordingError: If it is not writable.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _refusal(path, parameter, error) from error
    if not os.access(path, os.W_OK | os.X_OK):
        denied = PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        raise _refusal(path, parameter, denied)


def free_path(folder: Path, label: str) -> Path:
    """Return an unused path named by the time, a label as a file name, and a number if needed."""
    stamp = time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())
    text = re.sub(r'[^\w.-]+', '-', label).strip('-.')[:100]
    path, number = folder / f'{stamp}_{text}', 1
    while path.exists():
        number += 1
        path = folder / f'{stamp}_{text}_{number}'
    return path


def _refusal(path: Path, parameter: str, error: OSError) -> RecordingError:
    """Return an error with the reason why a folder cannot be used, and what to do."""
    reason = error.strerror or str(error)
    return RecordingError(
        f'{parameter} {path}: {reason}: make room or let this user write there, or set another '
        'folder'
    )


class DumpFolder:
    """The dumps of one or more nodes.

    Attributes:
        path: The folder; prepare makes it.
        quota: Size of all dumps together in [byte], above which the oldest are removed.
    """

    def __init__(self, path: Path, quota: int) -> None:
        self.path = path
        self.quota = quota

    def prepare(self) -> None:
        """Make the folder, and remove what killed writers left.

        Raises:
            RecordingError: If nothing can be written there.
        """
        make_folder(self.path, _PARAMETER)
        try:
            leftovers = [path for path in self.path.iterdir() if _PART.fullmatch(path.name)]
        except OSError as error:
            raise _refusal(self.path, _PARAMETER, error) from error
        for path in leftovers:
            _remove_leftover(path)

    def dumps(self) -> dict[Path, int]:
        """Return the dumps that may be removed, the oldest first, with their sizes in [byte]."""
        try:
            paths = sorted(path for path in self.path.iterdir() if _DUMP.fullmatch(path.name))
        except OSError:
            return {}
        sizes = ((path, _size_of_dump(path)) for path in paths)
        return {path: size for path, size in sizes if size is not None}

    def write(
        self, label: str, size: int, fill: Callable[[Path], None]
    ) -> tuple[Path, list[Path]]:
        """Write a dump, and remove the oldest ones that exceed the quota or the disk.

        Args:
            label: Node and cause; characters that a file name cannot have are replaced.
            size: Of the dump, about, in [byte].
            fill: Writes the bag into a folder that does not exist.

        Returns:
            The dump, and the removed ones.

        Raises:
            RecordingError: If it cannot be written; then it leaves no files.
        """
        removed: list[Path] = []
        while True:
            try:
                path = self._write(label, fill)
                break
            except OSError as error:
                dumps = self.dumps() if error.errno in (errno.ENOSPC, errno.EDQUOT) else {}
                if not dumps or sum(dumps.values()) < size:
                    raise _refusal(
                        self.path, _PARAMETER, error
                    ) from error  # removing them all would not help
                oldest, freed = next(iter(dumps.items()))
                removed += self._remove(oldest)
                size -= freed
        return path, removed + self._make_room(path)

    def _write(self, label: str, fill: Callable[[Path], None]) -> Path:
        self.path.mkdir(parents=True, exist_ok=True)
        path = free_path(self.path, label)
        hidden = path.with_name(f'.{path.name}.{os.getpid()}.part')
        try:
            with _locked(hidden):
                fill(hidden / path.name)
                (hidden / path.name).rename(path)
                hidden.rmdir()
            sync(self.path)
        except BaseException:
            shutil.rmtree(hidden, ignore_errors=True)
            raise
        return path

    def _make_room(self, newest: Path) -> list[Path]:
        """Remove the oldest dumps until the quota is met, but never the newest."""
        dumps = self.dumps()
        total = sum(dumps.values())
        removed: list[Path] = []
        for path, size in dumps.items():
            if total > self.quota and path != newest:
                removed += self._remove(path)
                total -= size
        return removed

    def _remove(self, path: Path) -> list[Path]:
        """Remove a dump atomically; return it, or nothing if another process removed it."""
        hidden = path.with_name(f'.{path.name}.{os.getpid()}.part')
        try:
            path.rename(hidden)
        except OSError as error:
            if error.errno == errno.ENOENT:
                return []
            raise _refusal(self.path, _PARAMETER, error) from error
        shutil.rmtree(hidden, ignore_errors=True)
        return [path]


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


def _remove_leftover(folder: Path) -> None:
    """Remove a leftover unless a writer holds its lock, or another process removes it."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder)
        finally:
            os.close(descriptor)


def _size_of_dump(path: Path) -> int | None:
    """Return the size of a dump; None if it is none, or has files that others added."""
    with contextlib.suppress(OSError):
        sizes = {entry.name: entry.stat().st_size for entry in path.iterdir()}
        if set(sizes) == {_METADATA, f'{path.name}.mcap'}:
            return sum(sizes.values())
    return None


def sync(path: Path) -> None:
    """Wait until a file, or the entries of a folder, are on disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
