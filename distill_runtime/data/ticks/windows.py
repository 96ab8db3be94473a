# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Select samples of a long recording in windows, so that memory does not grow with its length.

The windows are spread evenly over the JointStates, from the first to the last one:

    JointStates  0 ............................ 900000
    windows      [----]    [----]    [----]    [----]
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from distill_runtime.core.arrays import BoolArray, IndexArray, StampArray
from distill_runtime.data.bags.topic_reader import Choose
from distill_runtime.data.recording.series import JointStream
from distill_runtime.wire.layouts import JOINT_KINDS
import numpy as np

MAX_ROWS = 60_000
"""JointStates in all windows: two minutes at 500 Hz. A recording with fewer is read whole."""
NUM_WINDOWS = 10
_BEFORE_NS = 200_000_000
"""How long before a window other topics are read: the longest lag of a joint is looked up."""
_END_NS = np.iinfo(np.int64).max


class Received(NamedTuple):
    """All messages of a topic, whether or not they are in a window."""

    stamp_ns: StampArray
    """Shape (N,); of messages without a header: when they were received."""
    rate: float
    """Mean in [Hz]; 0 if it is undefined."""


class Windows:
    """Selects the samples in the windows; a RowSelection.

    Attributes:
        length: JointStates of a window.
    """

    kinds = JOINT_KINDS
    """Numbers of the joints to read."""

    def __init__(self, num_messages: int) -> None:
        """Place the windows.

        Args:
            num_messages: Of the JointStates, more than MAX_ROWS.
        """
        self.length = MAX_ROWS // NUM_WINDOWS
        self._begins = np.linspace(0, num_messages - self.length, NUM_WINDOWS).astype(np.int64)
        self._choices: dict[str, _Choice] = {}

    def for_joints(self) -> Choose:
        """Return what selects JointStates."""

        def select(rows: IndexArray, receive_ns: StampArray) -> BoolArray:
            window = np.searchsorted(self._begins, rows, side='right') - 1
            chosen: BoolArray = rows < self._begins[window] + self.length
            return chosen

        return self._choices.setdefault('joint_states', _Choice(select))

    def for_topic(self, name: str, joints: JointStream) -> Choose:
        """Return what selects messages of another topic: in windows, and the newest before each.

        Args:
            name: Of the topic.
            joints: The selected JointStates.
        """
        begins_ns = joints.receive_ns[:: self.length] - _BEFORE_NS
        ends_ns = np.append(joints.receive_ns[self.length - 1 :: self.length], _END_NS)

        def select(rows: IndexArray, receive_ns: StampArray) -> BoolArray:
            window = np.searchsorted(begins_ns, receive_ns, side='right') - 1
            chosen: BoolArray = (window >= 0) & (receive_ns <= ends_ns[window])
            before = np.searchsorted(receive_ns, begins_ns, side='left') - 1
            chosen[before[before >= 0]] = True
            chosen[-1:] = True  # it may be the newest before a window of a later chunk
            return chosen

        return self._choices.setdefault(name, _Choice(select))

    def received(self, name: str) -> Received | None:
        """Return what was received of a selected topic; None: it was not selected."""
        return None if name not in self._choices else self._choices[name].received()


class _Choice:
    """Selects rows chunk by chunk, and keeps the stamps of all."""

    def __init__(self, select: Callable[[IndexArray, StampArray], BoolArray]) -> None:
        self._select = select
        self._stamps: list[StampArray] = []
        self._ends: list[int] = []
        self._num_rows = 0

    def __call__(self, stamp_ns: StampArray, receive_ns: StampArray) -> BoolArray:
        """Return which of the next messages are selected."""
        first, self._num_rows = self._num_rows, self._num_rows + len(stamp_ns)
        self._stamps.append(stamp_ns)
        self._ends += receive_ns[[0, -1]].tolist() if len(receive_ns) else []
        return self._select(np.arange(first, self._num_rows), receive_ns)

    def received(self) -> Received:
        """Return what was received."""
        stamps = np.concatenate(self._stamps) if self._stamps else np.zeros(0, np.int64)
        return Received(stamps, mean_rate(self._ends, len(stamps)))


def mean_rate(receive_ns: StampArray | list[int], count: int) -> float:
    """Return the mean rate in [Hz] of messages; 0 if it is undefined.

    Args:
        receive_ns: Times of receipt, the first and the last of them at least.
        count: Number of messages.
    """
    if count < 2 or receive_ns[-1] <= receive_ns[0]:
        return 0.0
    return float((count - 1) / (np.float64(receive_ns[-1] - receive_ns[0]) / 1e9))
