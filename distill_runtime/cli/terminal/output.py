# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Results as JSON, in a file that is never half written, or on standard output.

Files that a command writes: whole, or not at all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
import json
import os
from pathlib import Path
from typing import BinaryIO

from distill_runtime.errors import ConfigError


def write_file(path: Path, option: str, write: Callable[[BinaryIO], object]) -> None:
    """Write a file under another name, then give it its own.

    Args:
        path: File, replaced if it exists.
        option: That names it, for messages.
        write: Writes the content.

    Raises:
        ConfigError: If it cannot be written.
    """
    unfinished = path.with_name(f'{path.name}.tmp')
    try:
        with unfinished.open('wb') as file:
            write(file)
        os.replace(unfinished, path)
    except BaseException as error:  # a Ctrl-C too leaves nothing unfinished
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
        report: What to write; NaN and infinity have no form in JSON and are refused.

    Raises:
        ConfigError: If the file cannot be written.
    """
    text = json.dumps(report, indent=2, allow_nan=False)
    if target == '-':
        print(text)
        return
    write_text(Path(target), '--json', f'{text}\n')
