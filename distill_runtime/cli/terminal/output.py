# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Write output files atomically, and reports as JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
import json
import os
from pathlib import Path
from typing import BinaryIO

from distill_runtime.errors import ConfigError


def write_file(path: Path, option: str, write: Callable[[BinaryIO], object]) -> None:
    """Write a file under a temporary name, then rename it.

    Args:
        path: File, replaced if it exists.
        option: Command-line option of the file, for messages.
        write: Writes the content.

    Raises:
        ConfigError: If the file cannot be written.
    """
    unfinished = path.with_name(f'{path.name}.tmp')
    try:
        with unfinished.open('wb') as file:
            write(file)
        os.replace(unfinished, path)
    except BaseException as error:  # including Ctrl-C
        with suppress(OSError):
            unfinished.unlink()
        if isinstance(error, OSError):
            raise ConfigError(f'{option} {path} cannot be written: {error.strerror}') from error
        raise


def write_text(path: Path, option: str, text: str) -> None:
    """Write text as UTF-8."""
    write_file(path, option, lambda file: file.write(text.encode()))


def write_json(target: str, report: Mapping[str, object]) -> None:
    """Write a report.

    Args:
        target: File, replaced if it exists; - for standard output.
        report: Content; must not hold NaN or infinity, which JSON lacks.

    Raises:
        ConfigError: If the file cannot be written.
    """
    text = json.dumps(report, indent=2, allow_nan=False)
    if target == '-':
        print(text)
        return
    write_text(Path(target), '--json', f'{text}\n')
