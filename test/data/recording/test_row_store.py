# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from distill_runtime.data.recording import row_store
from distill_runtime.data.recording.row_store import Picked, RowStore
from distill_runtime.errors import RecordingError
import numpy as np
import pytest

ROWS = np.arange(30, dtype=np.float32).reshape(10, 3)


@pytest.fixture(params=[1 << 20, 8])
def rows(request, monkeypatch):
    """Return some rows, in memory and on disk."""
    monkeypatch.setattr(row_store, '_IN_MEMORY', request.param)
    rows = RowStore(3)
    rows.append(ROWS[:4])
    rows.append(ROWS[4:].astype(np.float64))
    return rows


def test_rows_come_back_by_stretches(rows):
    assert (rows.shape, len(rows)) == ((10, 3), 10)
    np.testing.assert_array_equal(rows[2:7], ROWS[2:7])
    np.testing.assert_array_equal(rows[8:99], ROWS[8:])
    np.testing.assert_array_equal(np.asarray(rows), ROWS)
    assert rows[:].dtype == np.float32
    rows.append(ROWS[:1])
    np.testing.assert_array_equal(rows[9:], ROWS[[9, 0]])


@pytest.mark.parametrize('wanted', [[], [3], [2, 3, 3, 5], [9, 0], [0, 9] * 3])
def test_rows_are_read_by_index(rows, wanted):
    np.testing.assert_array_equal(rows.take(np.array(wanted, np.intp)), ROWS[wanted])


def test_row_without_an_index_is_nan(rows):
    picked = Picked(rows, np.array([3, -1, 4]))
    expected = np.vstack([ROWS[3], [np.nan] * 3, ROWS[4]])
    np.testing.assert_array_equal(np.asarray(picked), expected)
    np.testing.assert_array_equal(picked[1:], expected[1:])
    assert (picked.shape, len(picked)) == ((3, 3), 3)


def test_full_disk_is_refused_with_a_hint(monkeypatch):
    rows = RowStore(1)

    class Full:
        def seek(self, *offset):
            raise OSError(28, 'No space left on device')

    monkeypatch.setattr(rows, '_file', Full())
    with pytest.raises(RecordingError, match=r'No space left .*: set TMPDIR to a folder'):
        rows.append(np.zeros((1, 1)))
