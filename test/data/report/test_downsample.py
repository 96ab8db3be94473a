# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from distill_runtime.data.report.downsample import (
    downsampled,
    downsampled_columns,
    INTERVALS,
    maxima,
)
import numpy as np

COUNT = 50 * INTERVALS


def test_long_series_keeps_its_extremes_its_order_and_its_gaps():
    x = np.arange(float(COUNT))
    y = np.sin(x)
    y[12_345], y[12_346] = 100.0, -100.0
    y[20_000:30_000] = np.nan
    short_x, short_y = downsampled(x, y)
    assert len(short_x) <= 2 * INTERVALS
    assert {(12_345.0, 100.0), (12_346.0, -100.0)} <= set(zip(short_x, short_y, strict=True))
    assert np.all(np.diff(short_x) > 0)
    assert np.isnan(short_y).any()


def test_maximum_of_each_interval_is_kept():
    values = np.zeros((COUNT, 2))
    values[777, 1] = 5.0
    values[:100, 0] = np.nan
    short = maxima(values)
    assert len(short) == INTERVALS
    assert short[:, 1].max() == 5.0
    assert np.isnan(short[0, 0])


def test_columns_are_downsampled_one_by_one_and_read_by_intervals():
    x = np.arange(COUNT) * 0.02
    rows = np.random.default_rng(0).normal(size=(COUNT, 3)).astype(np.float32)
    is_known = np.ones(COUNT, np.bool_)
    is_known[1000:3000] = False
    read = []

    class Rows:
        shape = rows.shape

        def __getitem__(self, chunk):
            read.append(chunk.stop - chunk.start)
            return rows[chunk]

    values = np.where(is_known[:, None], rows, np.nan).astype(np.float64)
    found = downsampled_columns(x, Rows(), (2, 0), is_known)
    for column, points in zip((2, 0), found, strict=True):
        np.testing.assert_array_equal(points, downsampled(x, values[:, column]))
    assert max(read) <= 50


def test_short_series_and_columns_are_unchanged():
    x, rows = np.arange(4.0), np.arange(8.0).reshape(4, 2)
    np.testing.assert_array_equal(downsampled(x, rows[:, 0]), (x, rows[:, 0]))
    (column,) = downsampled_columns(x, rows, (1,), np.array([True, True, False, True]))
    np.testing.assert_array_equal(column, (x, [1.0, 3.0, np.nan, 7.0]))
