# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Folders that recordings and dumps go to, and the dated names of what is written there."""

from __future__ import annotations

import errno
import os
from pathlib import Path
import re
import time

from distill_runtime.errors import RecordingError


def expanded(path: str) -> Path:
    """Return a path whose ~ is the user's home, and whose ~/.ros is where ROS_HOME says."""
    home = os.environ.get('ROS_HOME')
    within = path.removeprefix('~/.ros/')
    return Path(home, within) if home and within != path else Path(path).expanduser()


def make_folder(path: Path, parameter: str) -> None:
    """Make a folder if it is not there.

    Args:
        path: The folder.
        parameter: That names it, for the message.

    Raises:
        RecordingError: If nothing can be written there.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise folder_refusal(path, parameter, error) from error
    if not os.access(path, os.W_OK | os.X_OK):
        denied = PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        raise folder_refusal(path, parameter, denied)


def free_path(folder: Path, label: str) -> Path:
    """Return a path for something written now that is not there: by the time, the label, a number.

    Args:
        folder: Where it lies.
        label: What it is; what no file name can hold is replaced.
    """
    stamp = time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())
    text = re.sub(r'[^\w.-]+', '-', label).strip('-.')[:100]
    path, number = folder / f'{stamp}_{text}', 1
    while path.exists():
        number += 1
        path = folder / f'{stamp}_{text}_{number}'
    return path


def folder_refusal(path: Path, parameter: str, error: OSError) -> RecordingError:
    """Return the error that says why a folder cannot be used, and what to do.

    Args:
        path: The folder.
        parameter: That names it.
        error: What the system said.
    """
    reason = error.strerror or str(error)
    return RecordingError(
        f'{parameter} {path}: {reason}: make room or let this user write there, or set another '
        'folder'
    )
