# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Imports of optional libraries by the commands."""

from __future__ import annotations

from collections.abc import Iterator
import contextlib

from distill_runtime.errors import MissingExtraError


@contextlib.contextmanager
def installed(advice: str) -> Iterator[None]:
    """Turn an ImportError of the block into one that says what to do.

    Raises:
        MissingExtraError: If an import fails.
    """
    try:
        yield
    except ImportError as error:
        raise MissingExtraError(f'{error.name} is not installed: {advice}') from error


def of_extra(name: str) -> contextlib.AbstractContextManager[None]:
    """Turn an ImportError of the block into one that names the extra of setup.py to install."""
    return installed(f'install it with: pip install "distill_runtime[{name}]"')
