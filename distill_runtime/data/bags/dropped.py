# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Messages of a topic that cannot be used: why, and when they came."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from .chunk import StampArray

LeftOut = Mapping[str, StampArray]
"""When they were received, in [ns], by why they are left out."""

UNDECODABLE = 'cannot be decoded'
LACKS_JOINTS = 'lack joints of the policy, or their positions'
OTHER_JOINTS = 'have other joints only'
NOT_FINITE = 'are not finite'
OTHER_WIDTH = 'have another width'
OTHER_LABELS = 'have other labels'
SPOILT = (UNDECODABLE, LACKS_JOINTS)
"""Where the robot may have had a sample that the recording does not give."""


class DroppedCounter:
    """Collects what is left out of one topic."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._found: dict[str, list[StampArray]] = {}

    def add(self, why: str, receive_ns: StampArray) -> None:
        """Leave out the messages that were received at some times."""
        if len(receive_ns):
            self._found.setdefault(why, []).append(receive_ns)

    def found(self) -> LeftOut:
        """Return all of them, in order of receipt."""
        return {why: np.sort(np.concatenate(times)) for why, times in self._found.items()}


def count(left_out: LeftOut) -> int:
    """Return how many messages are left out."""
    return sum(map(len, left_out.values()))


def spoilt_times(left_out: LeftOut) -> StampArray:
    """Return when messages came that may hide a sample, ascending."""
    times = [left_out[why] for why in SPOILT if why in left_out]
    return np.sort(np.concatenate(times)) if times else np.zeros(0, np.int64)
