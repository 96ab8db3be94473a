# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Find the installed data of the package: config/, launch/ and models/."""

from __future__ import annotations

from pathlib import Path

from .errors import DistillError

NAME = 'distill_runtime'
MARKER = 'package.xml'


def share_path(package: Path | None = None) -> Path:
    """Return the folder that holds config/, launch/ and models/.

    In a source checkout, including editable and symlinked installs, that is the checkout itself;
    otherwise `<prefix>/share/distill_runtime` of the nearest prefix above the package, where pip,
    colcon and Debian install it.

    Args:
        package: Folder of the Python package; None: this one.

    Raises:
        DistillError: If there is no such folder.
    """
    package = Path(__file__).resolve().parent if package is None else package
    candidates = [package.parent]
    candidates += [prefix / 'share' / NAME for prefix in package.parents]
    for candidate in candidates:
        if (candidate / MARKER).is_file():
            return candidate
    raise DistillError(
        f'share/{NAME} is in no folder above {package}, expected it in its prefix: '
        'was the package copied instead of installed?'
    )
