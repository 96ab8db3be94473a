# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Write output files, and reports as JSON."""

from __future__ import annotations

from collections.abc import Mapping
import json
import math
from pathlib import Path

from distill_runtime.policy.model_file.model_files import write_file


def write_text(path: Path, option: str, text: str) -> None:
    """Write text as UTF-8; see write_file."""
    write_file(path, lambda file: file.write(text.encode()), option)


def write_json(target: str, report: Mapping[str, object]) -> None:
    """Write a report.

    Args:
        target: File, replaced if it exists; - for standard output.
        report: Content; NaN becomes null, infinity and what else JSON lacks becomes text.

    Raises:
        ConfigError: If the file cannot be written.
    """
    text = json.dumps(_plain(report), indent=2, allow_nan=False)
    if target == '-':
        print(text)
        return
    write_text(Path(target), '--json', f'{text}\n')


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, float) and math.isnan(value):
        return None
    is_json = isinstance(value, (int, str, type(None))) or (
        isinstance(value, float) and math.isfinite(value)
    )
    return value if is_json else str(value)
