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
    dropped = DroppedCounter()
    for reason, times in (
        (UNDECODABLE, [5, 9]),
        (OTHER_JOINTS, [7]),
        (UNDECODABLE, [1]),
        ('x', []),
    ):
        dropped.add(reason, np.array(times, np.int64))
    found = dropped.found()
    assert {reason: times.tolist() for reason, times in found.items()} == {
        UNDECODABLE: [1, 5, 9],
        OTHER_JOINTS: [7],
    }
    assert count(found) == 4


def test_message_of_other_joints_is_no_lost_sample():
    found = {UNDECODABLE: np.array([3]), OTHER_JOINTS: np.array([1]), LACKS_JOINTS: np.array([2])}
    assert lost_sample_times(found).tolist() == [2, 3]
    assert lost_sample_times({}).tolist() == []
