# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Messages of a topic that cannot be used: why, and when they were received."""

from __future__ import annotations

from collections.abc import Mapping

from distill_runtime.core.arrays import StampArray
import numpy as np

Dropped = Mapping[str, StampArray]
"""Times of receipt in [ns], by the reason why the messages are dropped."""

UNDECODABLE = 'cannot be decoded'
LACKS_JOINTS = 'lack joints of the policy, or their positions'
OTHER_JOINTS = 'have other joints only'
NOT_FINITE = 'are not finite'
OTHER_WIDTH = 'have another width'
OTHER_LABELS = 'have other labels'


def lost_sample_times(dropped: Dropped) -> StampArray:
    """Return when messages were received that the robot may have had as samples, ascending."""
    times = [dropped[reason] for reason in (UNDECODABLE, LACKS_JOINTS) if reason in dropped]
    return np.sort(np.concatenate(times)) if times else np.zeros(0, np.int64)
