# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from distill_runtime.data.thin import greatest, STRETCHES, thinned
import numpy as np


def test_short_series_stays_as_it_is():
    x, y = np.arange(5.0), np.arange(5.0)
    assert thinned(x, y) == (x, y)


def test_long_series_keeps_its_extremes_and_its_order():
    x = np.arange(50_000.0)
    y = np.sin(x)
    y[12_345], y[12_346] = 100.0, -100.0
    short_x, short_y = thinned(x, y)
    assert len(short_x) <= 2 * STRETCHES
    assert {(12_345.0, 100.0), (12_346.0, -100.0)} <= set(zip(short_x, short_y, strict=True))
    assert np.all(np.diff(short_x) > 0)


def test_gap_stays_a_gap():
    y = np.zeros(50_000)
    y[20_000:30_000] = np.nan
    assert np.isnan(thinned(np.arange(50_000.0), y)[1]).any()


def test_greatest_of_each_stretch_is_kept():
    values = np.zeros((50_000, 2))
    values[777, 1] = 5.0
    values[:100, 0] = np.nan
    short = greatest(values)
    assert len(short) == STRETCHES
    assert short[:, 1].max() == 5.0
    assert np.isnan(short[0, 0])
