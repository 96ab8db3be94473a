# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Imports of optional libraries by the commands."""

from __future__ import annotations

from collections.abc import Iterator
import contextlib

from distill_runtime.errors import MissingExtraError


@contextlib.contextmanager
def of_extra(name: str) -> Iterator[None]:
    """Turn an ImportError of the block into one that names the extra to install.

    Args:
        name: Name of the extra, a key of extras_require in setup.py.

    Raises:
        MissingExtraError: If an import fails.
    """
    try:
        yield
    except ImportError as error:
        raise MissingExtraError(
            f'{error.name} is not installed, install it with: '
            f'pip install "distill_runtime[{name}]"'
        ) from error
