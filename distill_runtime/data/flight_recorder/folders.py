# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Make the folders of recordings and dumps, and dated names in them."""

from __future__ import annotations

import errno
import os
from pathlib import Path
import re
import time

from distill_runtime.errors import RecordingError


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
        raise folder_refusal(path, parameter, error) from error
    if not os.access(path, os.W_OK | os.X_OK):
        denied = PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        raise folder_refusal(path, parameter, denied)


def free_path(folder: Path, label: str) -> Path:
    """Return an unused path named by the time, a label, and a number if needed.

    Args:
        folder: Its parent.
        label: Characters that a file name cannot have are replaced.
    """
    stamp = time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())
    text = re.sub(r'[^\w.-]+', '-', label).strip('-.')[:100]
    path, number = folder / f'{stamp}_{text}', 1
    while path.exists():
        number += 1
        path = folder / f'{stamp}_{text}_{number}'
    return path


def folder_refusal(path: Path, parameter: str, error: OSError) -> RecordingError:
    """Return an error with the reason why a folder cannot be used, and what to do.

    Args:
        path: The folder.
        parameter: Name of the parameter.
        error: Of the system.
    """
    reason = error.strerror or str(error)
    return RecordingError(
        f'{parameter} {path}: {reason}: make room or let this user write there, or set another '
        'folder'
    )
