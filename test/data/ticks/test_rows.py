# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from distill_runtime.data.recording.unwrap_time import Timeline
from distill_runtime.data.ticks.by_stamp import newest_rows
from distill_runtime.data.ticks.rows import named_rows, newest_in_chunk, TickRows
from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest
from support.bags import MS
from support.walks import imu_stream

times = st.lists(st.integers(0, 400), min_size=1, max_size=40)


def chosen(choose, stamps, size):
    """Return the index of the messages chosen from chunks of some size."""
    stamps = np.array(stamps, np.int64)
    received = np.arange(len(stamps))
    found = [
        choose(stamps[begin : begin + size], received[begin : begin + size])
        for begin in range(0, max(1, len(stamps)), size)
    ]
    return np.flatnonzero(np.concatenate(found)).tolist()


def test_ticks_are_reduced_to_a_period():
    assert chosen(TickRows(19 * MS), np.arange(1, 60, 5) * MS, 100) == [0, 4, 8]


def test_message_without_a_stamp_gives_no_tick():
    assert chosen(TickRows(10), [0, 0, 5, 15], 100) == [2, 3]


def test_message_that_was_overtaken_gives_no_tick_and_one_of_a_clock_set_back_does():
    stamps = np.array([5000, 5020, 4990, 5040, 100, 120]) * MS
    assert chosen(TickRows(19 * MS), stamps, 100) == [0, 1, 3, 4, 5]


@given(times, st.integers(1, 7))
def test_blocks_make_no_difference(stamps, size):
    stamps = 10 * MS * np.array(stamps)  # up to 4 s, so that some are of a clock that was set back
    whole = chosen(TickRows(190 * MS), stamps, len(stamps))
    assert chosen(TickRows(190 * MS), stamps, size) == whole
    # what gives a tick among all gives one among the ticks
    ticks = stamps[whole]
    assert chosen(TickRows(190 * MS), ticks, size) == list(range(len(ticks)))


def test_rows_with_a_stamp_that_is_named_are_wanted():
    assert chosen(named_rows(np.array([-1, 7, 7, 9])), [5, 7, 8, 9, 7, 10], 2) == [1, 3, 4]


@given(times, times, st.integers(1, 9))
@pytest.mark.parametrize('is_sorted', [True, False])
def test_newest_sample_at_each_tick_is_always_wanted(is_sorted, samples, ticks, size):
    ticks = np.unique(ticks).astype(np.int64)
    timeline = Timeline(ticks, np.full(len(ticks), 10**6))
    stamps = np.array(sorted(samples) if is_sorted else samples, np.int64)
    wanted = chosen(newest_in_chunk(timeline), stamps, size)
    stream = imu_stream(np.zeros((len(stamps), 4)), np.zeros((len(stamps), 3)))
    object.__setattr__(stream, 'stamp_ns', stamps)
    rows = newest_rows(stream, timeline, ticks)
    assert set(rows[rows >= 0].tolist()) <= set(wanted)
    if is_sorted and size >= len(stamps):
        assert len(wanted) <= len(ticks)
