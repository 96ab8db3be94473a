# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from distill_runtime.data.recording.unwrap_time import Timeline
import numpy as np

SECOND = 1_000_000_000


def test_without_jumps_times_are_stamps():
    stamps = np.array([5, 25, 45]) * SECOND
    timeline = Timeline(stamps, stamps + 7)
    assert timeline.ticks.tolist() == stamps.tolist()
    assert timeline.unwrapped(np.array([1, 99]), np.array([0, 0])).tolist() == [1, 99]


def test_segments_of_a_clock_that_was_set_back_follow_one_another():
    stamps = np.array([100, 101, 3, 4, 5, 2, 3]) * SECOND
    received = np.arange(7) * SECOND
    timeline = Timeline(stamps, received)
    assert (np.diff(timeline.ticks) > 0).all()
    assert np.diff(timeline.ticks)[[0, 2, 3, 5]].tolist() == [SECOND] * 4
    # a sample is near the ticks of the segment in which it was received
    samples = timeline.unwrapped(stamps - 1, received)
    assert (timeline.ticks - samples).tolist() == [1] * 7
    assert timeline.is_same_segment(received - SECOND).tolist() == [1, 1, 0, 1, 1, 0, 1]


def test_sample_with_a_stamp_outside_its_segment_is_clipped_to_it():
    stamps = np.array([100, 101, 3, 4]) * SECOND
    received = np.arange(4) * SECOND
    timeline = Timeline(stamps, received)
    far = timeline.unwrapped(np.array([10**18, 0]), np.array([1, 2]) * SECOND)
    assert timeline.ticks[1] < far[0] < timeline.ticks[2]
    assert timeline.ticks[1] < far[1] < timeline.ticks[2]
