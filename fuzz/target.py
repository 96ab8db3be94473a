# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""What all fuzzers do: feed bytes to one reader, and let only our own errors pass."""

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
"""Of one input, where the command line does not say otherwise: hang, memory, size."""


def fuzz(
    read: Callable[[bytes], object],
    refusals: tuple[type[Exception], ...],
    seeds: Iterable[bytes],
    length: str = A_MINUTE,
) -> None:
    """Run a fuzzer until its bounds; anything but a refusal ends it with a report.

    Args:
        read: Takes the bytes.
        refusals: What it may raise.
        seeds: Good inputs to start from.
        length: When it ends by itself, where the command line does not say otherwise.
    """

    def run(data: bytes) -> None:
        try:
            read(data)
        except refusals:
            return

    with tempfile.TemporaryDirectory() as corpus:
        for number, seed in enumerate(seeds):
            (Path(corpus) / f'seed_{number}').write_bytes(seed)
        found = f'-artifact_prefix={FOLDER}/'
        atheris.Setup([sys.argv[0], length, *BOUNDS, found, *sys.argv[1:], corpus], run)
        atheris.Fuzz()
