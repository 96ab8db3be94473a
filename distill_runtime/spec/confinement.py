# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Where a file really lies, and whether it may be read from there."""

from __future__ import annotations

from pathlib import Path

from distill_runtime.errors import ConfigError


def confined(path: Path, root: Path | None, what: str = 'file') -> Path:
    """Return the path to read a file from; with a root the one that all links lead to.

    What is checked is what is opened then: a link that is set anew in between has no effect.

    Args:
        path: The file; it need not exist.
        root: Folder that it must lie in, links resolved; None: anywhere.
        what: What it is, for messages.

    Raises:
        ConfigError: If it lies elsewhere, or is no path at all.
    """
    if root is None:
        return path
    try:
        folder, place = root.expanduser().resolve(), path.expanduser().resolve()
    except (OSError, ValueError, RuntimeError) as error:
        raise ConfigError(f'{what} {path} is no path that can be followed: {error}') from error
    if folder not in place.parents:
        raise ConfigError(
            f'{what} {path} lies outside model_root, expected it below {folder}'
            + ('' if place == path else f': it is {place}')
        )
    return place
