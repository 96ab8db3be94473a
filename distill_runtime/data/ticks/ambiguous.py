# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Ticks that nobody logged, whose sample may be hidden by a message that cannot be used.

Between the sample that such a tick sees and the tick lies the message: had it been whole, it might
have been the newest one. Of JointStates it is one right in front of the tick's own: it might have
given the tick.
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
    """Return at which ticks the sample of an input may be hidden, input by input.

    Args:
        recording: What was recorded.
        ticks: Of this recording.
    """
    joints = recording.joints
    ends_ns = joints.receive_ns[ticks.joints]
    found = {}
    spoilt_ns = lost_sample_times(joints.left_out)
    if len(spoilt_ns):
        _, previous_ns = joints.previous
        found['joint_states'] = _has_any(spoilt_ns, previous_ns[ticks.joints], ends_ns)
    inputs: dict[str, tuple[Stream | None, IndexArray]] = {
        'imu': (recording.imu, ticks.imu),
        'odom': (recording.odometry, ticks.odometry),
        'cmd_vel': (recording.command, ticks.command),
    }
    for (topic, external), rows in zip(recording.externals.items(), ticks.externals, strict=True):
        inputs[topic] = external, rows
    for name, (stream, rows) in inputs.items():
        spoilt_ns = np.zeros(0, np.int64) if stream is None else lost_sample_times(stream.left_out)
        if stream is not None and len(spoilt_ns):
            received = np.append(stream.receive_ns, 0)
            begins_ns = received[np.where(rows == NONE, len(received) - 1, rows)]
            found[name] = _has_any(spoilt_ns, begins_ns, ends_ns)
    return found


def _has_any(times: StampArray, begins: StampArray, ends: StampArray) -> BoolArray:
    """Return which spans, begin excluded, hold one of some ascending times."""
    first = np.searchsorted(times, begins, side='right')
    return np.searchsorted(times, ends, side='right') > first
