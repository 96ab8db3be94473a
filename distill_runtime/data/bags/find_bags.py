# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Find all recordings below a folder.

A folder with metadata.yaml is one recording, whatever else it contains. So is one whose metadata
is missing because it was cut off: its MCAP files are named after it. Elsewhere each .mcap, .db3
and .bag file is one. Hidden folders are skipped: files in them are still being written.
"""

from __future__ import annotations

from collections.abc import Iterator
import os
from pathlib import Path
import re

from distill_runtime.errors import ConfigError

_SUFFIXES = ('.mcap', '.db3', '.bag')


def find_bags(folder: Path) -> list[Path]:
    """Return the recordings, by their path.

    Args:
        folder: Where to look; it may be a recording.

    Raises:
        ConfigError: If it is no folder, or there is none.
    """
    if not folder.is_dir():
        raise ConfigError(f'{folder} is no folder, expected one with recordings')
    found = list(_bags_in(folder))
    if not found:
        raise ConfigError(
            f'{folder} has no recordings, expected rosbag2 folders or files that end in one of '
            f'{list(_SUFFIXES)}'
        )
    return found


def _bags_in(folder: Path) -> Iterator[Path]:
    for name, folders, files in os.walk(folder):
        path = Path(name)
        recordings = sorted(file for file in files if file.endswith(_SUFFIXES))
        folders[:] = sorted(entry for entry in folders if not entry.startswith('.'))
        if 'metadata.yaml' in files or _is_cut_off(path.name, recordings):
            folders.clear()
            yield path
        else:
            yield from (path / file for file in recordings)


def _is_cut_off(name: str, recordings: list[str]) -> bool:
    """Return whether the files of a folder are one split recording without metadata."""
    numbered = re.compile(rf'{re.escape(name)}(_\d+)?\.mcap')
    return bool(recordings) and all(numbered.fullmatch(file) for file in recordings)
