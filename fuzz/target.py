# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Shared fuzz driver: feed bytes to a reader, and accept only the errors of this package."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
import sys
import tempfile

import atheris

FOLDER = Path(__file__).parent
A_MINUTE = '-max_total_time=60'
A_MILLION = '-runs=1000000'
BOUNDS = ('-timeout=10', '-rss_limit_mb=3072', '-max_len=8192')
"""Default limits per input: time, memory, size."""


def fuzz(
    read: Callable[[bytes], object],
    expected: tuple[type[Exception], ...],
    seeds: Iterable[bytes],
    length: str = A_MINUTE,
) -> None:
    """Run a fuzzer up to its limits; any other exception ends it with a report.

    Args:
        read: Reader under test.
        expected: Exceptions that it may raise.
        seeds: Valid inputs to start from.
        length: Default length of the run, as a libFuzzer option.
    """

    def run(data: bytes) -> None:
        try:
            read(data)
        except expected:
            return

    with tempfile.TemporaryDirectory() as corpus:
        for number, seed in enumerate(seeds):
            (Path(corpus) / f'seed_{number}').write_bytes(seed)
        found = f'-artifact_prefix={FOLDER}/'
        atheris.Setup([sys.argv[0], length, *BOUNDS, found, *sys.argv[1:], corpus], run)
        atheris.Fuzz()
