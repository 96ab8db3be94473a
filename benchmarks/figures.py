# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Percentiles of times, in microseconds."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Times = npt.NDArray[np.int64]


def figures(times_ns: Times, *percentiles: float) -> dict[str, float]:
    """Return percentiles of times in [ns], in [us], by names like p50_us and p999_us."""
    return {
        f'p{str(percentile).replace(".", "")}_us': round(value, 3)
        for percentile, value in zip(
            percentiles, np.percentile(times_ns / 1e3, percentiles).tolist(), strict=True
        )
    }
