# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from distill_runtime.data.bags.dropped import (
    count,
    DroppedCounter,
    LACKS_JOINTS,
    lost_sample_times,
    OTHER_JOINTS,
    UNDECODABLE,
)
import numpy as np


def test_times_are_collected_by_reason_in_order():
    leaving_out = DroppedCounter()
    for why, times in ((UNDECODABLE, [5, 9]), (OTHER_JOINTS, [7]), (UNDECODABLE, [1]), ('x', [])):
        leaving_out.add(why, np.array(times, np.int64))
    found = leaving_out.found()
    assert {why: times.tolist() for why, times in found.items()} == {
        UNDECODABLE: [1, 5, 9],
        OTHER_JOINTS: [7],
    }
    assert count(found) == 4


def test_message_of_other_joints_hides_no_sample():
    found = {UNDECODABLE: np.array([3]), OTHER_JOINTS: np.array([1]), LACKS_JOINTS: np.array([2])}
    assert lost_sample_times(found).tolist() == [2, 3]
    assert lost_sample_times({}).tolist() == []
