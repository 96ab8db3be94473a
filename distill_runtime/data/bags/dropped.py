# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Messages of a topic that cannot be used: why, and when they were received."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from .chunk import StampArray

Dropped = Mapping[str, StampArray]
"""Times of receipt in [ns], by the reason why the messages are dropped."""

UNDECODABLE = 'cannot be decoded'
LACKS_JOINTS = 'lack joints of the policy, or their positions'
OTHER_JOINTS = 'have other joints only'
NOT_FINITE = 'are not finite'
OTHER_WIDTH = 'have another width'
OTHER_LABELS = 'have other labels'
_SAMPLES = (UNDECODABLE, LACKS_JOINTS)
"""Reasons for which the robot may have had a sample that the recording lacks."""


class DroppedCounter:
    """Collects the dropped messages of one topic."""

    def __init__(self) -> None:
        """Collect from none."""
        self._times: dict[str, list[StampArray]] = {}

    def add(self, reason: str, receive_ns: StampArray) -> None:
        """Drop the messages that were received at some times."""
        if len(receive_ns):
            self._times.setdefault(reason, []).append(receive_ns)

    def found(self) -> Dropped:
        """Return all of them, in order of receipt."""
        return {reason: np.sort(np.concatenate(times)) for reason, times in self._times.items()}


def count(dropped: Dropped) -> int:
    """Return how many messages were dropped."""
    return sum(map(len, dropped.values()))


def lost_sample_times(dropped: Dropped) -> StampArray:
    """Return when messages were received that may have been samples, ascending."""
    times = [dropped[reason] for reason in _SAMPLES if reason in dropped]
    return np.sort(np.concatenate(times)) if times else np.zeros(0, np.int64)
