# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Results as JSON, in a file that is never half written, or on standard output."""

from __future__ import annotations

from collections.abc import Mapping
import json
from pathlib import Path

from .output_file import write_text


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
