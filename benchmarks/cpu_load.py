# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Keep one core busy for a bounded time, or until the parent process ends."""

from __future__ import annotations

import os
import sys
import time

if __name__ == '__main__':
    parent, end = os.getppid(), time.monotonic() + float(sys.argv[1])
    while time.monotonic() < end and os.getppid() == parent:
        for _ in range(100_000):
            pass
