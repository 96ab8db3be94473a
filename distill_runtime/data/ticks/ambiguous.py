# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Find unlogged ticks whose sample is uncertain because a message cannot be used.

The unusable message was received between the sample of the tick and the tick: it may have been the
newest sample. An unusable JointState just before that of the tick may have triggered the tick.
"""

from __future__ import annotations

from distill_runtime.core.arrays import IndexArray
from distill_runtime.data.bags.chunk import BoolArray, StampArray
from distill_runtime.data.bags.dropped import lost_sample_times
from distill_runtime.data.recording.recording import Recording
from distill_runtime.data.recording.series import Stream
import numpy as np

from .by_stamp import NONE, Ticks


def ambiguous_samples(recording: Recording, ticks: Ticks) -> dict[str, BoolArray]:
    """Return at which ticks the sample of an input is uncertain, input by input.

    Args:
        recording: The recording.
        ticks: Of this recording.
    """
    joints = recording.joints
    ends_ns = joints.receive_ns[ticks.joints]
    found = {}
    lost_ns = lost_sample_times(joints.dropped)
    if len(lost_ns):
        _, previous_ns = joints.previous
        found['joint_states'] = _has_any(lost_ns, previous_ns[ticks.joints], ends_ns)
    inputs: dict[str, tuple[Stream | None, IndexArray]] = {
        'imu': (recording.imu, ticks.imu),
        'odom': (recording.odometry, ticks.odometry),
        'cmd_vel': (recording.command, ticks.command),
    }
    for (topic, external), rows in zip(recording.externals.items(), ticks.externals, strict=True):
        inputs[topic] = external, rows
    for name, (stream, rows) in inputs.items():
        lost_ns = np.zeros(0, np.int64) if stream is None else lost_sample_times(stream.dropped)
        if stream is not None and len(lost_ns):
            received = np.append(stream.receive_ns, 0)
            begins_ns = received[np.where(rows == NONE, len(received) - 1, rows)]
            found[name] = _has_any(lost_ns, begins_ns, ends_ns)
    return found


def _has_any(times: StampArray, begins: StampArray, ends: StampArray) -> BoolArray:
    """Return which intervals (begin, end] contain one of some ascending times."""
    first = np.searchsorted(times, begins, side='right')
    return np.searchsorted(times, ends, side='right') > first
