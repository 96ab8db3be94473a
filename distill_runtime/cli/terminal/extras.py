# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""What a command imports from an extra of this package."""

from __future__ import annotations

from collections.abc import Iterator
import contextlib

from distill_runtime.errors import MissingExtraError


@contextlib.contextmanager
def of_extra(name: str) -> Iterator[None]:
    """Say how to get an extra where an import of the block fails.

    Args:
        name: Of the extra, a key of extras_require in setup.py.

    Raises:
        MissingExtraError: If something of it is not installed.
    """
    try:
        yield
    except ImportError as error:
        raise MissingExtraError(
            f'{error.name} is not installed, install it with: '
            f'pip install "distill_runtime[{name}]"'
        ) from error
